"""`netlab import ip`: what `ip -j` prints of a machine is imported as the machine itself."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from netlab import live, model, plan, spec
from netlab.spec import TopologyError
from tests.live.test_others import ROUTED
from tests.live.world import MACVLAN, World, world

OUTPUTS = ("-d link", "address", "-d route show table all", "rule", "neigh")
LAYERS = ("arp", "icmp", "host:icmp", "host:tcp")


@pytest.fixture
def machine() -> Iterator[World]:
    """A machine of its own."""
    with world() as made:
        yield made


def printed(machine: World, *netns: str) -> dict[str, list[object]]:
    """The outputs of ip in these namespaces."""
    return {
        name: [json.loads(machine.run("ip", "-n", name, "-j", *what.split()).stdout or "[]") for what in OUTPUTS]
        for name in netns
    }


def letters(text: str) -> list[dict[str, object]]:
    """Each layer's cells by the names of their ends."""
    state = plan.resolve(spec.load(text, "imported.yaml")).steps[0].state
    prediction = model.predict(state, LAYERS)
    return [
        {
            f"{one.id} -> {two.id}": prediction.letters[layer][i][j]
            for i, one in enumerate(state.sources(layer))
            for j, two in enumerate(state.endpoints)
        }
        for layer in LAYERS
    ]


@pytest.mark.parametrize(
    ("setup", "netns"), [(MACVLAN, ("machine", "web", "lan", "far")), (ROUTED, ("r", "a", "b", "c"))]
)
def test_as_the_machine_itself(machine: World, setup: str, netns: tuple[str, ...]) -> None:
    """The same letters as by `import live`: a macvlan container; a router with a bridge, routes, rules, tables."""
    machine.ip(setup)
    there = machine.netlab("import", "live", "--host", "this", netns=netns[0]).stdout
    draft = live.draft(live.read("ip", json.dumps(printed(machine, *netns)), "said.json"), "this", "said.json")
    assert letters(live.write(draft)) == letters(there)


def test_one_namespace(machine: World) -> None:
    """Outputs one after the other are the machine's own; its gateway is assumed; what ip doesn't print is told."""
    machine.ip(MACVLAN)
    machine.sh("ip route add default via 192.168.26.1", "machine")
    text = "\n".join(map(json.dumps, printed(machine, "machine")["machine"]))
    draft = live.draft(live.read("ip", text, "said.json"), "nuc", "said.json")
    assert draft.hosts["nuc"].routes == [{"to": "default", "via": "192.168.26.1", "dev": "eth0"}]
    assert draft.hosts["gateway"].interfaces["eth0"]["addresses"] == ["192.168.26.1/24"]
    assert ["sysctls and nftables" in one.why for one in draft.left if one.loses] == [True]


@pytest.mark.parametrize(
    ("text", "said"), [('[{"ifname": }]', "said.json:1:13: no JSON"), ("[]", "there are no links")]
)
def test_wrong(text: str, said: str) -> None:
    """What is no JSON, or has no links, is told with its place."""
    with pytest.raises(TopologyError, match=said):
        live.read("ip", text, "said.json")
