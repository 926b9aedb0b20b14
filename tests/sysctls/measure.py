"""The letters of the small labs, as they are and with sysctls set in every host."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from netlab.client import Agent
from netlab.contract.types import BY_NAME, LAYERS, Plan
from netlab.plan import from_file
from tests.sysctls.settings import Setting

LABS = Path(__file__).parent / "labs"
#: Two names of one sysctl.
_FORWARD = {"net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"}
#: By step, layer, source and destination; and who heard each broadcast, and what didn't settle.
Letters = dict[tuple[Any, ...], Any]
#: So often a lab is probed as it is.
TIMES = 3


class SmallLab:
    """One of the labs, probed by an agent in its first step and in its last."""

    def __init__(self, agent: Agent, file: Path) -> None:
        self.name = file.stem
        self._agent = agent
        # Everything is text: YAML would take a MAC for a number.
        self._tree = yaml.load(file.read_text(), Loader=yaml.BaseLoader)
        # Groups can't be joined with each setting (igmp_max_memberships).
        layers = (layer for layer in LAYERS if layer not in BY_NAME)
        self._layers = (*layers, *self._tree.pop("layers", ()))
        #: As it is: where a race decides, not always the same.
        self._usual = [self._letters(()) for _ in range(TIMES)]

    def notices(self, settings: Sequence[Setting]) -> set[str]:
        """The layers in which these settings together change a letter, at least twice in three times."""
        once = self._differing(settings)
        return once and (once & self._differing(settings) or once & self._differing(settings))

    def _differing(self, settings: Sequence[Setting]) -> set[str]:
        now = self._letters(settings)
        return {key[1] for key, seen in now.items() if all(seen != usual[key] for usual in self._usual)}

    def _letters(self, settings: Sequence[Setting]) -> Letters:
        plan = self._plan(settings)
        found: Letters = {}
        with self._agent.lab(plan) as lab:
            for step in plan.steps:
                built = lab.enter(step)
                probed = lab.probe(self._layers) if step in (plan.steps[0], plan.steps[-1]) else None
                found[step.name, "settled"] = built.result().unsettled
                if probed is not None:
                    for one in probed.result():
                        cells = ((i, j, letter) for i, row in enumerate(one.rows) for j, letter in enumerate(row))
                        found |= {(step.name, one.layer, i, j): letter for i, j, letter in cells}
                        found[step.name, one.layer, "heard"] = dict(one.heard)
        return found

    def _plan(self, settings: Sequence[Setting]) -> Plan:
        tree = copy.deepcopy(self._tree)
        for host in _hosts(tree):
            given = host.setdefault("sysctls", {})
            for setting in settings:
                for path in _everywhere(setting.path, host["interfaces"]):
                    # What the lab itself is about stays so.
                    if not (path in _FORWARD and _FORWARD & given.keys()):
                        given.setdefault(path, setting.value)
        return from_file(yaml.dump(tree, sort_keys=False), f"{self.name}.yaml")


def small_labs(agent: Agent) -> list[SmallLab]:
    """All of them, the quickest first."""
    return [SmallLab(agent, file) for file in sorted(LABS.glob("*.yaml"), key=lambda file: file.stat().st_size)]


def _hosts(tree: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for host in tree["hosts"].values():
        yield host
        yield from host.get("containers", {}).values()


def _everywhere(path: str, interfaces: Mapping[str, Any]) -> list[str]:
    """The keys by which a sysctl is set at every interface."""
    each = interfaces if "/neigh/" in path else ("all", "default", *interfaces)
    return [path.replace("*", interface).replace("/", ".") for interface in (each if "*" in path else ("",))]
