"""Diagrams: what is drawn, where, and that the real tools read the texts."""

from __future__ import annotations

import itertools
import random
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netlab import plan, spec
from netlab.contract.wire import to_plain
from netlab.report import diagram
from netlab.report.diagram import layout, scene
from netlab.report.diagram.boxes import Frame
from tests.report_html.browser import Browser

ROUTED = """
name: routed
switches:
  left: {}
  right: {links: [left], stp: true, fdb_max_learned: 2}
  lonely: {}
hosts:
  gw:
    interfaces:
      eth0: {switch: left, addresses: [10.0.0.1/24]}
      eth1: {switch: right, addresses: [10.0.1.1/24]}
  a:
    interfaces:
      eth0: {switch: left, addresses: [10.0.0.2/24], port: {locked: true, learning: false}}
      mv0: {type: macvlan, parent: eth0, mode: private, addresses: [10.0.0.9/24]}
  b:
    interfaces:
      eth0: {switch: right, addresses: [10.0.1.2/24, 10.0.1.3/24, 10.0.1.4/24]}
      eth1: {switch: right, state: down}
    containers:
      both:
        interfaces:
          eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.1.30/24]}
          eth1: {type: macvtap, parent: eth1, mode: vepa, addresses: [10.0.1.31/24]}
  alone: {}
"""


def link(kind: str, namespace: str, name: str, **more: Any) -> dict[str, Any]:
    """A link as it stands in a record."""
    return {"type": kind, "namespace": namespace, "name": name, "ifname": name, "ifindex": 1, **more}


#: A bridge inside of a host with a way out, containers and a child on it; a pair without a switch; a kind of link
#: that nobody knows yet.
INSIDE = {
    "namespaces": [
        *({"id": one, "kind": "host"} for one in "AB"),
        {"id": "A/c1", "kind": "container"},
        {"id": "A/c2", "kind": "container"},
        {"id": "lan", "kind": "switch"},
    ],
    "links": [
        link("Switch", "lan", "br0"),
        link("Veth", "A", "eth0", switch="lan", master="A:br0"),
        link("Bridge", "A", "br0"),
        link("Macvlan", "A", "mv0", parent="A:br0"),
        link("Veth", "A/c1", "eth0", switch="A:br0"),
        link("Veth", "A/c2", "eth0", switch="A:br0", port={"isolated": True}),
        link("Bridge", "B", "alone"),
        link("Pair", "A", "p0", peer="B:p0", makes=True),
        link("Pair", "B", "p0", peer="A:p0"),
        link("Wormhole", "B", "w0"),
    ],
}


def state(topology: str | dict[str, Any], step: int = 0) -> dict[str, Any]:
    """A topology's state in plain JSON, by the name of one that ships or by its text."""
    if isinstance(topology, dict):
        return topology
    loaded = spec.load(topology if "\n" in topology else spec.find(topology))
    plain: dict[str, Any] = to_plain(plan.resolve(loaded).steps[step].state)
    return plain


def many(count: int, name: str = "host") -> str:
    """So many hosts on one switch; named by number, so that they are alike."""
    hosts = "\n".join(
        f"  {name}{k}: {{interfaces: {{eth0: {{switch: lan, addresses: [10.0.0.{k}/24]}}}}}}"
        for k in range(1, count + 1)
    )
    return f"name: many\nswitches: {{lan: {{}}}}\nhosts:\n{hosts}\n"


def distinct(count: int) -> str:
    """So many hosts of which no two have names alike."""
    names = [f"{'abcdefghijklmnopqrstuvwxyz'[k % 26]}{'x' * (k // 26)}host" for k in range(count)]
    hosts = "\n".join(f"  {one}: {{interfaces: {{eth0: {{switch: lan}}}}}}" for one in names)
    return f"name: distinct\nswitches: {{lan: {{}}}}\nhosts:\n{hosts}\n"


SHIPPED = [path.stem for path in spec.shipped()]
ALL: list[Any] = [*SHIPPED, ROUTED, INSIDE, many(12), distinct(40)]


def called(topology: Any) -> str:
    """What a topology is called among the tests."""
    if isinstance(topology, dict):
        return "inside" if topology is INSIDE else f"random-{ALL.index(topology)}"
    return str(topology.split()[1] if "\n" in topology else topology)


