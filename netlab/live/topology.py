"""Networks that were read, as hosts, switches and containers: what a topology file has, before it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from netlab.contract.dataclass import dataclass
from netlab.live import addresses, firewall
from netlab.live.names import fitting, unique
from netlab.live.reading import Left, Member, Network, Reading
from netlab.spec.problems import Problem, TopologyError

#: What a key of the file holds.
Value = str | Sequence["Value"] | Mapping[str, "Value"]
Keys = dict[str, Value]


@dataclass
class Box:
    """A host or a container in the making. Comments stand above it and behind its interfaces."""

    comment: str = ""
    interfaces: dict[str, Keys] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    routes: list[Keys] = field(default_factory=list)
    rules: list[Keys] = field(default_factory=list)
    sysctls: dict[str, str] = field(default_factory=dict)
    nftables: str = ""
    containers: dict[str, Box] = field(default_factory=dict)


@dataclass
class Draft:
    """A topology in the making. ``where`` the networks came from; ``assumed`` and ``left`` go into comments."""

    name: str
    description: str
    origin: str
    #: Switches with what is known of them, and the keys of those that have any.
    switches: dict[str, str] = field(default_factory=dict)
    wires: dict[str, Keys] = field(default_factory=dict)
    hosts: dict[str, Box] = field(default_factory=dict)
    assumed: list[str] = field(default_factory=list)
    left: tuple[Left, ...] = ()


def build(reading: Reading, host: str) -> Draft:
    """The topology of a machine called ``host`` with these networks. Raises TopologyError: there is nothing in it."""
    if not reading.networks:
        problems = [
            Problem(one.where, f"{one.path}: {one.why}" if one.path else one.why)
            for one in reading.left
            if one.loses and one.where is not None
        ]
        where = reading.left[0].where if reading.left else None
        if where is not None and not problems:
            problems = [Problem(where, "no network is described here that netlab can express")]
        raise TopologyError(problems)
    return _Builder(reading, host).run()


class _Builder:
    def __init__(self, reading: Reading, host: str) -> None:
        self.reading = reading
        self.host = host
        self.box = Box("the machine itself")
        names = ", ".join(network.name for network in reading.networks)
        said = f"What {reading.tool} says of {names}."
        self.draft = Draft(fitting(reading.networks[0].name), said, reading.file, hosts={host: self.box})
        self.draft.assumed += reading.assumed
        self.draft.left = reading.left
        #: Every address that has an owner.
        self.taken = {ip for network in reading.networks for ip in _known(network)}
        self.veths = 0
        #: The addresses of the host's ends of wires to containers.
        self.far: set[str] = set()
        #: Containers that have a default route, and for which family.
        self.with_default: set[tuple[str, int]] = set()

    def run(self) -> Draft:
        for network in self.reading.networks:
            if network.kind == "bridge":
                self._bridge(network)
        parents = dict.fromkeys(one.device for one in self.reading.networks if one.stacked)
        for parent in parents:
            self._parent(parent, [one for one in self.reading.networks if one.stacked and one.device == parent])
        for network in self.reading.networks:
            for member in network.members:
                self._member(network, member)
        self._default_routes()
        self._sysctls()
        self.box.nftables = firewall.ruleset(self.reading.networks)
        return self.draft

    def _assume(self, sentence: str) -> None:
        if sentence not in self.draft.assumed:
            self.draft.assumed.append(sentence)

    # --- the host -------------------------------------------------------------------------------------

    def _bridge(self, network: Network) -> None:
        given = [
            addresses.with_length(one.gateway, one.prefix)
            for one in network.subnets
            if one.gateway and network.gateway_on_bridge
        ]
        bridge = self.box.interfaces.setdefault(network.device, {"type": "bridge"})
        if network.mtu is not None:
            bridge["mtu"] = str(network.mtu)
        bridge.update(network.options)
        known = bridge.get("addresses", [])
        assert isinstance(known, list)
        if known or given:
            bridge["addresses"] = list(dict.fromkeys([*known, *given]))
        self._note(network.device, f"network {network.name}")

    def _note(self, device: str, text: str) -> None:
        before = self.box.notes.get(device)
        self.box.notes[device] = f"{before}; {text}" if before else text

    def _parent(self, parent: str, networks: list[Network]) -> None:
        self._note(parent, "the parent of " + ", ".join(one.name for one in networks))
        mtu = max((one.mtu or 0 for one in networks), default=0)
        larger: Keys = {"mtu": str(mtu)} if mtu > 1500 else {}
        if all(one.dummy for one in networks):
            self.box.interfaces[parent] = {"type": "dummy", **larger}
            return
        several = len({one.device for one in self.reading.networks if one.stacked and not one.dummy}) > 1
        switch = unique(fitting(f"lan-{parent}" if several else "lan").replace("--", "-"), self._names())
        self.draft.switches[switch] = f"assumed: the physical switch at {parent}"
        self._assume(f"{parent} is plugged into a switch, {switch}, that passes everything on")
        found: Keys = {"switch": switch, **larger}
        base, dot, number = parent.rpartition(".")
        if dot and number.isdigit():
            # Docker makes such a parent itself: VLAN `number` of `base`.
            self._assume(
                f"VLAN {number} of {base} is drawn as a wire of its own, {parent}; the host has no address there"
            )
        else:
            own = self._own_addresses(networks)
            if own:
                found["addresses"] = list(own)
                shown = ", ".join(own)
                self._note(parent, "its address is assumed")
                self._assume(f"{self.host} has {shown} at {parent}: {self.reading.tool} doesn't say its own address")
        self.box.interfaces[parent] = found
        self._outside(parent, switch, networks)

    def _own_addresses(self, networks: list[Network]) -> list[str]:
        found = []
        for prefix in dict.fromkeys(subnet.prefix for one in networks for subnet in one.subnets):
            ip = addresses.free_above(prefix, self.taken)
            if ip is not None:
                self.taken.add(ip)
                found.append(addresses.with_length(ip, prefix))
        return found

    def _outside(self, parent: str, switch: str, networks: list[Network]) -> None:
        """Machines on the physical network that must be there: gateways, and who has a reserved address."""
        inside = {
            address.partition("/")[0] for one in self.reading.networks for m in one.members for address in m.addresses
        }
        gateways: dict[str, None] = {}
        for subnet in (subnet for one in networks for subnet in one.subnets):
            if subnet.gateway is not None and subnet.gateway not in inside:
                gateways[addresses.with_length(subnet.gateway, subnet.prefix)] = None
            for name, ip in subnet.reserved:
                if ip in inside or ip == subnet.gateway:
                    self._assume(f"{name}, who has the reserved {ip}, is here by another name")
                else:
                    self._other(
                        fitting(name), switch, [addresses.with_length(ip, subnet.prefix)], f"has the reserved {ip}"
                    )
        if gateways:
            self._other("gateway", switch, list(gateways), f"the gateway beyond {parent}")

    def _other(self, name: str, switch: str, own: list[str], what: str) -> None:
        name = unique(name, self._names())
        self.draft.hosts[name] = Box(f"assumed: {what}", {"eth0": {"switch": switch, "addresses": own}})
        self._assume(f"{name} is a machine of its own, plugged into {switch}: {what}")

    def _names(self) -> set[str]:
        return {*self.draft.hosts, *self.draft.switches}

    # --- containers -----------------------------------------------------------------------------------

    def _member(self, network: Network, member: Member) -> None:
        box = self.box.containers.setdefault(member.container, Box())
        if member.assumed:
            box.comment = f"assumed: {member.assumed}"
        count = len(box.interfaces)
        name = unique(member.interface or f"eth{count}", box.interfaces)
        if network.stacked:
            keys: Keys = {"type": network.kind, "parent": network.device, "mode": network.mode}
        elif network.kind == "bridge":
            keys = {"bridge": network.device}
        else:
            keys = {"peer": f"{self.host}:{self._far_end(network, member)}"}
        if member.mac and network.kind != "ipvlan":
            keys["mac"] = member.mac
        if network.mtu is not None:
            keys["mtu"] = str(network.mtu)
        own = list(member.addresses)
        if network.kind == "ptp":
            own = [addresses.alone(one.partition("/")[0]) for one in own]
        if own:
            keys["addresses"] = own
        port = {key.partition(".")[2]: value for key, value in network.child if key.startswith("port.")}
        keys.update({key: value for key, value in (*network.child, *member.options) if "." not in key})
        if port:
            keys["port"] = port
        box.interfaces[name] = keys
        box.notes[name] = f"network {network.name}"
        self._routes(network, member, box, name)

    def _far_end(self, network: Network, member: Member) -> str:
        """The host's end of a wire to one container: the gateway's address, and a route to the container."""
        far = f"veth{self.veths}"
        self.veths += 1
        keys: Keys = {"peer": f"{self.host}/{member.container}:{member.interface or 'eth0'}"}
        if network.mtu is not None:
            keys["mtu"] = str(network.mtu)
        via = [addresses.alone(one.gateway) for one in network.subnets if one.gateway]
        own = [one for one in dict.fromkeys(via) if one not in self.far]
        self.far.update(own)
        if own:
            keys["addresses"] = own
        elif via:
            self._assume(
                f"{far} has no address: the plugin gives {', '.join(via)} to each wire, here the first has it, and the"
                " host answers for it on all of them"
            )
        self.box.interfaces[far] = keys
        self._note(far, f"network {network.name}, {member.container}")
        for one in member.addresses:
            self.box.routes.append({"to": one.partition("/")[0], "dev": far})
        return far

    def _routes(self, network: Network, member: Member, box: Box, name: str) -> None:
        families = {addresses.version(one) for one in member.addresses}
        if network.kind == "ptp":
            # What the plugin sets in the place of the connected route.
            for subnet in network.subnets:
                if subnet.gateway and addresses.version(subnet.prefix) in families:
                    box.routes.append({"to": subnet.gateway, "dev": name})
                    box.routes.append({"to": subnet.prefix, "via": subnet.gateway, "dev": name})
        for to, via in network.routes:
            if addresses.version(via) in families:
                box.routes.append({"to": to, "via": via, "dev": name})
                if to == "default":
                    self.with_default.add((member.container, addresses.version(via)))

    def _default_routes(self) -> None:
        """One for each family: by the first network (by name, as Docker sorts them) that has a gateway."""
        ordered = sorted(self.reading.networks, key=lambda one: one.name)
        for name, box in self.box.containers.items():
            for family in (4, 6):
                ways = [
                    (network, via)
                    for network in ordered
                    if network.default_route and (via := _gateway_for(network, name, family)) is not None
                ]
                if not ways or (name, family) in self.with_default:
                    continue
                network, via = ways[0]
                if network.bare_default:
                    device = next(one for one, note in box.notes.items() if note == f"network {network.name}")
                    box.routes.append({"to": "::/0" if family == 6 else "default", "dev": device})
                else:
                    box.routes.append({"to": "default", "via": via})
                if len({one.name for one, _ in ways}) > 1:
                    self._assume(f"{name} has its default route by {network.name}, the first of its networks by name")

    def _sysctls(self) -> None:
        for name, box in self.box.containers.items():
            for key in ("*", name):
                box.sysctls.update(self.reading.sysctls.get(key, ()))
        families = {
            addresses.version(subnet.prefix)
            for network in self.reading.networks
            if network.kind == "ptp" or (network.kind == "bridge" and network.gateway_on_bridge)
            for subnet in network.subnets
        }
        if 4 in families:
            self.box.sysctls["net.ipv4.ip_forward"] = "1"
        if 6 in families:
            self.box.sysctls["net.ipv6.conf.all.forwarding"] = "1"
        if any(network.firewall.apart for network in self.reading.networks):
            self.box.sysctls["net.bridge.bridge-nf-call-iptables"] = "1"
            if 6 in families:
                self.box.sysctls["net.bridge.bridge-nf-call-ip6tables"] = "1"


def _known(network: Network) -> list[str]:
    """The addresses that a network says somebody has."""
    found = [address.partition("/")[0] for member in network.members for address in member.addresses]
    for subnet in network.subnets:
        found += [subnet.gateway] if subnet.gateway else []
        found += [ip for _, ip in subnet.reserved]
    return found


def _gateway_for(network: Network, container: str, family: int) -> str | None:
    """The gateway of a container in a network, for addresses of a family."""
    import ipaddress

    for member in network.members:
        if member.container != container:
            continue
        for address in member.addresses:
            ip = ipaddress.ip_address(address.partition("/")[0])
            for subnet in network.subnets:
                fits = ip.version == family and ip in ipaddress.ip_network(subnet.prefix)
                if fits and subnet.gateway is not None and subnet.gateway != str(ip):
                    return subnet.gateway
    return None
