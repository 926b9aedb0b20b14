"""What decided a pair, and the way its request took: read out of the events of a traced simulation."""

from __future__ import annotations

from netlab.model import bridge, device, macvlan
from netlab.model.probes import End
from netlab.model.sim import Hop, Sim
from netlab.model.stack import arp, ip, ipv6
from netlab.model.world import Device

#: Why another interface answers, the most telling first.
_DETOURS = (ip.LOOPBACK, ipv6.LOOPBACK, arp.ANY_INTERFACE, macvlan.SOURCE_COPY, macvlan.PASSTHRU_TAKES)


def decided(letter: str, told: str, sim: Sim, source: End, target: End) -> str | None:
    """The id of the rule that decided a pair's letter.

    For U it is that by which the frame died, for A that by which another interface answered, for R that
    by which the request was delivered. ``told`` is the letter of the traced run.
    """
    hops = sim.hops or []
    if letter in ".?":
        return None
    if told == "U":
        return _death(hops, source, target)
    if told == "A":
        rules = {hop.rule for hop in hops}
        for rule in _DETOURS:
            if rule in rules:
                return rule
    elif letter == "B":
        return macvlan.RACE
    request = [hop for hop in reversed(hops) if hop.rule and hop.phase == sim.request]
    # Whose copy comes last is a matter of the switch's ports: what counts is the target's.
    for near in ({target.dev.id}, _chain(target.dev)):
        for hop in request:
            if hop.at in near:
                return hop.rule
    return request[0].rule if request else None


def _death(hops: list[Hop], source: End, target: End) -> str | None:
    for end in (source, target):
        if not end.dev.up:
            return device.LINK_DOWN
        if not end.dev.running:
            return device.NO_CARRIER
    if target.dev.member is not None:
        return bridge.MEMBER
    last = _last_end(hops, _chain(source.dev), _chain(target.dev))
    if last is None:
        return next((hop.rule for hop in reversed(hops) if hop.rule), None)
    if last.rule == bridge.NO_REFLECTION:
        # That a switch doesn't reflect is what all of them do; what matters is who relied on it.
        if target.dev.lower is source.dev:
            return macvlan.PARENT_SKIPS_CHILDREN
        if source.dev.lower is target.dev:
            return macvlan.CHILD_SKIPS_PARENT
    return last.rule


def _last_end(hops: list[Hop], here: set[str], there: set[str]) -> Hop | None:
    """The end of the last frame that ended near the source or the target.

    Of several copies of one frame, whose order is that of a switch's ports, one at the target's.
    """
    ends = [k for k, hop in enumerate(hops) if hop.end]
    near = [k for k in ends if hops[k].at in here or hops[k].at in there] or ends
    if not near:
        return None
    last = near[-1]
    for k in range(last, -1, -1):
        if hops[k].phase != hops[last].phase:
            break
        if hops[k].end and hops[k].at in there:
            return hops[k]
    return hops[last]


def _chain(dev: Device) -> set[str]:
    """The ids of an interface, what it hangs on, its namespace and all in it."""
    top = dev.lower or dev
    chain = {dev.id, top.id, dev.ns.id, dev.ns.lo.id, *(other.id for other in dev.ns.devices)}
    if top.port is not None:
        chain.add(top.port.id)
    return chain


def path(sim: Sim, source: End, target: End) -> tuple[str, ...]:
    """The interfaces and ports that the request visited, in order; of a broadcast, those towards the target."""
    near = _chain(source.dev) | _chain(target.dev) if sim.request == "frame" else None
    found: dict[str, None] = {}
    for hop in sim.hops or ():
        if hop.phase != sim.request or hop.end or (":" not in hop.at and "--" not in hop.at):
            continue
        if near is None or hop.at in near or "--" in hop.at:
            found.setdefault(hop.at)
    return tuple(found)
