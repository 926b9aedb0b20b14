"""Write docs/kernels.md from runs: ``python tools/kernelsdoc.py 6.1 6.12 7.3`` (cached kernels; own is this machine's).

It takes minutes. A topology that one of the kernels can't have is told of with its reason.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from netlab.cli.kernels import Seen
from netlab.contract.kernels import OWN, here, parse
from netlab.report import across
from netlab.report.across import Across
from netlab.report.markdown import code

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "kernels.md"
#: Of those that ship: every mode of macvlan and ipvlan, with and without a reflecting switch, and those with VRFs.
TOPOLOGIES = (
    "bridge-two-node", "bridge-broadcast", "bridge-whole-subnet", "bridge-parent-fails", "child-broadcast-domain",
    "private-despite-hairpin", "vepa-broadcast", "passthru-direct", "source-allowed-macs", "shim", "ipvlan-l2",
    "ipvlan-l3", "ipvlan-one-mac", "ipvlan-parent-down", "vrf-two-tenants", "vrf-leak",
)  # fmt: skip
_HEAD = """\
# macvlan, ipvlan and VRFs, kernel by kernel

What the same topologies do on different versions of Linux, seen in runs: nothing here is taken from documentation.
Each topology was built, and every pair probed on every layer, on {}.
This page is written by `tools/kernelsdoc.py`; `netlab kernels` makes the same tables of your own files.

`R` reached, `A` answered by another interface, `B` either of the two (a race), `U` not reached, `?` no proof, `-` not
seen. A cell is one pair on one layer in one step. The rule behind a kernel is the one by which the model foresees it
([rules.md](rules.md)).
"""
_LACKING = "A kind of link that a kernel lacks was left out when it was built: no matter of its version.\n"


def main(kernels: list[str]) -> int:
    """Run, and write the page; 0 where every run was as its kernel's rules foresee."""
    if len(kernels) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    seen = Seen({name: ROOT / "topologies" / f"{name}.yaml" for name in TOPOLOGIES}, (), ())
    for kernel in kernels:
        seen.run(kernel)
        print(f"{kernel} is done", file=sys.stderr)
    rename(seen)
    PAGE.write_text(document(seen.tables(), releases(seen)))
    return max(seen.codes)


def rename(seen: Seen) -> None:
    """Call this machine's own kernel by its version, and put the older ones first."""
    own = str(here())
    both: list[dict[str, Any]] = [*seen.records.values(), *seen.lacking.values()]
    for told in both:
        if OWN in told:
            told[own] = told.pop(OWN)
        for kernel in sorted(told, key=parse):
            told[kernel] = told.pop(kernel)


def releases(seen: Seen) -> dict[str, str]:
    """The release of each kernel, as its runs tell, without what its builder has added."""
    found = {kernel: record["kernel"] for by in seen.records.values() for kernel, record in by.items()}
    return {kernel: found[kernel].partition("-")[0] for kernel in sorted(found, key=parse)}


def document(tables: list[Across], releases: dict[str, str]) -> str:
    """The page."""
    told = [f"Linux {release}" for release in releases.values()]
    differing = [one for one in tables if one.rows or one.lacking]
    same = [one for one in tables if one not in differing]
    text = _HEAD.format(", ".join(told[:-1]) + f" and {told[-1]}")
    text += _LACKING if any(one.lacking for one in tables) else ""
    text += "\n## What differs\n\n"
    text += "\n".join(across.markdown(one).replace("## ", "### ", 1) for one in differing)
    text += "\n## What is the same on all\n\n| topology | cells | of them the same |\n|---|---|---|\n"
    text += "".join(f"| {code(one.topology, table=True)} | {one.cells} | {one.same} |\n" for one in same)
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