def at_random(seed: int) -> dict[str, Any]:
    """A lab of up to four switches in a row and nine hosts with wires, children and containers anywhere."""
    dice = random.Random(seed)
    switches = [f"s{k}" for k in range(dice.randint(1, 4))]
    links = [link("Switch", name, "br0", stp=dice.random() < 0.3) for name in switches]
    links += (
        link("SwitchLink", here, "p", peer=there) for here, there in itertools.pairwise(switches) if dice.random() < 0.8
    )
    namespaces = [{"id": name, "kind": "switch"} for name in switches]
    for host in "ABCDEFGHI"[: dice.randint(1, 9)]:
        namespaces.append({"id": host, "kind": "host"})
        for k in range(dice.randint(1, 3)):
            wire = {"switch": dice.choice(switches), "port": {"hairpin": dice.random() < 0.5}}
            links.append(link("Veth", host, f"eth{k}", **wire))
            for n in range(dice.randint(0, 2)):
                inside = f"{host}/c{dice.randint(0, 1)}" if dice.random() < 0.6 else host
                links.append(link("Macvlan", inside, f"mv{k}{n}", parent=f"{host}:eth{k}", mode="vepa"))
    return {"namespaces": namespaces, "links": links}


ALL += map(at_random, range(25))


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("topology", ALL, ids=called)
def test_nothing_overlaps(topology: str, sides: int) -> None:
    """Hosts and switches keep apart from each other, containers are inside of their host, all is in the picture."""
    placed = layout.lay_out(scene.build(state(topology)), sides=sides)
    outer = [one for one in placed.frames if one.look in ("host", "more")] + [bar.frame for bar in placed.bars]
    for one, other in itertools.combinations(outer, 2):
        assert not overlap(one, other), (one.id, other.id)
    hosts = {one.id: one for one in placed.frames if one.look == "host"}
    for one in placed.frames:
        if one.look in ("container", "inner"):
            assert inside(one, hosts[re.split("[/:]", one.id)[0]])
    left, top, wide, high = placed.view
    view = Frame("view", left, top, wide, high, "", 0)
    assert all(inside(one, view) for one in outer)


def overlap(one: Frame, other: Frame) -> bool:
    """Whether two rectangles share more than an edge."""
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def inside(one: Frame, other: Frame) -> bool:
    """Whether a rectangle is within another."""
    return (
        other.x <= one.x
        and other.y <= one.y
        and one.x + one.width <= other.x + other.width
        and one.y + one.height <= other.y + other.height
    )


@pytest.mark.parametrize("topology", ALL, ids=called)
def test_every_wire_ends_at_what_it_joins(topology: str) -> None:
    """A wire begins and ends at the glyphs of the places that it names, and runs level or upright."""
    placed = layout.lay_out(scene.build(state(topology)))
    glyphs = {row.iface.id: (row.x, row.y) for row in placed.rows}
    glyphs |= {one.port.id: (one.x, one.y) for one in placed.ports}
    assert placed.wires
    for wire in placed.wires:
        assert (wire.points[0], wire.points[-1]) == (glyphs[wire.ends[0]], glyphs[wire.ends[1]]), wire
        for (x1, y1), (x2, y2) in itertools.pairwise(wire.points):
            assert x1 == x2 or y1 == y2, wire


@pytest.mark.parametrize("topology", SHIPPED)
def test_everything_is_drawn(topology: str) -> None:
    """Every interface and port of a small lab is in the picture, or stands for others that are alike."""
    plain = state(topology)
    root = ET.fromstring(diagram.as_svg(plain, topology))
    places = {element.get("data-at") for element in root.iter()} | {e.get("data-alias") for e in root.iter()}
    for link in plain["links"]:
        if link["type"] in ("Veth", "Macvlan", "Macvtap"):
            assert f"{link['namespace']}:{link['name']}" in places
        if link["type"] == "Veth" and "switch" in link:
            assert f"port({link['namespace']}:{link['name']})" in places


def test_equal_states_give_equal_pictures() -> None:
    """Drawing is deterministic, to the byte."""
    assert diagram.as_svg(state(ROUTED), "x") == diagram.as_svg(state(ROUTED), "x")
    assert diagram.as_dot(state(ROUTED), "x") == diagram.as_dot(state(ROUTED), "x")


def test_up_to_twelve_hosts_are_drawn_one_by_one() -> None:
    """Twelve hosts are twelve boxes, though they are alike."""
    assert [host.count for host in scene.build(state(many(12))).hosts] == [1] * 12


def test_more_hosts_are_folded() -> None:
    """Thirteen alike hosts are one box that says so, and each interface has a place in the picture."""
    built = scene.build(state(many(13)))
    [host] = built.hosts
    assert (host.name, host.count, built.more) == ("host*", 13, 0)
    assert built.alias is not None
    assert built.alias["host7:eth0"] == "host1:eth0"
    assert built.alias["port(host7:eth0)"] == "port(host1:eth0)"


