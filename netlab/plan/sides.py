"""What the sides of an expectation mean: names, patterns and addresses to endpoints, askers and targets."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeVar

from netlab.contract.types import AnySource, AnyTarget, Asker, Endpoint, State, Where
from netlab.plan.endpoints import targets
from netlab.spec.expect import address_of
from netlab.spec.problems import did_you_mean
from netlab.spec.scalars import is_link_local

if TYPE_CHECKING:
    from netlab.plan.file import File

Found = TypeVar("Found")

_BY_WHICH = "say by which interface of the host that asks, as in A -> fe80::2%eth0"


class Sides:
    """Looks sides up in one step's state. What means nothing is noted as a problem of the file."""

    def __init__(self, file: File, state: State, refused: Collection[str]) -> None:
        self.file = file
        self.state = state
        self.problems = file.problems
        self.by_namespace: dict[str, list[Endpoint]] = {}
        for endpoint in state.endpoints:
            self.by_namespace.setdefault(endpoint.namespace, []).append(endpoint)
        self.boxes = {ns.id: ns.kind for ns in state.namespaces}
        self.refused = set(refused)
        self.broken = set(file.broken)

    def askers(self, text: str, where: Where, *, bare: bool = False) -> list[Asker] | None:
        """The namespaces that a side without an interface means; None where there are none. ``bare``: they need no
        address of their own."""
        if is_pattern(text):
            return self._some([asker for asker in self.state.askers if _matches(asker.id, text)], text, where)
        if not self._known(text, text, where):
            return None
        asker = next(asker for asker in self.state.askers if asker.id == text)
        if asker.families or bare:
            return [asker]
        self._unaddressed(text, "give it one, so that a program there can ask", where)
        return None

    def targets(self, text: str, where: Where, *, host: bool) -> list[AnyTarget] | None:
        """What a pair's right side means: as `endpoints`, or an address. None where that is nothing.

        An address is a destination of host questions; for others it means the one interface that has it.
        """
        ip = self._address(text)
        if ip is None:
            found = self.endpoints(text, where)
            return None if found is None else [*found]
        parsed = ipaddress.ip_address(ip)
        if parsed.is_multicast or parsed.is_unspecified or parsed.is_loopback or int(parsed) == 0xFFFFFFFF:
            self.problems.add(where, f"{text} is not the address of one interface", "as in A -> 10.0.0.100")
        elif is_link_local(ip) and not (host and "%" in ip):
            only = "only a host can ask for it" if "%" in ip else "every link has such addresses"
            self.problems.add(where, f"{text} is link-local: {only}", _BY_WHICH)
        elif host:
            return [*targets([ip], self.state.links)]
        else:
            return self._holder(ip, where)
        return None

    def endpoints(self, text: str, where: Where) -> list[Endpoint] | None:
        """The endpoints that a side means; None where there are none."""
        if text == "any":
            return self._some(list(self.state.endpoints), text, where)
        if is_pattern(text):
            return self._some(self._matching(text), text, where)
        return self._exact(text, where)

    def same(self, source: AnySource, target: AnyTarget) -> bool:
        """Whether patterns leave a pair out: an interface with itself, or a host with an address of its own."""
        if isinstance(source, Endpoint):
            return isinstance(target, Endpoint) and source.link == target.link
        if isinstance(target, Endpoint):
            return target.namespace == source.id
        return any(self.state.link(link).namespace == source.id for link in target.links)

    def _some(self, found: list[Found], text: str, where: Where) -> list[Found] | None:
        if found:
            return found
        hint = did_you_mean(text, self.boxes, "there are")
        self.problems.add(where, f"{text!r} matches nothing", hint, follows=self.file.lost(text))
        return None

    def _address(self, text: str) -> str | None:
        """The address that a side is, unless it is a name."""
        return None if text in self.boxes else address_of(text)

    def _holder(self, ip: str, where: Where) -> list[AnyTarget] | None:
        holders = self._holders(ip)
        if len(holders) == 1:
            return [holders[0]]
        if holders:
            message = f"{' and '.join(one.id for one in holders)} have {ip}"
            self.problems.add(where, message, f"name one of them, or a host alone on the left: A -> {ip}")
        else:
            message = f"no interface has {ip}, so only a host can ask for it"
            self.problems.add(where, message, f"name one alone, without its interface: A -> {ip} [icmp]")
        return None

    def _holders(self, ip: str) -> list[Endpoint]:
        return [one for one in self.state.endpoints if ip in (one.v4 and one.v4.ip, one.v6 and one.v6.ip)]

    def _matching(self, text: str) -> list[Endpoint]:
        """The endpoints that a pattern matches, by host, container and interface; without one, each host's first."""
        namespace, colon, interface = text.partition(":")
        found: list[Endpoint] = []
        for ns, endpoints in self.by_namespace.items():
            if not _matches(ns, namespace):
                continue
            if not colon:
                first = _first(endpoints)
                found += [first] if first else []
                continue
            found += [e for e in endpoints if not e.extra and _fits(self.state.link(e.link).name, interface)]
        return found

    def _exact(self, text: str, where: Where) -> list[Endpoint] | None:
        at = self.state.index.get(text)
        if at is not None:
            return [self.state.endpoints[at]]
        name, _, address = text.partition("@")
        namespace, colon, interface = name.partition(":")
        if not self._known(text, namespace, where):
            return None
        if not colon:
            first = _first(self.by_namespace.get(namespace, []))
            if first:
                return [first]
            self._unaddressed(namespace, f"name one: {namespace}:…", where)
        elif name in self.refused:
            self.problems.add(where, f"{name} is expected to be refused, so it is no endpoint")
        elif address and name in self.state.index:
            known = [e.id for e in self.by_namespace[namespace] if e.link == name and e.extra]
            hint = f"further addresses: {', '.join(known)}" if known else f"its only endpoint is {name}"
            self.problems.add(where, f"{text!r} is not a further address of {name}", hint)
        elif name not in self.broken and interface not in self.file.spec.pruned:
            known = [link.name for link in self.state.links_of(namespace)]
            self.problems.add(
                where,
                f"no interface {interface!r} in {namespace}",
                did_you_mean(interface, known, "interfaces"),
            )
        return None

    def _unaddressed(self, namespace: str, hint: str, where: Where) -> None:
        message = f"{namespace} has no interface with an address"
        self.problems.add(where, message, hint, follows=self.file.lost(namespace))

    def _known(self, text: str, namespace: str, where: Where) -> bool:
        """Whether a side's namespace is a host or a container."""
        kind = self.boxes.get(namespace)
        if kind == "switch":
            self.problems.add(where, f"{namespace} is a switch, which has no endpoints", "name an interface of a host")
        elif kind is None and (ip := self._address(text.partition("/")[0])) is not None:
            self._misplaced(text, ip, where)
        elif kind is None:
            self._no_namespace(namespace, where)
        return kind not in (None, "switch")

    def _misplaced(self, text: str, ip: str, where: Where) -> None:
        """Say how to write what an address stands for."""
        if "/" in text:
            self.problems.add(where, f"{text} has a prefix length", f"write {ip}")
            return
        holder = next(iter(self._holders(ip)), None)
        hint = "name a host or an interface"
        if holder:
            hint = f"write {holder.namespace} for a program there, or {holder.link} for its interface"
        self.problems.add(where, f"{text} is an address, which stands on the right of a pair only", hint)

    def _no_namespace(self, name: str, where: Where) -> None:
        host, slash, container = name.partition("/")
        if {host, container} & self.file.spec.pruned:
            return
        names = [ns for ns, kind in self.boxes.items() if kind != "switch"]
        if any(re.fullmatch(re.escape(name) + r"-[0-9]+", ns) for ns in names):
            self.problems.add(
                where,
                f"no host {name!r} but its replicas",
                f"'{name}-*' or 'any' mean all of them, '{name}-1' the first",
            )
        elif slash and host in self.boxes:
            known = [ns.partition("/")[2] for ns in names if ns.startswith(f"{host}/")]
            self.problems.add(
                where, f"no container {container!r} in {host}", did_you_mean(container, known, "containers")
            )
        else:
            self.problems.add(where, f"no host {name!r}", did_you_mean(name, names, "there are"))


def is_pattern(text: str) -> bool:
    """Whether a side stands for several endpoints: ``any`` as one of its parts, or ``*`` or ``?``."""
    name = text.partition("@")[0]
    return "*" in name or "?" in name or "any" in re.split(r"[:/]", name)


def _fits(name: str, pattern: str) -> bool:
    return pattern == "any" or fnmatchcase(name, pattern)


def _matches(namespace: str, pattern: str) -> bool:
    if pattern == "any":
        return True
    parts, wanted = namespace.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(_fits, parts, wanted))


def _first(endpoints: Iterable[Endpoint]) -> Endpoint | None:
    return next((e for e in endpoints if e.v4 is not None or e.v6 is not None), None)
