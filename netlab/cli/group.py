"""The commands of `netlab`: each is a module, imported when it is called."""

from __future__ import annotations

import importlib
import os

import click

#: command → (module, help section); the order is the help's. A module of several commands names the one.
COMMANDS = {
    "run": ("run", "Examine"),
    "check": ("check", "Examine"),
    "diff": ("diff", "Examine"),
    "kernels": ("kernels", "Examine"),
    "report": ("report", "Examine"),
    "up": ("up:up", "Labs that stay"),
    "ps": ("inspect:ps", "Labs that stay"),
    "exec": ("enter:run", "Labs that stay"),
    "shell": ("enter:shell", "Labs that stay"),
    "set": ("change:settle", "Labs that stay"),
    "step": ("change:step", "Labs that stay"),
    "reset": ("change:reset", "Labs that stay"),
    "probe": ("probe", "Labs that stay"),
    "capture": ("capture", "Labs that stay"),
    "logs": ("logs", "Labs that stay"),
    "inspect": ("inspect:inspect", "Labs that stay"),
    "nsenter": ("enter:nsenter", "Labs that stay"),
    "down": ("up:down", "Labs that stay"),
    "predict": ("predict", "Understand"),
    "why": ("why", "Understand"),
    "playground": ("playground", "Understand"),
    "rules": ("rules", "Understand"),
    "init": ("init", "Topologies"),
    "import": ("importing", "Topologies"),
    "list": ("topologies", "Topologies"),
    "show": ("show", "Topologies"),
    "graph": ("graph", "Topologies"),
    "schema": ("schema", "Topologies"),
    "doctor": ("doctor", "This machine"),
    "kernel": ("kernel", "This machine"),
    "completion": ("completion", "This machine"),
}


class Commands(click.Group):
    """The commands, in sections, each loaded only when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, in the help's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        place, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(f"netlab.cli.{place}"), name or "command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A mistyped command gets a suggestion; a file's name gets the command that was left out."""
        name = args[0] if args else ""
        if name and name not in COMMANDS and not name.startswith("-"):
            from netlab.errors import did_you_mean

            hint = did_you_mean(name, COMMANDS)
            if name.endswith((".yaml", ".yml")) or os.path.exists(name):
                hint = f" (did you mean 'netlab run {name}'?)"
            ctx.fail(f"no such command '{name}'{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by section."""
        for section in dict.fromkeys(section for _, section in COMMANDS.values()):
            names = [name for name, (_, its) in COMMANDS.items() if its == section]
            rows = []
            for name in names:
                command = self.get_command(ctx, name)
                assert command is not None
                rows.append((name.ljust(max(map(len, COMMANDS))), command.get_short_help_str(60)))
            with formatter.section(section):
                formatter.write_dl(rows)


EPILOG = """\b
Exit codes: 0 all as expected, 1 something was not, 2 the command line or a
file is wrong, 3 this machine can't run it, 4 something could not be proved
either way, 130 interrupted. Of several runs the first of 130, 3, 2, 1, 4.
"""


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda *a: _version(*a),
    help="Show the version and exit.",
)
def cli() -> None:
    """Predict who can reach whom in a network, build it out of namespaces, probe every pair, and judge.

    \b
    Try:  netlab run bridge-two-node.yaml
          netlab why bridge-two-node.yaml A:ens160 A:ens160.1
    """


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from netlab import __version__

        click.echo(f"netlab {__version__}")
        ctx.exit()
