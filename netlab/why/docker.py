"""What Docker is asked for to have the containers of a host as a state has them, where macvlan networks hold them."""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Iterator

from netlab.contract.dataclass import dataclass
from netlab.contract.types import AnyLink, State
from netlab.why.commands import Run

#: The modes that Docker's macvlan driver has.
_MODES = ("bridge", "vepa", "private", "passthru")


@dataclass(frozen=True)
class _Network:
    """One network of Docker's. ``kept`` are addresses that Docker must not give away, with a name for each."""

    host: str
    name: str
    driver: str
    subnets: tuple[str, ...]
    gateways: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()
    members: tuple[tuple[str, str], ...] = ()

    def create(self) -> Iterator[str]:
        words = ["docker", "network", "create", f"--driver={self.driver}"]
        for option, values in (("subnet", self.subnets), ("gateway", self.gateways), ("opt", self.options)):
            words += (f"--{option}={value}" for value in values)
        words += (f"--aux-address={name}={ip}" for name, ip in self.kept)
        words += ["--ipv6"] if any(":" in subnet for subnet in self.subnets) else []
        yield shlex.join([*words, self.name])

    def connect(self) -> Iterator[str]:
        for container, ip in self.members:
            option = "ip6" if ":" in ip else "ip"
            yield shlex.join(["docker", "network", "connect", f"--{option}={ip}", self.name, container])

    def remove(self) -> Iterator[str]:
        for container, _ in self.members:
            yield shlex.join(["docker", "network", "disconnect", self.name, container])
        yield shlex.join(["docker", "network", "rm", self.name])


def docker(before: State, after: State) -> tuple[Run, ...]:
    """What makes the networks of Docker's hosts those of the second state; one that differs is made anew."""
    old, new = ({(one.host, one.name): one for one in _networks(state)} for state in (before, after))
    hosts = {host for host, _ in old}
    runs = []
    for key, network in new.items():
        if network.host in hosts and network != (was := old.get(key)):
            gone = was.remove() if was is not None else ()
            runs.append(Run(network.host, (*_purpose(was, network), *gone, *network.create(), *network.connect())))
    return tuple(runs)


def _purpose(was: _Network | None, network: _Network) -> Iterator[str]:
    """What a network is made anew for, where that isn't enough by itself: an interface of the host's own."""
    new = [ip for name, ip in network.kept if was is not None and (name, ip) not in was.kept]
    if new:
        yield f"# besides the above: Docker must give {' and '.join(new)} to no container"


def _networks(state: State) -> Iterator[_Network]:
    """The networks behind the containers' children, one for each parent, mode and subnet, and the pairs to the host."""
    children: dict[tuple[str, str], list[AnyLink]] = {}
    for link in state.links:
        if "/" in link.namespace and link.lower and link.kind == "macvlan" and link.effective_mode in _MODES:
            children.setdefault((link.lower, str(link.effective_mode)), []).append(link)
    for (parent, mode), links in children.items():
        yield _macvlan(state, state.link(parent), mode, links, many=len({key[0] for key in children}) < len(children))
    if children:
        yield from _bridges(state)


def _macvlan(state: State, parent: AnyLink, mode: str, links: list[AnyLink], *, many: bool) -> _Network:
    subnets = dict.fromkeys(
        str(a.network) for link in links for a in link.addresses if a.prefixlen < a.network.max_prefixlen
    )
    mine = {link.id for link in links}
    kept = [
        (link.name, address.ip)
        for link in (parent, *state.children_of(parent.id))
        if link.id not in mine and link.namespace == parent.namespace
        for address in link.addresses
        if any(ipaddress.ip_address(address.ip) in ipaddress.ip_network(subnet) for subnet in subnets)
    ]
    gateways = dict.fromkeys(
        route.via
        for link in links
        for route in state.namespace(link.namespace).routes
        if route.via and any(ipaddress.ip_address(route.via) in ipaddress.ip_network(subnet) for subnet in subnets)
    )
    return _Network(
        host=parent.namespace,
        name=f"macvlan-{parent.name}" + (f"-{mode}" if many else ""),
        driver="macvlan",
        subnets=tuple(subnets),
        gateways=tuple(filter(None, gateways)),
        options=(f"parent={parent.ifname}", *(() if mode == "bridge" else (f"macvlan_mode={mode}",))),
        kept=tuple(kept),
        members=tuple(_member(link) for link in links if link.addresses),
    )


def _bridges(state: State) -> Iterator[_Network]:
    """A pair between a host and its container is what Docker's own bridge networks give: the host is the gateway."""
    for link in state.links:
        if "/" in link.namespace and link.peer_id is not None and link.addresses:
            peer, host = state.link(link.peer_id), link.namespace.partition("/")[0]
            if peer.namespace == host and peer.addresses:
                subnet, gateway = str(peer.addresses[0].network), peer.addresses[0].ip
                yield _Network(host, peer.name, "bridge", (subnet,), (gateway,), members=(_member(link),))


def _member(link: AnyLink) -> tuple[str, str]:
    return link.namespace.partition("/")[2], link.addresses[0].ip
