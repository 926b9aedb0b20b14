"""What is new in a lab, in the words of a step: what a topology can say of it, and what it can't."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from netlab.contract.dataclass import dataclass

#: What is told of a namespace (`netlab.agent.news.read`).
Told = Mapping[str, Any]


@dataclass
class News:
    """``settings`` and ``added`` are those of a step, ``deleted`` are interfaces that are gone. ``foreign`` says of a
    place what can't be said: of a namespace, or of a bridge or tunnel by its link id. ``indexes`` are the ifindexes of
    added interfaces. ``told`` are the places with words that tell all of it.
    """

    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    added: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    foreign: dict[str, list[str]] = field(default_factory=dict)
    indexes: dict[str, int] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        """All that a topology can say, in words."""
        return [words for _, words in self.told]

    def say(self, target: str, *, of: str = "", **settings: Any) -> None:
        """A target (an interface, a host) has other values; ``of`` is the place whose packets they concern, where that
        isn't the target's namespace."""
        self.settings.setdefault(target, {}).update(settings)
        self.tell(
            of or target.partition(":")[0], *(f"{target}: {key}: {_short(value)}" for key, value in settings.items())
        )

    def tell(self, place: str, *words: str) -> None:
        """Words of what is new at a place."""
        self.told += ((place, each) for each in words)

    def unsay(self, target: str, *keys: str) -> None:
        """Leave these of a target for later."""
        settings = self.settings.get(target, {})
        for key in keys:
            settings.pop(key, None)
        if not settings:
            self.settings.pop(target, None)
        self.told = [one for one in self.told if not one[1].startswith(tuple(f"{target}: {key}: " for key in keys))]

    def delete(self, link_id: str) -> None:
        """An interface is gone."""
        if link_id not in self.deleted:
            self.deleted.append(link_id)
            self.tell(link_id.partition(":")[0], f"{link_id}: deleted")

    def make(self, ns: str, name: str, index: int, made: Mapping[str, Any]) -> dict[str, Any]:
        """A program has made an interface; returns the mapping of its namespace, for what goes with it."""
        box = self.added.setdefault(ns, {"interfaces": {}})
        box["interfaces"][name] = made
        self.indexes[f"{ns}:{name}"] = index
        self.tell(ns, f"{ns}:{name}: made by a program: {_short(made)}")
        return box

    def cannot(self, place: str, what: str) -> None:
        """Something at a place is beyond what a topology says."""
        self.foreign.setdefault(place, []).append(what)

    def said(self) -> dict[str, list[str]]:
        """All that is new, by place."""
        found = {place: list(words) for place, words in self.foreign.items()}
        for place, words in self.told:
            found.setdefault(place, []).append(words)
        return found

    @property
    def step(self) -> dict[str, Any]:
        """The step that says it; empty where there is none."""
        hosts: dict[str, Any] = {}
        for ns, box in self.added.items():
            host, _, container = ns.partition("/")
            at = hosts.setdefault(host, {})
            if container:
                at.setdefault("containers", {})[container] = box
            else:
                at.update(box)
        found = {"delete": self.deleted, "set": self.settings, "add": {"hosts": hosts} if hosts else {}}
        return {key: value for key, value in found.items() if value}


def _short(value: object) -> str:
    said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return said if len(said) < 200 else f"{said[:200]} …"
