"""CNI configurations: one plugin, or a list of them (.conflist). They name no containers: two are assumed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from functools import partial

from netlab.contract.dataclass import dataclass
from netlab.live import addresses
from netlab.live.formats import cni_ipam
from netlab.live.formats.drivers import MODES, mode_of
from netlab.live.names import device_name
from netlab.live.reading import Firewall, Member, Network, Reading
from netlab.live.source import NOTHING, Section, Source
from netlab.spec import scalars
from netlab.spec.scalars import Wrong

WHAT = "a CNI configuration: a plugin with its 'type', or a list of 'plugins'"
#: Containers that are assumed for each network.
CONTAINERS = ("pod-1", "pod-2")
#: Plugins that can't be expressed → why.
OTHERS = {
    "vlan": "a vlan interface that moves into a container can't be expressed",
    "host-device": "an interface that moves into a container can't be expressed",
    "dummy": "a dummy of a container's own reaches nobody",
    "tap": "taps can't be expressed",
    "portmap": "published ports: netlab sets no such rules",
    "bandwidth": "limits of bandwidth decide nothing of who reaches whom",
    "firewall": "its rules accept what the plugin before it made, and no other rules are here",
    "sbr": "routing by source address in containers can't be expressed",
    "vrf": "VRFs can't be expressed",
    "loopback": "each container has its loopback",
    "dhcp": "netlab sets addresses itself",
}
#: Of these nothing is lost.
_HARMLESS = {"bandwidth", "firewall", "loopback"}


@dataclass
class _Tuning:
    """What chained plugins change of the interface made before them."""

    sysctls: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    mac: str | None = None


def read(text: str, file: str) -> Reading:
    """The networks of a configuration. Raises TopologyError."""
    source = Source(text, file, WHAT)
    root = source.root
    if not root.is_mapping():
        source.stop()
    if not root.has("plugins") and not root.has("type"):
        root.wrong(f"this is not {WHAT}")
        source.stop()
    name = root.text("name")
    if not name:
        root.wrong("'name' is missing", "each network has one")
    root.skip(NOTHING, "cniVersion", "cniVersions", "disableCheck", "disableGC", "loadOnlyInlinedPlugins")
    plugins = root.items("plugins") if root.has("plugins") else [root]
    if root.has("plugins") and not plugins:
        root.wrong("no plugins are listed")
    networks: list[Network] = []
    tuning = _Tuning()
    for plugin in plugins:
        if plugin.is_mapping():
            _plugin(plugin, name, networks, tuning)
    left = source.finish()
    if networks:
        networks[0] = replace(networks[0], child=(*networks[0].child, *tuning.options.items()))
        if tuning.mac:
            # A MAC set for all is that of the first only: the second would be its double.
            first, *rest = networks[0].members
            networks[0] = replace(networks[0], members=(replace(first, mac=tuning.mac), *rest))
    sysctls = {"*": tuple(tuning.sysctls.items())} if tuning.sysctls else {}
    return Reading("the CNI configuration", file, tuple(networks), tuple(source.assumed), left, sysctls)


def _plugin(section: Section, name: str, networks: list[Network], tuning: _Tuning) -> None:
    kind = section.text("type")
    if not kind:
        section.wrong("'type' is missing", "each plugin has one")
        return
    quiet = ("capabilities", "dns", "args", "runtimeConfig", *(("name", "cniVersion") if section.path else ()))
    if kind == "tuning":
        section.skip(NOTHING, *quiet)
        _tuning(section, tuning)
        return
    maker = _MAKERS.get(kind)
    if maker is None:
        why = OTHERS.get(kind, "netlab doesn't know this plugin")
        section.leave(f"{kind}: {why}", loses=kind not in _HARMLESS)
        return
    if networks:
        section.leave(f"{kind}: a second plugin that makes an interface can't be chained", loses=True)
        return
    section.skip(NOTHING, *quiet)
    networks.append(_filled(section, maker(section, name)))


def _filled(section: Section, network: Network) -> Network:
    """The network with its addresses, and with containers, which the configuration doesn't name."""
    source = section.source
    ipam = cni_ipam.read(section, network.name)
    taken = {subnet.gateway for subnet in ipam.subnets if subnet.gateway}
    members = []
    for number, container in enumerate(CONTAINERS):
        own = []
        for subnet in ipam.subnets:
            fixed = ipam.fixed.get(subnet.prefix, ())
            ip = fixed[number] if number < len(fixed) else None
            if ip is None and not ipam.fixed:
                ip = (
                    addresses.free(subnet.prefix, taken, None)
                    if subnet.pool is None
                    else _from_range(subnet.pool, taken)
                )
            if ip is not None:
                taken.add(ip)
                own.append(addresses.with_length(ip, subnet.prefix))
        if number and ipam.fixed and not own:
            continue
        members.append(Member(container, tuple(own), assumed="the configuration names no containers"))
    source.assume(f"{' and '.join(one.container for one in members)} are containers of {network.name}: CNI names none")
    if network.kind == "bridge" and not network.gateway_on_bridge:
        for subnet in ipam.subnets:
            if subnet.gateway:
                source.assume(f"nobody has the gateway {subnet.gateway} of {network.name}: isGateway is off")
    return replace(network, subnets=ipam.subnets, members=tuple(members), routes=(*ipam.routes, *network.routes))


