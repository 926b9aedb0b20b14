"""Routes and rules of a namespace."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from netlab.plan.types import MAIN_TABLE, AnyLink, Route, Rule
from netlab.spec.problems import did_you_mean

if TYPE_CHECKING:
    from netlab.plan.lab import Lab, Path
    from netlab.spec.schema import Route as GivenRoute
    from netlab.spec.schema import Rule as GivenRule

#: The priority of the rule for table main (fib_default_rules_init).
MAIN_PRIORITY = 32766


def routes(lab: Lab, namespace: str, given: Iterable[GivenRoute], path: Path) -> tuple[Route, ...]:
    """Routes as the kernel takes them."""
    made: list[Route] = []
    for i, route in enumerate(given):
        here = (*path, i)
        if route.via is None and route.dev is None:
            lost = bool(lab.spec.pruned & {"via", "dev"})
            lab.problems.add(lab.where(*here), f"the route to {route.to} has neither via nor dev", follows=lost)
            continue
        to = route.to
        if to == "default":
            to = "::/0" if route.via and ":" in route.via else "0.0.0.0/0"
        if route.via and (":" in route.via) != (":" in to):
            lab.problems.add(lab.where(*here, "via", key=False), f"{route.via} and {to} are of different families")
            continue
        dev = _device(lab, namespace, route.dev, (*here, "dev"))
        if route.dev is not None and dev is None:
            continue
        made.append(Route(to, route.via, dev.name if dev else None, route.table or MAIN_TABLE))
    return tuple(made)


def rules(lab: Lab, namespace: str, given: Iterable[GivenRule], path: Path) -> tuple[Rule, ...]:
    """Rules as the kernel takes them; without a priority before all others (fib_default_rule_pref)."""
    made: list[Rule] = []
    for i, rule in enumerate(given):
        here = (*path, i)
        known = len(lab.problems.found)
        families = {6 if ":" in prefix else 4 for prefix in (rule.src, rule.to) if prefix not in (None, "default")}
        if rule.family is not None:
            families.add(rule.family)
        if len(families) > 1 or 5 in families:
            lab.problems.add(lab.where(*here), "the rule mixes IPv4 and IPv6", "one rule for each")
            continue
        family: Literal[4, 6] = 6 if families == {6} else 4
        lowest = min([MAIN_PRIORITY, *(other.priority for other in made if other.family == family and other.priority)])
        devices: dict[str, str | None] = {}
        for key in ("iif", "oif"):
            name: str | None = getattr(rule, key)
            link = None if name == "lo" else _device(lab, namespace, name, (*here, key))
            devices[key] = link.ifname if link else name
        if lab.problems.found[known:]:
            continue
        made.append(
            Rule(
                table=rule.table,
                priority=lowest - 1 if rule.priority is None else rule.priority,
                family=family,
                src=None if rule.src == "default" else rule.src,
                dst=None if rule.to == "default" else rule.to,
                **devices,
            )
        )
    return tuple(made)


def _device(lab: Lab, namespace: str, name: str | None, path: Path) -> AnyLink | None:
    if name is None:
        return None
    links = lab.links_of(namespace)
    for link in links:
        if name in (link.name, link.ifname):
            return link
    if name not in lab.spec.pruned:
        known = did_you_mean(name, [link.name for link in links], "interfaces")
        lab.problems.add(lab.where(*path, key=False), f"no interface {name!r} in {namespace}", known)
    return None


def device_of(lab: Lab, namespace: str, route: Route) -> str | None:
    """The name of the interface by which a new route goes: given, or that of the gateway's own route (fib_check_nh)."""
    if route.dev is not None or route.via is None:
        return route.dev
    gateway = ipaddress.ip_address(route.via)
    ways = [
        (-address.prefixlen, lab.addressed[link.id, address.ip], link.name)
        for link in lab.links_of(namespace)
        for address in link.addresses
        if (link.id, address.ip) in lab.addressed and gateway in address.network
    ]
    return min(ways)[2] if ways else None
