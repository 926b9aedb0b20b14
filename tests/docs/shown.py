"""What documents show: commands behind a prompt, and below each what it writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PROMPT = re.compile(r"^(\$|[AB]#) (.*)$")
#: What differs from run to run: durations.
_TIME = re.compile(r"\b\d+(?:\.\d+)? ?(?:ms|s)\b")


@dataclass(frozen=True)
class Shown:
    """A command, and the lines that a document shows below it; ``…`` stands for what it leaves out."""

    prompt: str
    command: str
    lines: tuple[str, ...]

    def missing(self, written: str) -> list[str]:
        """The lines shown that are not among those written, in this order; next to each other where no ``…`` is."""
        text = "\n".join(_TIME.sub("T", line.rstrip()) for line in ["", *written.splitlines(), ""])
        at, gap, lacks = 0, False, []
        for line in self.lines:
            if line == "…":
                gap = True
                continue
            wanted = ".*".join(map(re.escape, _TIME.sub("T", line).split("…")))
            found = re.compile(f"\n{wanted}(?=\n)").search(text, at)
            if found is None or not (gap or found.start() == at):
                lacks.append(line)
            else:
                at = found.end()
            gap = False
        return lacks


def blocks(page: str) -> list[list[Shown]]:
    """The commands of each block of a page."""
    found: list[list[Shown]] = []
    for block in _BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        found.append([])
        for line in block.splitlines():
            if prompt := _PROMPT.match(line):
                found[-1].append(Shown(prompt[1], re.split(r"\s+# ", prompt[2])[0].strip(), ()))
            else:
                last = found[-1].pop()
                found[-1].append(Shown(last.prompt, last.command, (*last.lines, line)))
    return found


def indented(page: str) -> list[str]:
    """The commands of a page that shows them indented, without prompts."""
    lines = re.findall(r"^    (\S.*)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    return [re.split(r"\s+# ", line)[0].strip() for line in lines]
