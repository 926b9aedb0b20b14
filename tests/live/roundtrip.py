"""A lab that netlab built, read back from outside by what knows nothing of the plan: the prediction must be the same.

Interfaces of both are matched by the kernel's numbers of them, which are unique in a lab.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from netlab import live, model
from netlab.client import Agent
from netlab.contract.types import Plan, State
from netlab.live import machine
from netlab.live.machine.draft import draft
from netlab.live.machine.values import Machine
from netlab.plan import from_file
from netlab.spec import TopologyError

#: What only a file can say, or only a kernel can tell by being asked: not compared.
LAYERS = (
    "broadcast",
    "unicast",
    "arp",
    "ndp",
    "icmp",
    "icmp6",
    "tcp",
    "udp",
    "host:icmp",
    "host:icmp6",
    "host:tcp",
    "host:udp",
)


@dataclass
class Round:
    """What came of one state: how many cells were compared, and where the two predictions differ.

    ``left`` is what the import says that it lost: where it lost something, a difference is no surprise.
    """

    cells: int = 0
    unknown: int = 0
    differences: list[str] = field(default_factory=list)
    text: str = ""
    left: list[str] = field(default_factory=list)


def compare(plan: Plan, steps: bool = False) -> list[Round]:
    """Each state of a plan (the first; ``steps``: all), built, read and predicted.

    The agent has no other lab: it may hold one for a while that is being taken down.
    """
    found = []
    with Agent.start() as agent, agent.lab(plan) as lab:
        for step in plan.steps if steps else plan.steps[:1]:
            lab.enter(step).result()
            found.append(_round(agent, step.state))
    return found


def _of_lab(read: Machine, state: State) -> tuple[Machine, dict[str, str]]:
    """What was read without the agent's own namespaces, and which host, container or switch each of them is.

    One that has only its lo is known by the addresses there.
    """
    ours = {(link.ifindex, link.ifname, link.mac): link.namespace for link in state.links if link.bindable}
    at_lo = {frozenset(map(str, link.addresses)): link.namespace for link in state.links if not link.bindable}
    found: dict[str, str] = {}
    for one in read.spaces:
        if one.key not in read.start:
            continue
        names = {ours.get((dev.index, dev.name, mac)) for dev in one.devices for mac in (dev.mac, None)} - {None}
        if not names and all(dev.loopback for dev in one.devices):
            shown = frozenset(
                str(ip) for dev in one.devices for ip in dev.addresses if ip.ip not in ("127.0.0.1", "::1")
            )
            names = {at_lo.get(shown)} - {None}
        if names:
            found[one.key] = names.pop()
    return replace(read, start=tuple(found), unread=()), found


def _settled(state: State, read: Machine) -> State:
    """The state with the MACs that the kernel chose: which of two is asked first depends on them."""
    macs = {device.index: device.mac for space in read.spaces for device in space.devices}
    unsaid = {
        link.id
        for link in state.links
        if link.mac is None and link.bindable and "mac" in type(link).__dataclass_fields__
    }
    links = (replace(link, mac=macs.get(link.ifindex)) if link.id in unsaid else link for link in state.links)
    return replace(state, links=tuple(links))


def _moved(state: State, read: Machine) -> list[str]:
    """Static entries of bridges that a frame has moved to another port since they were made (br_fdb_update)."""
    wanted = {(plug.place.ifindex, mac) for link in state.links for plug in link.plugs for mac in plug.port.fdb}
    found = {(index, mac) for space in read.spaces for mac, index in space.fdb}
    gone = sorted(mac for index, mac in wanted - found if mac in {mac for _, mac in found})
    return [f"the plan: the static entry of {mac}, which a frame has moved to another port" for mac in gone]


def _round(agent: Agent, state: State) -> Round:
    result = Round()
    read, whose = _of_lab(machine.read(machine.Chosen(pid=agent.pid)), state)
    state = _settled(state, read)
    made, real = draft(read, "lab")
    result.left = [f"{one.path}: {one.why}" for one in made.left if one.loses] + _moved(state, read)
    result.text = live.write(made)
    try:
        imported = from_file(result.text, "imported.yaml").steps[0].state
    except TopologyError as error:
        result.differences.append(f"not a topology: {error}")
        return result
    numbers = {
        (name, device.name): device.index
        for name, key in real.keys.items()
        for space in read.spaces
        if space.key == key
        for device in space.devices
    }
    keyed = {key: name for name, key in real.keys.items()}
    ours = {link.ifindex: link.id for link in state.links if link.bindable}
    # The names of the imported file → those of the plan.
    links = {
        link.id: ours[numbers[link.namespace, link.ifname]]
        for link in imported.links
        if numbers.get((link.namespace, link.ifname)) in ours
    }
    hosts = {name: whose[key] for name, key in real.keys.items() if key in whose}
    # Every lo has the same number.
    links |= {link.id: f"{hosts[link.namespace]}:{link.name}" for link in imported.links
              if not link.bindable and link.namespace in hosts}  # fmt: skip
    ends = {}
    for i, endpoint in enumerate(imported.endpoints):
        name = endpoint.id.replace(endpoint.link, links.get(endpoint.link, "?"), 1)
        if name in state.index:
            ends[state.index[name]] = i
    rows = {i: next((k for k, one in enumerate(imported.askers) if hosts.get(one.id) == asker.id), None)
            for i, asker in enumerate(state.askers)}  # fmt: skip
    # A host that has nothing but a bridge and its ports, without addresses, is a switch to the kernel.
    bare = {
        key for key, name in keyed.items() if name in {one.id for one in imported.namespaces if one.kind == "switch"}
    }
    bridges = {ours.get(device.index) for space in read.spaces if space.key in bare for device in space.devices}
    lost = [one.id for i, one in enumerate(state.endpoints) if i not in ends and one.link not in bridges]
    lost += [asker.id for i, asker in enumerate(state.askers) if rows[i] is None and asker.families]
    result.differences += [f"{one} is not in the imported topology" for one in lost]
    mine, theirs = model.predict(state, LAYERS), model.predict(imported, LAYERS)
    for layer in LAYERS:
        by = rows if layer.startswith("host:") else ends
        for i, row in enumerate(mine.letters[layer]):
            for j, letter in enumerate(row[: len(state.endpoints)]):
                k, m = by.get(i), ends.get(j)
                if k is None or m is None:
                    continue
                other = theirs.letters[layer][k][m]
                result.cells += 1
                result.unknown += letter == "?"
                if other != letter and letter != "?":
                    where = f"{state.sources(layer)[i].id} -> {state.endpoints[j].id}"
                    why = theirs.reason(layer, k, m) if other == "?" else theirs.rule(layer, k, m)
                    result.differences.append(
                        f"{layer} {where}: {letter} ({mine.rule(layer, i, j)}), imported {other} ({why})"
                    )
    return result
