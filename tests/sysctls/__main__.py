"""``python -m tests.sysctls``: try every sysctl that a namespace has, and write down which can change a letter.

Many are set at once, one value of each: where no lab notices, none of them matters. Where one does, the half that it is
in is looked for, until each stands alone. What the model takes as neutral is what is written down as such. Those that
it has rules for are left out: `python -m tests.fuzz` tries them.

What changed a letter once stays in the table, whatever this run sees: take the line out to try again. shared_media is
there by tests/fuzz/regressions/redirect-while-connecting.yaml: where a race decides, a lab notices anything.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Container, Iterator
from itertools import zip_longest

from netlab.client import Agent, BuildError, LabDied, LabError
from netlab.model import neutral
from tests.sysctls.measure import SmallLab, small_labs
from tests.sysctls.settings import Known, Setting, known

#: So many sysctls are set at once.
TOGETHER = 32
REFUSED = "refused"
#: What would hide what others change: without transmissions no duplicate is detected.
HIDING = frozenset(("net/ipv6/conf/*/dad_transmits",))


def main(arguments: list[str] | None = None) -> int:
    """Sweep; the table goes to the model, of which --only replaces some lines."""
    parser = argparse.ArgumentParser(prog="python -m tests.sysctls", description=__doc__)
    parser.add_argument("--only", default="", help="only sysctls with this in their path: the others stay as they are")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="agents at a time (2)")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    found = {path: one for path, one in known().items() if options.only in path}
    changing = {
        Setting(path, value): set(layers)
        for path, row in neutral.table().items() for value, layers in row.changing.items()
    }  # fmt: skip
    groups = list(_groups(found, changing))
    with multiprocessing.Pool(options.jobs, _Worker.begin) as pool:
        for number, told in enumerate(pool.imap_unordered(_sweep, groups), 1):
            for setting, layers in told.items():
                changing.setdefault(setting, set()).update(layers)
            print(f"{number} of {len(groups)} groups, {time.monotonic() - started:.0f} s", file=sys.stderr)
    before = [line for line in neutral.TABLE.read_text().splitlines() if not line.startswith("#")]
    kept = [line for line in before if options.only not in line.partition("\t")[0]]
    text = _HEAD.format(kernel=os.uname().release) + "\n".join(sorted([*kept, *_lines(found, changing)])) + "\n"
    neutral.TABLE.write_text(text)
    return 0


_HEAD = """\
# Which sysctls of a namespace can change a letter: measured on Linux {kernel} by `python -m tests.sysctls`, each
# set in every host of some small labs. Sysctl, its usual value, and the values that were tried: one with layers changes
# letters there, others change none.
"""


def _groups(found: dict[str, Known], changing: Container[Setting]) -> Iterator[list[Setting]]:
    """Settings that are tried at once: no two of one sysctl, and none that was seen to change a letter before."""
    alone = [Setting(path, value) for path in HIDING & found.keys() for value in found[path].taken]
    yield from ([setting] for setting in alone if setting not in changing)
    families: dict[str, list[str]] = {}
    for path in found:
        families.setdefault(path[:8] if path.startswith("net/ipv") else "", []).append(path)
    for paths in families.values():
        for row in zip_longest(*(found[path].taken for path in paths)):
            there = [Setting(path, value) for path, value in zip(paths, row, strict=True) if value is not None]
            there = [setting for setting in there if setting not in changing and setting not in alone]
            for start in range(0, len(there), TOGETHER):
                yield there[start : start + TOGETHER]


class _Worker:
    """One process of the pool: an agent, and the labs as they are."""

    labs: tuple[SmallLab, ...] = ()

    @classmethod
    def begin(cls) -> None:
        """Start the agent; it ends with this process."""
        cls.labs = tuple(small_labs(Agent.start()))


def _sweep(group: list[Setting]) -> dict[Setting, set[str]]:
    """The settings of a group that change letters, with the layers in which the first lab notices."""
    found: dict[Setting, set[str]] = {}
    for lab in _Worker.labs:
        found |= dict(_search(lab, [setting for setting in group if setting not in found]))
    return found


def _search(lab: SmallLab, group: list[Setting]) -> Iterator[tuple[Setting, set[str]]]:
    layers = _noticed(lab, group)
    if layers and len(group) == 1:
        print(f"{lab.name}: {group[0].path} = {group[0].value}: {' '.join(sorted(layers))}", file=sys.stderr)
        yield group[0], layers
    elif layers:
        found: dict[Setting, set[str]] = {}
        middle = len(group) // 2
        for half in (group[:middle], group[middle:]):
            found |= dict(_search(lab, half))
        yield from (found or _together(lab, group)).items()


def _together(lab: SmallLab, group: list[Setting]) -> dict[Setting, set[str]]:
    """Of those that change letters with each other only, the last: without it none of them does."""
    for one in group:
        rest = [setting for setting in group if setting != one]
        if _noticed(lab, rest):
            group = rest
    layers = _noticed(lab, group)
    names = " and ".join(f"{one.path} = {one.value}" for one in group)
    print(f"{lab.name}: {names}: {' '.join(sorted(layers))}", file=sys.stderr)
    return {max(group): layers} if layers else {}


def _noticed(lab: SmallLab, group: list[Setting]) -> set[str]:
    """The layers in which settings change letters together; of those with which nothing is built or probed, a word."""
    try:
        return lab.notices(group) if group else set()
    except BuildError:
        return {REFUSED}
    except LabDied:
        raise
    except LabError:
        return {"all"}


def _lines(found: dict[str, Known], changing: dict[Setting, set[str]]) -> Iterator[str]:
    for path, one in found.items():
        told = []
        for value in one.taken:
            layers = changing.get(Setting(path, value))
            told.append(f"{value}: {' '.join(sorted(layers))}" if layers else value)
        told += [f"{value}: {REFUSED}" for value in one.refused]
        yield f"{path}\t{one.default}\t{'; '.join(told)}"


if __name__ == "__main__":
    sys.exit(main())
