"""``python -m tests.live``: the round trip of all topologies that ship, and of random ones."""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from netlab import Labs, Topology
from netlab.client import LabError
from netlab.contract.types import Plan
from netlab.plan import from_file
from netlab.spec import TopologyError, shipped
from tests.fuzz.hunt import kinds_of, made, text_of
from tests.live.roundtrip import Round, compare


def main() -> int:
    """Run; 0 where every cell agrees, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.live", description=__doc__)
    parser.add_argument(
        "-n", "--number", type=int, default=300, help="how many random topologies (300), of those that are valid"
    )
    parser.add_argument("-s", "--seed", default="1", help="what to draw them from (1)")
    parser.add_argument("--first", type=int, default=0, help="leave out those of the seed before this one")
    parser.add_argument("--only", help="this one that ships, or K of the seed")
    parser.add_argument("--random", action="store_true", help="leave out what ships")
    parser.add_argument("--kernel", help="on another kernel, all of it in a guest: as netlab run --kernel takes it")
    parser.add_argument("-v", "--verbose", action="store_true", help="print what was imported where it differs")
    options = parser.parse_args()
    if options.kernel:
        more = [
            "--first",
            str(options.first),
            *(["--only", options.only] if options.only else []),
            *(["--verbose"] if options.verbose else []),
        ]
        return _in_guest(options.kernel, "--number", str(options.number), "--seed", options.seed, *more)
    cells = bad = labs = told = lost = 0
    for name, plan, text in _plans(options):
        try:
            rounds = compare(plan, steps=True)
        except LabError as error:
            print(f"{name}: not built: {str(error).splitlines()[0]}")
            continue
        labs += 1
        for step, one in zip(plan.steps, rounds, strict=False):
            cells += one.cells
            bad += 0 if one.left else len(one.differences)
            told += bool(one.left)
            lost += len(one.differences) if one.left else 0
            _tell(f"{name}, {step.name}", one, options.verbose, text)
    print(
        f"{labs} topologies, {cells} cells, {bad} differences; {told} states of which something is told to be left out,"
        f" with {lost} differences"
    )
    return 1 if bad else 0


def _in_guest(kernel: str, *chosen: str) -> int:
    """Random topologies, built and read by programs of a guest: an import looks into the kernel that it runs on.

    What is below /tmp a program of a lab doesn't see: the repository may not be there.
    """
    lab = Topology("guest")
    lab.host("A")
    argv = (sys.executable, "-u", "-m", "tests.live", "--random", *chosen)
    with Labs(kernel=kernel) as labs, labs.open(lab) as opened:
        process = opened["A"].popen(*argv, cwd=Path(__file__).parents[2], stderr=subprocess.STDOUT)
        for line in process.stdout:
            print(line.decode(), end="", flush=True)
        return process.wait()


def _tell(name: str, one: Round, verbose: bool, original: str) -> None:
    if one.differences:
        if verbose and not one.left:
            print(original)
        print(f"{name}: {len(one.differences)} differences")
        print(*(f"  {line}" for line in one.differences[:6]), sep="\n")
        print(*(f"  left out: {line}" for line in one.left), sep="\n")
        if verbose:
            print(one.text)


def _plans(options: argparse.Namespace) -> Iterator[tuple[str, Plan, str]]:
    """Name, plan and text of each topology."""
    for path in () if options.random else shipped():
        if options.only in (None, path.stem):
            yield path.stem, from_file(str(path)), path.read_text()
    kinds = kinds_of(None)
    left = options.number
    for i in itertools.count(options.first):
        if not left or (options.only is not None and i > int(options.only if options.only.isdigit() else -1)):
            return
        if options.only in (None, str(i)):
            text = text_of(made(options.seed, i, kinds))
            try:
                plan = from_file(text, "fuzz.yaml")
            except TopologyError:
                continue
            left -= 1
            yield f"{options.seed}-{i}", plan, text


if __name__ == "__main__":
    sys.exit(main())