def test_hosts_that_differ_are_not_folded_together() -> None:
    """Of many hosts the one whose switch port has an option is drawn by itself."""
    text = many(13).replace("host4: {interfaces: {eth0: {", "host4: {interfaces: {eth0: {port: {isolated: true}, ")
    assert sorted(host.count for host in scene.build(state(text)).hosts) == [1, 12]


def test_what_cannot_be_folded_is_counted() -> None:
    """Of forty hosts that are not alike eleven are drawn, and the picture says how many more there are."""
    built = scene.build(state(distinct(40)))
    assert (len(built.hosts), built.more) == (11, 29)
    assert "and 29 more hosts" in diagram.as_svg(state(distinct(40)), "x")
    assert "and 29 more hosts" in diagram.as_mermaid(state(distinct(40)))
    assert "and 29 more hosts" in diagram.as_dot(state(distinct(40)), "x")


def test_options_are_tags() -> None:
    """Port options, switch options, modes, and what is wrong with an interface are written beside it."""
    text = diagram.as_svg(state(ROUTED), "x")
    for tag in (
        "locked",
        "no learning",
        "STP",
        "learns 2",
        "private",
        "vepa",
        "macvtap",
        "down",
        "no carrier",
    ):
        assert f">{tag}</text>" in text, tag
    assert ">10.0.1.3/24 +1<" in text


def test_a_container_with_two_parents_is_drawn_once() -> None:
    """It stands below its first parent and has a stem from each."""
    placed = layout.lay_out(scene.build(state(ROUTED)))
    assert [one.id for one in placed.frames if one.look == "container"] == ["b/both"]
    stems = {wire.ends for wire in placed.wires}
    assert {("b:eth0", "b/both:eth0"), ("b:eth1", "b/both:eth1")} <= stems


def test_a_bridge_inside_of_a_host_has_ports() -> None:
    """What is plugged into it is wired to a port of its own, what leads out is its stem, a child hangs on it."""
    placed = layout.lay_out(scene.build(INSIDE))
    ends = {wire.ends for wire in placed.wires}
    assert {
        ("A:eth0", "A:br0"),
        ("port(A/c1:eth0)", "A/c1:eth0"),
        ("port(A/c2:eth0)", "A/c2:eth0"),
        ("A:br0", "A:mv0"),
        ("A:p0", "B:p0"),
    } <= ends
    text = diagram.as_svg(INSIDE, "x")
    assert text.count('class="inner"><rect') == 2
    assert ">Linux bridge</text>" in text
    assert ">isolated</text>" in text
    assert 'data-switch="A:br0"' in text
    assert ">wormhole</text>" in text


def test_a_tunnel_hangs_on_its_way_out() -> None:
    """An end of a VXLAN is drawn at the interface by which its packets leave, and says where they go."""
    text = """
name: tunnel
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
      vx0: {type: vxlan, id: 42, dev: eth0, group: 239.1.1.1}
"""
    assert ("A:eth0", "A:vx0") in {wire.ends for wire in layout.lay_out(scene.build(state(text))).wires}
    assert "VXLAN 42 by A:eth0 to the group 239.1.1.1" in diagram.as_svg(state(text), "x")


def test_a_step_changes_the_picture() -> None:
    """After the step the port has its tag."""
    assert "hairpin" not in diagram.as_svg(state("vepa-hairpin"), "x")
    assert ">hairpin</text>" in diagram.as_svg(state("vepa-hairpin", 1), "x")


@pytest.mark.parametrize("topology", ALL, ids=called)
def test_graphviz_reads_it(topology: str) -> None:
    """dot draws every topology without a word of complaint."""
    if shutil.which("dot") is None:
        pytest.skip("no dot here: apt-get install graphviz")
    text = diagram.as_dot(state(topology), "a name")
    done = subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "<svg" in done.stdout


def test_mermaid_reads_it(show: Callable[..., Browser], module: Callable[[str], Path]) -> None:
    """Mermaid's own parser accepts every topology, as a flowchart."""
    library = module("mermaid/dist/mermaid.min.js").as_uri()
    page = show(f"<!doctype html><meta charset=utf-8><title>x</title><body></body><script src='{library}'></script>")
    for topology in ALL:
        text = diagram.as_mermaid(state(topology))
        kind = page.wait("return (await mermaid.parse(arguments[0])).diagramType", text)
        assert kind == "flowchart-v2", (topology, kind)
    refused = page.wait("return (await mermaid.parse(arguments[0])).diagramType", text + "\n  end --- end")
    assert "Parse error" in refused, "a parser that takes everything shows nothing"
