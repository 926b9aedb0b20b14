"""Routes and rules in the kernel, as iproute2 tells of them, step by step."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from netlab.client import Agent, BuildError
from netlab.contract.types import Nexthop, Route
from netlab.plan import from_file
from tests.agent.conftest import Built

TEXT = """\
name: routes
switches: {left: {}, right: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: left, addresses: [10.0.1.2/24, 10.0.1.3/24, "fd01::2/64", "fd01::3/64"]}
      eth1: {switch: right, addresses: [10.0.2.2/24, "fd02::2/64"]}
    routes:
      - {to: default, via: 10.0.1.1, metric: 100, src: 10.0.1.3}
      - {to: default, via: fd01::1, metric: 100, src: fd01::3}
      - {to: 10.9.0.0/16, type: blackhole}
      - {to: 10.8.0.0/16, type: unreachable, metric: 5}
      - {to: "fd08::/64", type: prohibit}
      - {to: 10.7.0.0/16, type: prohibit, table: 300}
      - {to: 10.6.0.0/16, via: 192.168.9.9, dev: eth0, onlink: true}
      - {to: "fd06::/64", via: "fd77::9", dev: eth1, onlink: true}
      - {to: 10.5.0.0/16, nexthops: [{via: 10.0.1.1}, {via: 10.0.2.1, weight: 3}, {dev: eth1}]}
      - {to: "fd05::/64", nexthops: [{via: fd01::1}, {via: fd02::1, weight: 3}]}
    rules:
      - {fwmark: 0x1/0xff, table: 300}
      - {fwmark: 7, table: 300, family: 6, priority: 9}
steps:
  - {name: down, set: {A:eth1: {state: down}}}
  - {name: up, set: {A:eth1: {state: up, addresses: [10.0.2.2/24, "fd02::2/64"]}}}
  - {name: bare, set: {A:eth1: {addresses: []}}}
  - {name: dressed, set: {A:eth1: {addresses: [10.0.2.2/24]}}}
  - {name: sourceless, set: {A:eth0: {addresses: [10.0.1.2/24, "fd01::2/64"]}}}
  - {name: other, set: {A: {routes: [{to: 10.9.0.0/16, type: prohibit}, {to: default, via: 10.0.1.1}], rules: []}}}
  - {name: back, set: {A: {routes: [{to: 10.5.0.0/16, nexthops: [{via: 10.0.1.1}, {via: 10.0.2.1}]}]}}}
  - {name: deleted, delete: [A:eth1]}
"""


def ip(built: Built, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(built.run("A", "ip", "-j", "-d", *words) or "[]")
    return found


def told(route: dict[str, Any]) -> tuple[object, ...]:
    """What both sides tell of a route: prefix, type, metric, table, source, and its living ways."""
    hops = route.get("nexthops") or [route]
    ways = [
        (hop.get("gateway"), hop.get("dev"), hop.get("weight", 1), "onlink" in hop.get("flags", ()))
        for hop in hops
        if "dead" not in hop.get("flags", ())
    ]
    plain = route.get("type", "unicast") == "unicast"
    metric = route.get("metric", 0)
    return (
        route["dst"],
        route.get("type", "unicast"),
        0 if metric == 1024 else metric,
        route.get("table", "main"),
        route.get("prefsrc"),
        tuple(ways) if plain else (),
    )


def planned(built: Built, step: int) -> set[tuple[object, ...]]:
    found = set()
    for one in built.plan.steps[step].state.namespace("A").routes:
        to = "default" if one.to.endswith("/0") else one.to
        ways = [(way.via, way.oif, getattr(way, "weight", 1), way.onlink) for way in one.ways if way.oif is not None]
        table = "main" if one.table == 254 else str(one.table)
        found.add((to, one.type, one.metric or 0, table, one.src, tuple(ways)))
    return found


def test_routes_are_in_the_kernel_as_the_plan_has_them_in_each_step(agent: Agent) -> None:
    """Whatever iproute2 reads back is planned, and the reverse: types, metrics, sources, next hops and their lives."""
    plan = from_file(TEXT, "test.yaml")
    with agent.lab(plan) as lab:
        for number, step in enumerate(plan.steps):
            built = Built(lab, plan, lab.enter(step).result())
            seen = {
                told(route)
                for family in ("-4", "-6")
                for route in ip(built, family, "route", "show", "table", "all", "proto", "boot")
            }
            assert seen == planned(built, number), step.name


@pytest.mark.parametrize(
    "route",
    [
        Route("10.4.0.0/16", type="blackhole"),
        Route("10.9.0.0/16", type="prohibit"),
        Route("10.8.0.0/16", type="unreachable"),
        Route("10.6.0.0/16", "192.168.9.8", "eth0", oif="eth0"),
        Route("10.5.0.0/16", nexthops=(Nexthop("10.0.1.1", oif="eth1"),)),
    ],
    ids=lambda route: " ".join(route.argv),
)
def test_a_route_that_is_not_there_is_an_error_of_the_build(agent: Agent, route: Route) -> None:
    """Routes are read back: one of another type, metric, gateway or interface isn't the one of the plan."""
    plan = from_file(TEXT, "test.yaml")
    state = plan.steps[0].state
    mine = replace(state.namespaces[0], routes=(*state.namespaces[0].routes, route))
    step = replace(plan.steps[0], state=replace(state, namespaces=(mine, *state.namespaces[1:])))
    with agent.lab(plan) as lab, pytest.raises(BuildError) as caught:
        lab.enter(step).result()
    assert f"its route {' '.join(route.argv)} isn't there" in str(caught.value)


def test_rules_ask_for_marks(agent: Agent) -> None:
    """Mark and mask are those of the file, for each family; a step takes the rules away."""
    plan = from_file(TEXT, "test.yaml")
    with agent.lab(plan) as lab:
        built = Built(lab, plan, lab.enter(plan.steps[0]).result())
        marks = [
            [
                (one["priority"], one["fwmark"], one.get("fwmask"), one["table"])
                for one in ip(built, family, "rule")
                if "fwmark" in one
            ]
            for family in ("-4", "-6")
        ]
        assert marks == [[(32765, "0x1", "0xff", "300")], [(9, "0x7", None, "300")]]
        for step in plan.steps[1:7]:
            lab.enter(step).result()
        assert not [one for family in ("-4", "-6") for one in ip(built, family, "rule") if "fwmark" in one]
