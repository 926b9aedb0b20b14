"""What is asked: the names of two ends and a layer, as a cell of the layer's matrix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from netlab.contract.dataclass import dataclass
from netlab.contract.types import AnySource, AnyTarget, Asker, Endpoint, State, Target, host_layer, layer_family
from netlab.errors import UsageError, did_you_mean
from netlab.plan.endpoints import targets
from netlab.spec.expect import address_of
from netlab.spec.scalars import is_link_local


@dataclass(frozen=True)
class Question:
    """A pair on a layer, in a state that has a row and a column for it."""

    state: State
    layer: str
    source: AnySource
    destination: AnyTarget

    @property
    def row(self) -> int:
        """The source's."""
        return self.state.row(self.layer, self.source.id)

    @property
    def column(self) -> int:
        """The destination's."""
        return self.state.column(self.layer, self.destination.id)

    @property
    def family(self) -> int:
        """The family of addresses that the layer uses; of a bare frame, that which the source has."""
        four = isinstance(self.source, Endpoint) and self.source.v4
        return layer_family(self.layer) or (4 if four else 6)

    @property
    def interface(self) -> Endpoint | None:
        """The destination; of an address by itself the first interface that has it, if there is one."""
        there = self.destination
        if isinstance(there, Endpoint):
            return there
        return next((one for one in _holders(self.state, there.id)), None)

    @property
    def targets(self) -> tuple[Target, ...]:
        """The addresses that have a column of their own."""
        return self.state.targets


def ask(state: State, source: str, destination: str, layer: str | None) -> Question:
    """The question that two names mean. Raises UsageError.

    A host or container on the left is a program there, on layers that a program can ask; else its first interface. On
    the right it is its first address, and an address that several interfaces have, or none, is one by itself.
    """
    asker = next((one for one in state.askers if one.id == source), None)
    if asker is not None and (layer is None or host_layer(layer) is not None):
        return _of_host(state, asker, destination, layer)
    here = endpoint(state, source)
    if destination not in state.index and (ip := address_of(destination)) is not None and is_link_local(ip):
        raise UsageError(f"{destination} is link-local: only a host can ask for it, so write {here.namespace}")
    there = endpoint(state, destination)
    if layer is not None and layer == host_layer(layer):
        raise UsageError(f"{layer} is asked by a host: write {here.namespace} for {source}, or leave 'host:' out")
    if here is there:
        raise UsageError(f"{source} and {destination} are one and the same endpoint, {here.id}")
    return Question(state, layer or _layer(here, there), here, there)


def _of_host(state: State, asker: Asker, destination: str, layer: str | None) -> Question:
    ip = None if destination in state.index else address_of(destination)
    if ip is not None and is_link_local(ip):
        return _link_local(state, asker, ip, layer)
    if ip is not None and len(_holders(state, ip)) != 1:
        state = with_targets(state, [ip])
        there: AnyTarget = state.targets[-1]
    else:
        there = endpoint(state, destination, layer_family(layer) if layer is not None else None)
    if layer is not None:
        return Question(state, host_layer(layer) or layer, asker, there)
    for name, family in (("host:icmp", 4), ("host:icmp6", 6)):
        if family in asker.families and there.address(family):
            return Question(state, name, asker, there)
    first = endpoint(state, asker.id)
    if isinstance(there, Target) or first is there:
        raise UsageError(f"{asker.id} has no address of the family of {destination}")
    return Question(state, "unicast", first, there)


def _link_local(state: State, asker: Asker, ip: str, layer: str | None) -> Question:
    """The question for a link-local address, which says by which interface of the asker's: ``fe80::2%eth0``."""
    text, _, scope = ip.partition("%")
    own = [link.ifname for link in state.links_of(asker.id) if link.interface]
    if not scope:
        raise UsageError(
            f"{ip} is link-local: by which interface of {asker.id}?", fix=f"{text}%{next(iter(own), 'eth0')}"
        )
    if scope not in own:
        raise UsageError(f"{asker.id} has no interface {scope!r}{did_you_mean(scope, own)}; it has {', '.join(own)}")
    state = with_targets(state, [ip])
    there = next(one for one in state.targets if one.id == ip)
    asked = host_layer(layer or "icmp6") or "host:icmp6"
    if layer_family(asked) != 6:
        raise UsageError(f"{layer} is of IPv4, and {ip} an IPv6 address: {layer}6" if layer else ip)
    return Question(state, asked, asker, there)


def with_targets(state: State, addresses: Iterable[str]) -> State:
    """The state, with columns for these addresses besides those that it has."""
    have = {target.id for target in state.targets}
    new = targets((ip for ip in addresses if ip not in have), state.links)
    return replace(state, targets=(*state.targets, *new)) if new else state


def _holders(state: State, ip: str) -> list[Endpoint]:
    return [one for one in state.endpoints if ip in (one.v4 and one.v4.ip, one.v6 and one.v6.ip)]


def endpoint(state: State, name: str, family: int | None = None) -> Endpoint:
    """The endpoint named by its id, its address, or its host or container: the first with an address there, if
    possible one of a family. Raises UsageError."""
    if name in state.index:
        return state.endpoints[state.index[name]]
    if holders := _holders(state, name):
        return holders[0]
    inside = [one for one in state.endpoints if one.namespace == name]
    addressed = [one for one in inside if one.v4 or one.v6]
    if inside and not addressed:
        raise UsageError(f"{name} has no interface with an address: name one of its interfaces")
    if not inside:
        known = [*state.index, *dict.fromkeys(one.namespace for one in state.endpoints)]
        raise UsageError(f"no endpoint {name!r}{did_you_mean(name, known)}; there are {', '.join(state.index)}")
    return next((one for one in addressed if family and one.address(family)), addressed[0])


def _layer(source: Endpoint, destination: Endpoint) -> str:
    """A ping where both have addresses of one family, else a bare frame."""
    if source.v4 and destination.v4:
        return "icmp"
    return "icmp6" if source.v6 and destination.v6 else "unicast"
