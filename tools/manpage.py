"""Write docs/man/netlab.1, the manual page, from the help of the commands.

``python tools/manpage.py`` writes it; ``python tools/manpage.py --check`` exits with 1 where it would change.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from netlab import __version__
from netlab.cli.group import COMMANDS, cli

FOLDER = Path(__file__).parents[1] / "docs" / "man"
#: The command's other name has a page that is the same.
OTHER = ".so man1/netlab.1\n"
#: The exit codes, as README.md has them.
EXITS = {
    0: "All as expected.",
    1: "Something was not.",
    2: "The command line or a topology is wrong.",
    3: "This machine can't run it; the message says what fixes it.",
    4: "Nothing failed, but something could not be proved either way, or nothing was judged at all.",
    130: "Interrupted.",
}


def main() -> int:
    """Write or check."""
    pages = {FOLDER / "netlab.1": "\n".join(render()) + "\n", FOLDER / "netns-lab.1": OTHER}
    if "--check" in sys.argv:
        return int(any(path.read_text("utf-8") != text for path, text in pages.items()))
    FOLDER.mkdir(exist_ok=True)
    for path, text in pages.items():
        path.write_text(text, "utf-8")
    return 0


def render() -> Iterator[str]:
    """The page, line by line."""
    yield f'.TH NETLAB 1 "" "netlab {__version__}" "User Commands"'
    yield ".SH NAME"
    yield "netlab, netns\\-lab \\- predict, build, probe and judge networks made of namespaces"
    yield ".SH SYNOPSIS"
    yield ".B netlab"
    yield ".I COMMAND\\fR [\\fIARGUMENTS\\fR]"
    yield ".SH DESCRIPTION"
    yield from _prose(cli.help or "")
    yield ".PP"
    yield "The same command is installed as"
    yield ".BR netns\\-lab ,"
    yield "as other packages bring a netlab of their own."
    section = ""
    for name, (_, its) in COMMANDS.items():
        if its != section:
            yield f".SH {its.upper()}"
            section = its
        yield from _command(name)
    yield ".SH EXIT STATUS"
    for code, words in EXITS.items():
        yield ".TP"
        yield f".B {code}"
        yield _text(words)
    yield "Of several runs it is the first of 130, 3, 2, 1, 4."
    yield ".SH SEE ALSO"
    yield ".BR ip\\-netns (8),"
    yield ".BR ip\\-link (8),"
    yield ".BR bridge (8)"


def _command(name: str) -> Iterator[str]:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    yield from _described(f"netlab {name}", command)
    if isinstance(command, click.Group):
        for below, one in command.commands.items():
            yield from _described(f"netlab {name} {below}", one)


def _described(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=name)
    yield f".SS {_text(' '.join([name, *command.collect_usage_pieces(context)]))}"
    yield from _prose(command.help or "")
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            names, words = parameter.get_help_record(context) or ("", "")
            yield ".TP"
            yield f".B {_text(names)}"
            yield _text(words)
    if command.epilog:
        yield from _prose(command.epilog)


def _prose(text: str) -> Iterator[str]:
    """Paragraphs; one that click is told to leave as it is stays so."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        yield ".PP"
        first, *rest = paragraph.strip("\n").splitlines()
        if first.strip() == "\b":
            yield ".nf"
            yield from map(_text, rest)
            yield ".fi"
        else:
            yield from (_text(line.strip()) for line in (first, *rest))


def _text(line: str) -> str:
    """A line of words, none of which roff takes for a request."""
    line = line.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{line}" if line.startswith(".") else line


if __name__ == "__main__":
    sys.exit(main())
