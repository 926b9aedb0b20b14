"""Whatever a topology file holds: a plan that is consistent, or a TopologyError with a place."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netlab.contract.types import Macvlan, Plan, SwitchLink, Veth
from netlab.plan import from_file
from netlab.spec import TopologyError, shipped
from netlab.spec.nodes import compose

TEXTS = [path.read_text() for path in shipped() if path.stat().st_size < 6000]
TREES = [compose(text, "f").plainly() for text in TEXTS]
#: Words that mean something somewhere, and texts that mean nothing anywhere.
WORDS = [
    *("A", "B", "lan", "A:eth0", "A/c1", "A/c1:eth0", "any", "*", "web-*", "port(A:eth0)", "any:eth0", "eth0"),
    *("reachable", "unreachable", "up", "down", "on", "off", "true", "null", "auto", "0", "1", "-1", "99999999999"),
    *("macvlan", "veth", "macvtap", "bridge", "vepa", "private", "passthru", "source", "default", "EINVAL", "create"),
    *("10.0.0.1/24", "10.0.0.1", "fd00::1/64", "02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff", "1500", "icmp", "baseline"),
    *("net.ipv4.ip_forward", "net.ipv4.conf.eth0.rp_filter", "name", "interfaces", "containers", "hosts", "switches"),
    *("steps", "expect", "set", "add", "delete", "replicas", "step", "routes", "rules", "sysctls", "port", "claims"),
    *("claim", "links", "refused", "heard-by", "at", "state", "mode", "parent", "switch", "addresses", "neighbors"),
    *("", "A -> B: reachable", "A -> B [icmp]", "\u202e", "x" * 5000, "../x", "$(reboot)", "a\nb"),
]
scalars = st.sampled_from(WORDS) | st.text(max_size=12)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(scalars, inner, max_size=3),
    max_leaves=6,
)


def check(made: Plan) -> None:
    """What holds of any plan."""
    for step in made.steps:
        state = step.state
        numbers = [link.ifindex for link in state.links]
        numbers += [link.port_ifindex for link in state.links if isinstance(link, Veth)]
        numbers += [link.peer_ifindex for link in state.links if isinstance(link, SwitchLink)]
        assert len(set(numbers)) == len(numbers)
        assert len({link.id for link in state.links}) == len(state.links)
        names = [(link.namespace, link.ifname) for link in state.links]
        assert len(set(names)) == len(names)
        for link in state.links:
            assert len(link.ifname.encode()) <= 15
            assert state.namespace(link.namespace)
            if isinstance(link, Macvlan):
                assert not isinstance(state.link(link.parent), Macvlan)
                assert not link.carrier or state.link(link.parent).carrier
        for endpoint in state.endpoints:
            assert state.link(endpoint.link).ifindex == endpoint.ifindex
        for entry in step.expect:
            for layer in getattr(entry, "layers", ()) or [getattr(entry, "layer", "")]:
                for source, target in getattr(entry, "pairs", ()):
                    assert state.sources(layer)[state.row(layer, source)].id == source
                    assert state.destinations(layer)[state.column(layer, target)].id == target


def try_text(text: str) -> None:
    """Make a plan of a text, or see it refused as it should be."""
    try:
        made = from_file(text, "f")
    except TopologyError as error:
        problems = error.problems
    else:
        check(made)
        return
    lines = len(text.splitlines()) + 1
    assert problems
    for problem in problems:
        assert problem.where.file == "f"
        assert 1 <= problem.where.line <= lines
        assert problem.where.column >= 1
        assert problem.message


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Every place of a tree: what holds it, and under which key or index."""
    found: list[tuple[Any, Any]] = []
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in inner:
        found.append((tree, key))
        found += places(value)
    return found


quick = settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(st.data())
def test_mutated_trees(data: st.DataObject) -> None:
    """Values and keys of a shipped topology replaced, removed, doubled and swapped give a plan or a TopologyError."""
    tree = json.loads(json.dumps(data.draw(st.sampled_from(TREES))))
    for _ in range(data.draw(st.integers(1, 3))):
        spots = places(tree)
        if not spots:
            break
        holder, key = data.draw(st.sampled_from(spots))
        match data.draw(st.sampled_from(["value", "value", "key", "remove", "copy"])):
            case "value":
                holder[key] = data.draw(values)
            case "key" if isinstance(holder, dict):
                holder[data.draw(scalars)] = holder.pop(key)
            case "copy":
                other, where = data.draw(st.sampled_from(spots))
                if isinstance(other, dict) or (
                    isinstance(other, list) and isinstance(where, int) and where < len(other)
                ):
                    holder[key] = json.loads(json.dumps(other[where]))
            case _:
                del holder[key]
    try_text(json.dumps(tree))


@quick
@given(st.data())
def test_mutated_texts(data: st.DataObject) -> None:
    """A shipped topology with characters and lines changed gives a plan or a TopologyError."""
    text = data.draw(st.sampled_from(TEXTS))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        match data.draw(st.sampled_from(["insert", "cut", "line"])):
            case "insert":
                text = text[:at] + data.draw(st.text(max_size=4) | st.sampled_from(WORDS)) + text[at:]
            case "cut":
                text = text[:at] + text[at + data.draw(st.integers(1, 30)) :]
            case _:
                lines = text.splitlines(keepends=True)
                lines.insert(data.draw(st.integers(0, len(lines))), data.draw(st.sampled_from(lines or ["\n"])))
                text = "".join(lines)
    try_text(text)


@quick
@given(st.dictionaries(st.sampled_from(["name", "switches", "hosts", "expect", "steps", "claims", "claim"]), values))
def test_arbitrary_trees(tree: dict[str, Any]) -> None:
    """Any tree below the right top-level keys gives a plan or a TopologyError."""
    try_text(json.dumps(tree))
