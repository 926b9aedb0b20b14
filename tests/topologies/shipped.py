"""What ships, and what docs/claims.md says of it."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from netlab.plan import from_file
from netlab.spec import shipped
from tests.agent.test_dummy import kernel_has_it

ROOT = Path(__file__).parents[2]
CLAIMS = ROOT / "docs" / "claims.md"

#: The big one: 9,900 pairs.
MESH = "mesh-100"
#: Every file that ships.
FILES = tuple(shipped())
#: All but the mesh: each is examined on every layer in a moment, whatever it measures left out.
SMALL = tuple(path for path in FILES if path.stem != MESH)
#: Their claims rest on measurements, which take time and a quiet machine: tests/measure examines how they are judged.
MEASURED = {"macvlan-vs-linux-bridge", "throughput-matrix"}


def _has(program: str) -> bool:
    # Ordinary users' paths often lack the folders for administrators.
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


#: The files that need what isn't everywhere, and what brings it where this machine lacks it.
NEEDS = {
    "hairpin-three-tools": "" if _has("brctl") else "apt-get install bridge-utils",
    "docker-drop": ("" if os.path.exists("/proc/sys/net/bridge") else "modprobe br_netfilter")
    if _has("nft")
    else "apt-get install nftables",
    **{
        path.stem: f"modprobe {kind}"
        for path in FILES
        for kind in {one.kind for step in from_file(path).steps for one in step.state.links if one.interface}
        if not kernel_has_it(kind)
    },
}

_ROW = re.compile(
    r"^\| (?P<number>\d+b?) \| (?P<says>.*?) \| (?P<verdict>\w+)(?P<stand_in>, by a stand-in)? "
    r"\| \[(?P<name>[\w-]+)\]\((?P<link>[^)]+)\) \| .+ \|$"
)


@dataclass(frozen=True)
class Row:
    """One row of the claims table."""

    number: str
    says: str
    verdict: str
    stand_in: str | None
    name: str
    link: str


def rows() -> list[Row]:
    """The claims table of docs/claims.md, row by row."""
    lines = CLAIMS.read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if re.match(r"\| \d", line)]
    matches = [_ROW.match(line) for line in table]
    bad = [line for line, match in zip(table, matches, strict=True) if match is None]
    if bad:
        raise ValueError(f"not a row of the claims table: {bad[0]}")
    return [Row(**match.groupdict()) for match in matches if match]
