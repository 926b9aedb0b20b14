"""`netlab import`: what other tools say of a machine's networks, as a topology file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlab.cli.live import LIVE, of_machine
from netlab.cli.output import OutputPath, deliver
from netlab.cli.params import ParamType
from netlab.live import FORMATS

if TYPE_CHECKING:
    from netlab.live.topology import Draft


class HostName(ParamType[str]):
    """The name of a host."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from netlab.spec import scalars

        try:
            return scalars.name(value)
        except scalars.Wrong as wrong:
            self.fail(f"{wrong}: {wrong.hint}" if wrong.hint else str(wrong), param, ctx)


class FormatName(click.Choice[str]):
    """One of the formats, or the nearest to what was typed."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from netlab.errors import did_you_mean

        if value not in self.choices:
            known = ", ".join(self.choices)
            self.fail(f"no format {value!r}{did_you_mean(str(value), self.choices)}; there are {known}", param, ctx)
        return super().convert(value, param, ctx)


@click.command("import", short_help="Make a topology of this machine, or of what docker, podman, networkd … say.")
@click.argument("form", metavar="FORMAT", type=FormatName(["live", *FORMATS]))
@click.argument("files", metavar="[FILE]...", type=click.Path(allow_dash=True), nargs=-1)
@click.option("-o", "--output", type=OutputPath(), metavar="FILE", help="Where to. [default: stdout]")
@click.option("--host", type=HostName(), metavar="NAME", default="host", help="Name of the machine. [default: host]")
@LIVE
def command(form: str, files: tuple[str, ...], output: Path | None, host: str, **chosen: Any) -> int:
    """Make a topology file of this machine, or of the description that another tool has of a machine's networks.

    FORMAT is live (what the kernel says of this machine), docker (what 'docker network inspect' prints, or a compose
    file), podman (what 'podman network inspect' prints), cni (a configuration or a list of plugins), networkd (.netdev
    and .network files, or folders with them), netplan (a file of it), nmstate (a state), containerlab (a
    topology of it) or ip (what 'ip -j' prints of a machine). FILE is a path, or - for standard input; live has none.

    Live reads the network namespace that the command runs in, and all that are connected to it; --netns, --container
    and --pid begin elsewhere, --all takes all. Nothing is changed or sent.

    What isn't said is assumed, such as the physical switch; what netlab can't express is left out. Both are told on
    stderr, and in comments of the file.

    \b
    netlab import live -o machine.yaml
    docker network inspect lan | netlab import docker - -o lan.yaml
    netlab why lan.yaml host host/web
    """
    from netlab import live, plan, spec
    from netlab.errors import PASSED, UsageError, printable
    from netlab.spec.loader import read

    if form == "live":
        if files:
            raise UsageError(f"live reads this machine, not {files[0]}")
        draft, _ = of_machine(host, **chosen)
    else:
        if not files:
            raise UsageError(f"name the FILE that has what {form} says, or - for standard input")
        if any(chosen.values()):
            raise UsageError("--netns, --container, --pid, --all and --anonymize are for live alone")
        shown = ", ".join("<stdin>" if file == "-" else printable(file) for file in files)
        if form == "networkd" and files != ("-",):
            said = units(files)
        elif len(files) > 1:
            raise UsageError(f"{form} is read of one FILE, not of {len(files)}")
        else:
            said = read(Path(files[0]), shown)
        draft = live.draft(live.read(form, said, shown), host, shown)
    text = live.write(draft)
    if chosen["anonymize"]:
        from netlab.live.machine.anonymous import addresses

        text = addresses(text)
    deliver(output, text)
    if not chosen["anonymize"]:
        tell(draft)
    # What the file can't be used for is said at once, with its place in the file that was written.
    plan.resolve(spec.load(text, "<stdout>" if output is None or str(output) == "-" else str(output)))
    return PASSED


#: The files of systemd-networkd in a folder, and what is dropped into the folder of one.
_UNITS = ("*.netdev", "*.network", "*.link", "*.netdev.d/*.conf", "*.network.d/*.conf")


def units(files: tuple[str, ...]) -> str:
    """The text of all files of systemd-networkd that are named, or in a folder that is, each below its name.

    Raises UsageError or TopologyError.
    """
    from netlab.errors import UsageError, printable
    from netlab.spec.loader import read

    found: list[Path] = []
    for path in map(Path, files):
        inside = [one for pattern in _UNITS for one in path.glob(pattern)] if path.is_dir() else [path]
        those = sorted(one for one in inside if one.is_file() or not path.is_dir())
        if not those:
            raise UsageError(f"{path}: there is no .netdev or .network file in it")
        # What is dropped into a unit's folder comes behind the unit.
        found += [*(one for one in those if one.suffix != ".conf"), *(one for one in those if one.suffix == ".conf")]
    for path in found:
        if path.exists() and path.suffix not in (".netdev", ".network", ".link", ".conf"):
            raise UsageError(f"{path} is called neither .netdev nor .network")
    named = ((path if path.is_absolute() else f"./{path}", read(path, printable(str(path)))) for path in found)
    return "\n".join(f"# {name}\n{text}" for name, text in named)


def tell(draft: Draft) -> None:
    """Say what was left out; first what may change an answer."""
    from netlab.errors import printable
    from netlab.live.writer import left_out

    for what, those in (
        ("warning: left out", [one for one in draft.left if one.loses]),
        ("warning: unknown", [one for one in draft.left if one.unknown]),
        ("note: left out", [one for one in draft.left if not one.loses and not one.unknown]),
    ):
        for where, line in left_out(those):
            place = f"{where}: " if where is not None else ""
            print(printable(f"{place}{what}: {line}"), file=sys.stderr)
    if draft.assumed:
        many = len(draft.assumed)
        print(
            f"{draft.origin}: note: {many} assumption{'s' * (many > 1)}, told at the head of the file", file=sys.stderr
        )
