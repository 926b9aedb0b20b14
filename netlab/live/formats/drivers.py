"""Docker's network drivers and their options, which ``inspect`` and compose files write alike."""

from __future__ import annotations

from dataclasses import replace

from netlab.contract.dataclass import dataclass
from netlab.contract.types.links import Ipvlan
from netlab.live import addresses
from netlab.live.names import derived, device_name
from netlab.live.reading import Firewall, Member, Network, Subnet
from netlab.live.source import NOTHING, Section, Source
from netlab.spec import scalars
from netlab.spec.scalars import Wrong

BRIDGE = "com.docker.network.bridge."
UNTOLD = "an endpoint of Docker's own, not a container"
#: The modes of the drivers, the default first.
MODES = {"macvlan": ("bridge", "vepa", "private", "passthru"), "ipvlan": Ipvlan.modes}
EMPTY = "no container is in this network"
#: Drivers that can't be expressed → why.
OTHERS = {
    "overlay": "overlay networks (VXLAN between machines) can't be expressed",
    "host": "its containers share the host's namespace: ask about the host itself",
    "none": "its containers have no network",
    "null": "its containers have no network",
}
UNUSED = ("host", "none", "null")
#: Options that change nothing that netlab knows.
_QUIET = (
    f"{BRIDGE}default_bridge",
    f"{BRIDGE}host_binding_ipv4",
    f"{BRIDGE}host_binding_ipv6",
    "com.docker.network.enable_ipv4",
    "com.docker.network.enable_ipv6",
)
_LOST = (
    f"{BRIDGE}trusted_host_interfaces",
    f"{BRIDGE}vlan_aware",
    "com.docker.network.host_ipv4",
    "com.docker.network.host_ipv6",
)


@dataclass(frozen=True)
class Driver:
    """A network's driver with its options, as far as netlab can express it."""

    source: Source
    shape: Network
    name: str

    def subnet(self, section: Section, prefix: str, gateway: str, pool: str, reserved: str) -> Subnet | None:
        """A subnet of the network, whose keys are given; None where something is wrong with it, which is noted."""
        if self.shape.kind == "bridge" or self.shape.dummy:
            section.skip("nobody outside is plugged into this network who could have them", reserved, loses=True)
            reserved = ""
        if self.shape.dummy:
            section.skip("there is no gateway beyond a dummy", gateway, loses=True)
            gateway = ""
        found = addresses.subnet(section, prefix, gateway, pool, reserved)
        return found and self.with_gateway(found)

    def with_gateway(self, subnet: Subnet) -> Subnet:
        """The subnet with the gateway that Docker takes where none is given: the first address.

        macvlan, and ipvlan in l2, have none since Docker 29 (moby/moby#50929).
        """
        if subnet.gateway is not None or (self.shape.stacked and self.shape.dummy):
            return subnet
        if self.shape.stacked and not self.shape.bare_default:
            self.source.assume(
                f"containers of {self.name} have no default route: no gateway is given (before Docker 29 it was the"
                " first address)"
            )
            return subnet
        taken = {ip for _, ip in subnet.reserved}
        first = addresses.free(subnet.prefix, taken)
        if first is None:
            return subnet
        self.source.assume(f"the gateway of {self.name} is {first}: Docker takes the first address where none is given")
        return replace(subnet, gateway=first)

    def network(self, name: str, subnets: tuple[Subnet, ...], members: tuple[Member, ...]) -> Network:
        """The network."""
        return replace(self.shape, name=name, subnets=subnets, members=members)


def driver(
    section: Section, kind: str, options: Section | None, name: str, number: str, internal: bool
) -> Driver | None:
    """The driver of a network; None where it can't be expressed, which is noted. ``number`` is the network's id."""
    kind = kind or "bridge"
    if kind in ("macvlan", "ipvlan"):
        shape = _stacked(kind, section, options, name, number, internal)
    elif kind == "bridge":
        shape = _bridge(section, options, name, number, internal)
    else:
        why = OTHERS.get(kind, f"the driver {kind!r} is not known to netlab")
        # Each machine has a network called host and one called none; mostly nobody uses them.
        used = kind not in UNUSED or section.get("Containers") is not None
        section.leave(f"the network {name}: {why}", loses=used)
        return None
    if options is not None:
        mtu = options.number("com.docker.network.driver.mtu", 0, 65535)
        # 0 stands for the default.
        shape = replace(shape, mtu=mtu or None)
    return Driver(section.source, shape, name)


def _stacked(kind: str, section: Section, options: Section | None, name: str, number: str, internal: bool) -> Network:
    """A network of children of a parent."""
    mode = parent = flag = None
    if options is not None:
        parent = options.value("parent", device_name)
        mode = options.value(f"{kind}_mode", lambda value: mode_of(kind, value, "Docker"))
        if kind == "ipvlan":
            flag = options.value("ipvlan_flag", _flag)
    dummy = parent is None and (options is None or not options.has("parent") or options.get("parent") is None)
    if dummy:
        # A network without a parent gets a dummy (libnetwork's drivers).
        parent = derived(f"{'dm' if kind == 'macvlan' else 'di'}-{number or name}")
        section.source.assume(f"{name} names no parent: Docker makes the dummy {parent}, which leads nowhere")
    if mode is None:
        mode = MODES[kind][0]
        section.source.assume(f"{name} has Docker's default mode: {mode}")
    child = (("flag", flag),) if flag else ()
    routed = not internal and not dummy
    return Network(name, kind, parent or "", mode=mode, dummy=dummy, default_route=routed, child=child)


def mode_of(kind: str, value: object, tool: str) -> str:
    """A mode of macvlan or ipvlan. Raises Wrong, with those that a tool has."""
    word = scalars.text(value)
    if word not in MODES[kind]:
        from netlab.errors import did_you_mean

        modes = MODES[kind]
        raise Wrong(f"no {kind} mode {word!r}{did_you_mean(word, modes)}", f"{tool} has {', '.join(modes)}")
    return word


def _flag(value: object) -> str:
    word = scalars.text(value)
    if word not in Ipvlan.port_flags:
        raise Wrong(f"no ipvlan flag {word!r}", f"Docker has {', '.join(Ipvlan.port_flags)}")
    return word


def _bridge(section: Section, options: Section | None, name: str, number: str, internal: bool) -> Network:
    device = None
    masquerade, talk, guarded, address = True, True, True, True
    if options is not None:
        device = options.value(f"{BRIDGE}name", device_name)
        masquerade = options.flag(f"{BRIDGE}enable_ip_masquerade", True)
        talk = options.flag(f"{BRIDGE}enable_icc", True)
        address = not options.flag(f"{BRIDGE}inhibit_ipv4")
        for family in "46":
            mode = options.text(f"{BRIDGE}gateway_mode_ipv{family}")
            if mode not in ("", "nat"):
                # What it does isn't followed: it must not pass for an option that was used.
                options.skip(
                    "only the gateway mode 'nat' can be expressed", f"{BRIDGE}gateway_mode_ipv{family}", loses=True
                )
        options.skip(NOTHING, *_QUIET)
        options.skip("can't be expressed", *_LOST, loses=True)
        options.skip("interfaces are called eth0, eth1, … here", "com.docker.network.container_iface_prefix")
    if device is None:
        device = derived(f"br-{number or name}")
        if not number:
            section.source.assume(f"the bridge of {name} is called {device}: Docker makes a name of the network's id")
    firewall = Firewall(masquerade=masquerade and not internal, guarded=guarded, closed=internal, apart=not talk)
    return Network(name, "bridge", device, default_route=not internal, firewall=firewall, gateway_on_bridge=address)
