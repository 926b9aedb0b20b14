"""Which way a program's packets leave its namespace: the route, the next hop, the source address; or the error."""

from __future__ import annotations

import ipaddress

from netlab.contract.dataclass import dataclass
from netlab.contract.types import State
from netlab.model.compile import compile_state
from netlab.model.sim import Sim, Unknown
from netlab.model.stack import ip, ipv6


@dataclass(frozen=True, slots=True)
class Way:
    """Where packets of a program go that binds nothing.

    ``link`` is the id of the interface (``A:lo`` for an address of the namespace's own), ``gateway`` the next hop where
    that isn't the destination itself, ``route`` the route as ``ip route`` writes it, with its table's name. ``others``
    are the interfaces of the route's further next hops, of which a hash takes one.

    ``errno`` names the error where no packet leaves, and ``rule`` the one by which; ``unknown`` says why there is no
    prediction. Then ``link`` and ``source`` are None.
    """

    link: str | None = None
    source: str | None = None
    gateway: str | None = None
    table: int | None = None
    route: str | None = None
    others: tuple[str, ...] = ()
    errno: str | None = None
    rule: str | None = None
    unknown: str | None = None


def way(state: State, namespace: str, address: str, *, tcp: bool = False) -> Way:
    """The way from a namespace (by its id) to an address, of TCP or of what sends without connect().

    KeyError where there is no such namespace, ValueError for what is no address.
    """
    told = ipaddress.ip_address(address)
    world = compile_state(state)
    ns = world.namespaces[namespace]
    sim = Sim(world, trace=True)
    sim.request = "syn" if tcp else "echo-request"
    if why := ns.unknown.get(told.version):
        return Way(unknown=why)
    try:
        found = (ip.way_out if told.version == 4 else ipv6.way_out)(sim, ns, int(told))
    except Unknown as why:
        return Way(unknown=str(why))
    route = found.route
    table, words = (route.table, str(route)) if route else (None, None)
    if found.errno:
        return Way(table=table, route=words, errno=found.errno, rule=found.rule or NO_ROUTE[told.version])
    make = type(told)
    return Way(
        table=table,
        route=words,
        link=found.dev.id,
        source=str(make(found.source)),
        gateway=str(make(found.nexthop)) if found.nexthop != int(told) else None,
        others=tuple(one.dev.id for one in (route.ways if route else ()) if one.dev is not found.dev),
        rule=next((hop.rule for hop in reversed(sim.hops or ()) if hop.rule), None),
    )


#: The rule where there is no route.
NO_ROUTE = {4: ip.UNREACHABLE, 6: ipv6.UNREACHABLE}
