"""`netlab completion`: a script for the shell."""

from __future__ import annotations

import click

HOW = {
    "bash": 'eval "$(netlab completion bash)"      # in ~/.bashrc',
    "zsh": 'eval "$(netlab completion zsh)"       # in ~/.zshrc',
    "fish": "netlab completion fish | source       # in ~/.config/fish/config.fish",
}


@click.command(
    "completion", short_help="Print a completion script for a shell.", epilog="\b\n" + "\n".join(HOW.values())
)
@click.argument("shell", type=click.Choice(list(HOW)))
def command(shell: str) -> None:
    """Print a script that completes commands, topologies, layers, steps and endpoints."""
    from click.shell_completion import get_completion_class

    from netlab.cli.group import cli

    kind = get_completion_class(shell)
    assert kind is not None
    complete = kind(cli, {}, "netlab", "_NETLAB_COMPLETE")
    # Not `source()`, which starts a bash to ask for its version: the script may be for another machine.
    click.echo(complete.source_template % complete.source_vars())