def _from_range(pool: str, taken: set[str]) -> str | None:
    """The lowest free address from a first one (``first-last``)."""
    import ipaddress

    first, _, last = pool.partition("-")
    low = ipaddress.ip_address(first)
    high = ipaddress.ip_address(last) if last else low + 254
    for offset in range(min(int(high) - int(low), 65536) + 1):
        if str(low + offset) not in taken:
            return str(low + offset)
    return None


def _mtu(section: Section) -> int | None:
    # 0 stands for the default.
    return section.number("mtu", 0, 65535) or None


def _stacked(kind: str, section: Section, name: str) -> Network:
    master = section.value("master", device_name)
    if master is None:
        master = "eth0"
        section.source.assume("the master is called eth0: the plugin takes the interface of the default route")
    mode = section.value("mode", lambda value: mode_of(kind, value, "the plugin"))
    if mode is None:
        mode = MODES[kind][0]
        section.source.assume(f"the mode is the plugin's default: {mode}")
    section.skip("the master is taken for one of the host", "linkInContainer", loses=True)
    section.skip("netlab sends no announcements", "enabledad")
    if kind == "ipvlan":
        return Network(name, kind, master, mode=mode, mtu=_mtu(section), default_route=False)
    length = section.number("bcqueuelen", 0, (1 << 32) - 1)
    child = (("bcqueuelen", str(length)),) if length else ()
    return Network(name, kind, master, mode=mode, mtu=_mtu(section), default_route=False, child=child)


def _bridge(section: Section, name: str) -> Network:
    device = section.value("bridge", device_name)
    if device is None:
        device = "cni0"
        section.source.assume("the bridge is called cni0, the plugin's default")
    default = section.flag("isDefaultGateway")
    gateway = section.flag("isGateway") or default
    child = [
        (key, "true")
        for key, option in (("port.hairpin", "hairpinMode"), ("port.isolated", "portIsolation"))
        if section.flag(option)
    ]
    options = (("promisc", "on"),) if section.flag("promiscMode") else ()
    section.skip("VLANs of a bridge can't be expressed", "vlan", "vlanTrunk", "preserveDefaultVlan", loses=True)
    section.skip("rules against false source MACs can't be expressed", "macspoofchk", loses=True)
    section.skip("the container's interface is up here", "disableContainerInterface", loses=True)
    section.skip(NOTHING, "forceAddress", "enabledad", "ipMasqBackend")
    masquerade = section.flag("ipMasq")
    return Network(
        name, "bridge", device, mtu=_mtu(section), default_route=default, gateway_on_bridge=gateway,
        firewall=Firewall(masquerade=masquerade), options=options, child=tuple(child),
    )  # fmt: skip


def _ptp(section: Section, name: str) -> Network:
    section.skip(NOTHING, "ipMasqBackend")
    firewall = Firewall(masquerade=section.flag("ipMasq"))
    return Network(name, "ptp", "", mtu=_mtu(section), default_route=False, firewall=firewall)


_MAKERS: dict[str, Callable[[Section, str], Network]] = {
    "macvlan": partial(_stacked, "macvlan"),
    "ipvlan": partial(_stacked, "ipvlan"),
    "bridge": _bridge,
    "ptp": _ptp,
}


def _tuning(section: Section, tuning: _Tuning) -> None:
    for key, entry in section.entries("sysctl"):
        name = key.replace("IFNAME", "eth0")
        value = entry.as_(scalars.sysctl_value)
        try:
            path = scalars.sysctl(name)
        except Wrong as wrong:
            entry.leave(f"{wrong}")
            continue
        if value is not None:
            tuning.sysctls[path.translate(str.maketrans("./", "/."))] = value
    tuning.mac = section.value("mac", scalars.mac) or tuning.mac
    mtu = _mtu(section)
    if mtu is not None:
        tuning.options["mtu"] = str(mtu)
    for key, option in (("promisc", "promisc"), ("allmulti", "allmulticast")):
        if section.flag(key):
            tuning.options[option] = "on"
    section.skip("the length of the queue decides nothing here", "txQLen")
    section.skip(NOTHING, "dataDir")
