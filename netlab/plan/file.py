"""The file that is being planned: where its parts stand, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field, replace
from fnmatch import fnmatchcase
from itertools import chain

from netlab.contract.dataclass import dataclass
from netlab.contract.types import Where
from netlab.spec import Spec, scalars
from netlab.spec import sysctls as known_sysctls
from netlab.spec.expect import AnyEntry, Pair, address_of
from netlab.spec.problems import Problems

Path = tuple["str | int", ...]
#: Pairs that all expectations of a file may mean.
MAX_PAIRS = 4_000_000
_REPLICA = re.compile(r"-[0-9]+$")


def _namespaces(side: str) -> list[str]:
    """The names of host and container in that of an interface."""
    return side.partition("@")[0].partition(":")[0].split("/")


def asked(entries: Iterable[AnyEntry]) -> Iterator[str]:
    """The addresses that host questions of these entries ask for by themselves."""
    for entry in entries:
        if isinstance(entry, Pair) and ":" not in entry.left and (ip := address_of(entry.right)) is not None:
            yield ip


@dataclass
class File:
    """The file, and what the plan has noted of it.

    ``paths`` says where in the file a link comes from, ``address_paths`` where its addresses do if elsewhere.
    ``broken`` are the links that could not be made because of an error in it. ``pairs`` counts the pairs that
    expectations mean, ``asked`` has the addresses that they ask for by themselves, in order of appearance.
    """

    spec: Spec
    problems: Problems = field(default_factory=Problems)
    warnings: list[str] = field(default_factory=list)
    paths: dict[str, Path] = field(default_factory=dict)
    address_paths: dict[str, Path] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    pairs: int = 0
    asked: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Gather the addresses that the file's entries ask for, after those of an earlier file."""
        spec = self.spec
        entries = [*spec.expect, *chain(*spec.step_expect), *(test[2] for tests in spec.claim_tests for test in tests)]
        self.asked = {**self.asked, **dict.fromkeys(asked(entries))}

    def further(self, spec: Spec) -> File:
        """The same with a further file of steps, without what is wrong so far; to be changed by itself."""
        return replace(
            self,
            spec=spec,
            problems=Problems(),
            warnings=self.warnings.copy(),
            paths=self.paths.copy(),
            address_paths=self.address_paths.copy(),
            broken=self.broken.copy(),
            pairs=0,
        )

    def where(self, *path: str | int, key: bool = True) -> Where:
        """The place of a part of the file."""
        return self.spec.where(*path, key=key)

    def places(self, path: Path, listed: Collection[object]) -> tuple[Where, ...]:
        """The places of the items of a list."""
        return tuple(self.where(*path, i, key=False) for i in range(len(listed)))

    def check_sysctls(self, path: Path, given: Mapping[str, str]) -> None:
        """Note values below ``path`` that mean nothing to their sysctls."""
        for key, value in given.items():
            try:
                known_sysctls.check_value(key, value)
            except scalars.Wrong as wrong:
                self.problems.add(self.sysctl_where(path, key, value=True), str(wrong), wrong.hint)

    def sysctl_where(self, path: Path, key: str, *, value: bool = False) -> Where:
        """The place of a sysctl (or of its value) below ``path``, where the file may write its key in several ways."""
        for name in self.spec.keys(*path, "sysctls"):
            try:
                if scalars.sysctl(name) == key:
                    return self.where(*path, "sysctls", name, key=not value)
            except scalars.Wrong:
                continue
        return self.where(*path, "sysctls")

    def lost(self, *sides: str) -> bool:
        """Whether one of these (hosts, containers, interfaces, patterns) is in the file, but with an error.

        If something isn't found there, that may follow from the error; it is then not reported beside its cause.
        """
        hurt = self.spec.hurt | self.spec.pruned | {part for name in self.broken for part in _namespaces(name)}
        if "*" in hurt:
            return True
        known = hurt | {f"{name}-1" for name in hurt}
        parts = [part for side in sides for part in _namespaces(side)]
        return any(
            bool(known) if part == "any" else fnmatchcase(name, part) or name == _REPLICA.sub("", part)
            for part in parts
            for name in known
        )

    def address_where(self, link_id: str, i: int) -> Where:
        """The place of the i-th address of a link."""
        path = self.address_paths.get(link_id, (*self.paths[link_id], "addresses"))
        return self.where(*path, i, key=False)

    def warn(self, where: Where, text: str) -> None:
        """Note what is odd, once."""
        warning = f"{where}: {text}"
        if warning not in self.warnings:
            self.warnings.append(warning)
