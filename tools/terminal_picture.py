"""Draw a command's terminal output as an SVG for the README: ``python tools/terminal_picture.py OUT.svg COMMAND…``."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

THEME = TerminalTheme(
    (250, 250, 248),
    (36, 41, 47),
    [
        (36, 41, 47), (176, 32, 40), (17, 110, 60), (138, 90, 0),
        (9, 80, 170), (110, 64, 160), (20, 110, 120), (90, 98, 106),
    ],
)  # fmt: skip


def main() -> None:
    """Run the command on a pseudo-terminal of 80 columns and draw what it printed."""
    out, *argv = sys.argv[1:]
    env = {**os.environ, "COLUMNS": "80", "TERM": "xterm-256color"}
    done = subprocess.run(
        ["script", "-qec", " ".join(argv), "/dev/null"], capture_output=True, text=True, check=True, env=env
    )
    text = Text.from_ansi(done.stdout.replace("\r\n", "\n").rstrip())
    console = Console(record=True, width=82, file=io.StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "bold"), (" ".join(argv), "bold"), "\n"))
    console.print(text)
    svg = console.export_svg(title="netlab", theme=THEME, font_aspect_ratio=0.6)
    # No font from elsewhere: the reader's own monospace one will do.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.S)
    svg = svg.replace("Fira Code, monospace", "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace")
    with open(out, "w") as file:
        file.write(svg)


if __name__ == "__main__":
    main()
