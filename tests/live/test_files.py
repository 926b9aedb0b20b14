"""Files as people have them, whole: each is read, and nothing of it gets lost."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.live import imported
from tests.live.test_left import DECIDE, leaves, shown

FILES = sorted((Path(__file__).parent / "files").iterdir())
RECORDED = sorted((Path(__file__).parent / "recorded").iterdir())
#: Of these, what decides without being written down as it stands.
MORE = {
    "network_mode": "the host's own",
    "external": "who describes it",
    "stp": "what is written where it is on",
    "enabled": "whether what stands beside it counts",
    "state": "up, or what is told",
    "dhcp": "nothing, where it is off",
    "version": "the format",
    "renderer": "defaults",
    "kind": "host or bridge",
    "prefix-length": "behind the address",
    "promiscuous": "nothing, where it is on",
    "linkInContainer": "nothing, where it is off",
    "mii-monitor-interval": "as the mode has it",
    "dhcp4": "told",
    "set-name": "the name",
    "internal": "rules",
    "enable_ip_masquerade": "rules",
}


@pytest.mark.parametrize("path", [*FILES, *RECORDED], ids=lambda path: path.stem)
def test_nothing_gets_lost(path: Path) -> None:
    """The file makes a topology that plans; each of its values is there, decides, or is told to be left out."""
    said = path.read_text()
    lab = imported.of(path.stem.partition("-")[0], said)
    left = [one.path for one in lab.draft.left]
    plain: Any = json.loads(said) if path.suffix == ".json" else yaml.safe_load(said)
    lost = []
    for at, value in leaves(plain):
        told = any(shown(at[: i + 1]) in left for i in range(len(at)))
        word = str(value).partition("/")[0].removesuffix(".IFNAME")
        # Of `br:eth1` the interface is there, of a command the address.
        end = word.replace(":", " ").split()[-1] if path.stem.startswith("containerlab") and word else word
        written = word in lab.text or end in lab.text
        nothing = value in (None, "", False) or value in ({}, [])
        if not (told or written or nothing or {*DECIDE, *MORE} & {at[-1], at[-1].rpartition(".")[2]}):
            lost.append(shown(at))
    assert lost == []


def test_how_many_there_are() -> None:
    """Files that are right, of each format in YAML or JSON; those that are wrong stand in the tests of each format."""
    from tests.live import test_containerlab, test_netplan, test_networkd, test_nmstate, test_wrong
    from tests.live.test_left import SAMPLES

    right = Counter(path.stem.partition("-")[0] for path in [*FILES, *RECORDED])
    right += Counter(form for form, _ in SAMPLES.values())
    wrong = Counter(form for form, _, _ in test_wrong.WRONG.values())
    for form in (test_containerlab, test_netplan, test_networkd, test_nmstate):
        wrong[form.__name__.rpartition("_")[2]] += len(form.WRONG)
    assert all(right[form] >= 1 for form in ("docker", "podman", "cni", "nmstate", "netplan", "containerlab"))
    assert all(wrong[form] >= 3 for form in (*right, "networkd"))
    assert (right.total(), wrong.total()) >= (28, 80)
