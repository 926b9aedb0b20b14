"""containerlab: nodes that are wired to each other, to bridges of the machine and to its NICs."""

from __future__ import annotations

import ipaddress
from dataclasses import field
from typing import Any

from netlab.contract.dataclass import dataclass
from netlab.live import addresses
from netlab.live.formats.drivers import mode_of
from netlab.live.machine.values import Device, End, Ip, LiveRoute, Machine, Space, Way
from netlab.live.names import container_name, device_name
from netlab.live.sketch import BRIDGE
from netlab.live.source import NOTHING, Section, Source
from netlab.spec import scalars
from netlab.spec.problems import near

WHAT = "a topology of containerlab (.clab.yml)"
#: What containerlab gives a wire where the file says nothing.
_MTU = 9500
_HOST = ""
_OURS = ("host", "macvlan", "mgmt-net", "vxlan", "vxlan-stitch", "dummy")


@dataclass
class _Node:
    bridge: bool = False
    devices: dict[str, dict[str, Any]] = field(default_factory=dict)
    routes: list[tuple[str, str, str]] = field(default_factory=list)


def read(text: str, file: str) -> Machine:
    """The machine with the lab. Raises TopologyError."""
    return _Reader(Source(text, file, WHAT)).machine()


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.nodes: dict[str, _Node] = {_HOST: _Node()}
        self.names: dict[str, str] = {}

    def machine(self) -> Machine:
        root = self.source.root
        topology = root.section("topology") if isinstance(root.node.value, dict) else None
        if topology is None:
            root.wrong("'topology' is missing", self.source.stranger() or f"this should be {WHAT}")
            self.source.stop()
            raise AssertionError
        root.skip(NOTHING, "name", "prefix", "settings", "debug")
        root.skip("the network of management isn't taken over", "mgmt", loses=True)
        defaults = topology.section("defaults")
        usual = (defaults.text("kind") if defaults else "") or "linux"
        topology.skip("kinds and groups of nodes aren't followed", "kinds", "groups", loses=True)
        if defaults is not None:
            defaults.skip(NOTHING, "image", "env", "type", "license")
        nodes = topology.entries("nodes")
        nodes = [(name, one) for name, one in nodes if one.node.value in (None, "") or one.is_mapping()]
        execs = [(name, one) for name, entry in nodes for one in self._node(name, entry, usual)]
        for link in topology.items("links"):
            if link.is_mapping():
                self._link(link)
        for name, one in execs:
            self._exec(name, one)
        self.source.assume("each node has its interface of management (eth0) in containerlab, and none here")
        self.source.stop()
        return self._machine()

    def _node(self, name: str, entry: Section, usual: str) -> list[Section]:
        """Add a node; what it executes is given back, for when its links are there."""
        kind = (entry.text("kind") if entry.node.value else "") or usual
        self.names[name] = container_name(entry, name)
        if kind in ("bridge", "host"):
            self.nodes[name] = self.nodes[_HOST] if kind == "host" else _Node(bridge=True)
            if kind == "bridge" and self._fits(entry, name):
                self.nodes[_HOST].devices[name] = {"kind": "bridge", "data": dict(BRIDGE)}
            return []
        if kind == "ovs-bridge" or (entry.node.value and entry.text("network-mode")):
            entry.leave(f"{name}: {kind if kind == 'ovs-bridge' else 'a node in the network of another'}", loses=True)
            return []
        self.nodes[name] = _Node()
        if kind != "linux":
            self.source.assume(f"{name}, of kind {kind}, forwards nothing and answers as Linux does")
        if not entry.node.value:
            return []
        entry.skip(NOTHING, "image", "type", "group", "labels", "env", "license", "position", "mgmt-ipv4", "mgmt-ipv6")
        inside = ("startup-config", "binds", "cmd", "entrypoint", "ports")
        entry.skip("what configures it inside isn't read", *inside, loses=True)
        return entry.items("exec")

    def _fits(self, section: Section, word: str) -> bool:
        try:
            device_name(word)
        except scalars.Wrong as wrong:
            section.wrong(str(wrong), wrong.hint)
            return False
        return True

    # --- links --------------------------------------------------------------------------------------------

    def _link(self, link: Section) -> None:
        kind = link.text("type", "veth")
        if kind == "macvlan":
            self._macvlan(link)
            return
        if kind not in ("veth", ""):
            link.leave(f"a link of type {kind} in the long form: write it with endpoints", loses=True)
            return
        ends = link.items("endpoints")
        if len(ends) != 2:
            link.wrong("a link has two 'endpoints'", "as in [a:eth1, b:eth1]")
            return
        given = link.number("mtu", 68, 65535)
        mtu = given or _MTU
        link.skip(NOTHING, "labels", "vars")
        words = [self._end(one) for one in ends]
        if None in words:
            return
        (one, mine), (two, its) = (word for word in words if word is not None)
        for outside, name, node, own, at in ((one, mine, two, its, ends[1]), (two, its, one, mine, ends[0])):
            if outside == "macvlan":
                if node in self.nodes and not self.nodes[node].bridge:
                    self._child(at, node, own, name, given)
                    return
            elif outside in _OURS[2:]:
                link.leave(f"a link to {outside}", loses=True)
                return
        places = [self._place(at, node, name) for at, (node, name) in zip(ends, ((one, mine), (two, its)), strict=True)]
        if None in places:
            return
        (here, near_name, master), (there, far_name, its_master) = (place for place in places if place is not None)
        self._add(ends[0], here, near_name, kind="veth", lower=(there, far_name), master=master, mtu=mtu)
        self._add(ends[1], there, far_name, kind="veth", lower=(here, near_name), master=its_master, mtu=mtu)

    def _macvlan(self, link: Section) -> None:
        """A macvlan in the long form, which alone can say its mode."""
        end, parent = link.section("endpoint"), link.value("host-interface", device_name)
        mode = link.value("mode", lambda value: mode_of("macvlan", value, "containerlab"))
        mtu = link.number("mtu", 68, 65535)
        link.skip(NOTHING, "labels", "vars")
        mine = self._end(end) if end is not None else None
        if end is None or not link.has("host-interface"):
            link.wrong("a link of type macvlan has 'endpoint' and 'host-interface'")
        elif mine is not None and parent is not None and (place := self._place(end, *mine)) is not None:
            self._child(end, place[0], place[1], parent, mtu, mode or "bridge")

    def _child(self, at: Section, node: str, name: str, parent: str, mtu: int | None, mode: str = "bridge") -> None:
        """Add a macvlan to a node; it has the parent's MTU where none is given."""
        self.nodes[_HOST].devices.setdefault(parent, {"kind": ""})
        self._add(at, node, name, kind="macvlan", lower=(_HOST, parent), data={"mode": mode}, mtu=mtu or 1500)

    def _end(self, one: Section) -> tuple[str, str] | None:
        if isinstance(one.node.value, dict):
            node, interface = one.text("node"), one.text("interface")
            one.skip("MACs of ends aren't taken over", "mac", "vars", loses=True)
        else:
            node, _, interface = (one.as_(scalars.text) or "").partition(":")
        if not node or not interface:
            one.wrong("an endpoint is a node and an interface", "as in a:eth1")
            return None
        return (node, interface) if self._fits(one, interface) else None

    def _place(self, at: Section, node: str, name: str) -> tuple[str, str, str] | None:
        """The namespace, the device and its bridge that an endpoint stands for."""
        if node == "host":
            return _HOST, name, ""
        if node not in self.nodes:
            if node in self.names:
                at.leave(f"a link to {node}, which is left out", loses=True)
            else:
                meant = near(node, self.names)
                hint = f"did you mean {meant!r}?" if meant else f"there are {', '.join(self.names) or 'none'}"
                at.wrong(f"no node {node!r}", hint)
            return None
        found = self.nodes[node]
        bridge = found.bridge
        return (_HOST, name, node) if bridge else (_HOST if found is self.nodes[_HOST] else node, name, "")

    def _add(self, at: Section, node: str, name: str, **keys: Any) -> None:
        if name in self.nodes[node].devices:
            at.wrong(f"{self.names.get(node, 'the machine')} has two interfaces {name}")
        self.nodes[node].devices[name] = keys

    def _exec(self, node: str, one: Section) -> None:
        """Take over what a command of ip(8) does, of the plain ones that give addresses and routes."""
        words = (one.as_(scalars.text) or "").replace(" -6 ", " ").replace(" -4 ", " ").split()
        devices = self.nodes[node].devices
        match words:
            case ["ip", "a" | "addr" | "address", "a" | "add", word, "dev", name] if name in devices:
                try:
                    devices[name].setdefault("addresses", []).append(addresses.interface_address(word))
                except scalars.Wrong as wrong:
                    one.wrong(str(wrong), wrong.hint)
            case ["ip", "l" | "link", "set", *_, "up"]:
                pass
            case ["ip", "r" | "route", "a" | "add" | "replace", to, "via", via, *rest] if rest[:1] in ([], ["dev"]):
                try:
                    self.nodes[node].routes.append((scalars.prefix(to), scalars.ip(via), one.name))
                except scalars.Wrong as wrong:
                    one.wrong(str(wrong), wrong.hint)
                    return
                if not self._reached(node, via):
                    self.nodes[node].routes.pop()
                    one.leave(f"a route by {via}, to which no address of {node} leads", loses=True)
            case _:
                one.leave("what else is executed in a node isn't followed", loses=True)

    def _reached(self, node: str, via: str) -> str:
        """The device that has an address of a gateway's subnet."""
        for name, keys in self.nodes[node].devices.items():
            for one in keys.get("addresses", ()):
                if ipaddress.ip_address(via) in ipaddress.ip_interface(one).network:
                    return name
        return ""

    # --- the machine --------------------------------------------------------------------------------------

    def _machine(self) -> Machine:
        own = {key: node for key, node in self.nodes.items() if node.devices and (key == _HOST or not node.bridge)}
        own = {key: node for key, node in own.items() if key == _HOST or node is not self.nodes[_HOST]}
        index = {(key, name): i for key, node in own.items() for i, name in enumerate(node.devices, 2)}
        spaces = tuple(self._space(key, node, index) for key, node in own.items())
        return Machine(
            spaces,
            tuple(own),
            tool="containerlab",
            assumed=tuple(self.source.assumed),
            left=self.source.finish(),
        )

    def _space(self, key: str, node: _Node, index: dict[tuple[str, str], int]) -> Space:
        devices, routes = [], []
        for name, keys in node.devices.items():
            ips = [ipaddress.ip_interface(one) for one in dict.fromkeys(keys.get("addresses", ()))]
            lower: End | None = None
            if "lower" in keys:
                lower = (keys["lower"][0], index[keys["lower"]])
            devices.append(
                Device(
                    index=index[key, name],
                    name=name,
                    kind=keys["kind"],
                    mtu=keys.get("mtu", 1500),
                    lower=lower,
                    master=index.get((key, keys.get("master") or "")),
                    port_kind="bridge" if keys.get("master") else "",
                    data=keys.get("data", {}),
                    addresses=tuple(Ip(str(ip.ip), ip.network.prefixlen) for ip in ips),
                )
            )
            routes += [
                LiveRoute(to=str(ip.network), family=ip.version, ways=(Way(dev=index[key, name]),), protocol=2,
                          metric=256 if ip.version == 6 else 0)
                for ip in ips
            ]  # fmt: skip
        for to, via, _ in node.routes:
            dev, family = index[key, self._reached(key, via)], 6 if ":" in via else 4
            route = LiveRoute(to=to, family=family, ways=(Way(via, dev),), metric=1024 if family == 6 else 0)
            routes += [route] if route not in routes else []
        names = () if key == _HOST else (self.names[key],)
        return Space(key=key, names=names, home=key == _HOST, devices=tuple(devices), routes=tuple(routes))
