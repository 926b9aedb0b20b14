"""What is set on interfaces, ports and namespaces of a random topology."""

from __future__ import annotations

import ipaddress
from typing import Any

from netlab.plan.macs import derive
from tests.fuzz import bonds, rulesets, ways
from tests.fuzz.lan import Document, Lan, Nic

#: IPv4 settings of interfaces, and values worth trying.
SETTINGS = {
    "arp_ignore": (1, 2, 8, 0), "arp_announce": (1, 2, 0), "arp_filter": (1, 0), "rp_filter": (1, 2, 0),
    "accept_local": (1, 0), "ignore_routes_with_linkdown": (1,), "send_redirects": (0,),
    "accept_redirects": (0,), "proxy_arp": (1,), "forwarding": (1, 0), "route_localnet": (1,),
}  # fmt: skip
WEIGHTS = (5, 5, 4, 5, 6, 2, 1, 1, 1, 1, 0.5)


def dress(lan: Lan) -> None:
    """Everything that isn't who is where."""
    for nic in lan.nics:
        if nic.plugged:
            _wire(lan, nic)
        elif nic.parent is not None:
            _child(lan, nic)
        _macs(lan, nic)
        if lan.chance(0.4, "flags"):
            nic.spec.update(flag(lan, nic))
        if lan.chance(0.25, "link-down") or (nic.mode == "passthru" and lan.chance(0.5, "passthru-down")):
            vlans = [one for one in lan.nics if one.host == nic.host and one.spec.get("type") == "vlan"]
            if any(lan.children(one) for one in vlans if one is nic or one.spec["parent"] == nic.name):
                continue  # the vlan would keep its carrier until it is first set up (vlan_dev_stop)
            nic.spec["state"] = "down"
            # Nobody looks at the members of a bond that is down: one that was set down is said to be up.
            for member in lan.members.get(nic.host, ()) if nic.name == bonds.NAME else ():
                lan.document["hosts"][nic.host]["interfaces"][member].pop("state", None)
    _mtus(lan)
    for nic in lan.nics:
        found = neighbors(lan, nic) if nic.spec.get("type") != "vrf" else {}
        if found and (lan.chance(0.5, "neighbors") or (nic.name == "br0" and lan.chance(0.7, "proxies"))):
            nic.spec["neighbors"] = found
    for switch in lan.document["switches"].values() if lan.has("proxies") else ():
        if lan.chance(0.8) and (entries := known(lan)):
            switch["neighbors"] = entries
    for nic in lan.nics:
        if nic.spec.get("master") == "br0" and lan.chance(0.6, "proxies"):
            nic.spec["own_port"] = {**nic.spec.get("own_port", {}), **proxies(lan)}
    for namespace, given in lan.namespaces():
        found = sysctls(lan, namespace)
        if found:
            given["sysctls"] = found
        if lan.chance(0.4, "nftables"):
            given["nftables"] = rulesets.ruleset(lan, namespace)
            if lan.chance(0.3):
                given.setdefault("sysctls", {})["net.bridge.bridge-nf-call-iptables"] = 1
    if lan.has("forward"):
        _routing(lan)
    if lan.has("circle"):
        _circle(lan)
    if lan.has("rules"):
        _rules(lan)
    if lan.has("ways"):
        for namespace, given in lan.namespaces():
            given["routes"] = ways.further(lan, namespace, given.get("routes", []))


def flag(lan: Lan, nic: Nic) -> Document:
    """A flag of an interface that isn't as usual, or is nevertheless said."""
    name = lan.pick(("arp", "promisc", "allmulticast", "multicast"), (4, 3, 1, 2))
    if name == "arp" and (nic.driver == "ipvlan" or nic.spec.get("type") == "vrf"):
        return {}
    return {name: lan.chance(0.2) if name in ("arp", "multicast") else lan.chance(0.8)}


def _wire(lan: Lan, nic: Nic) -> None:
    options = port(lan, nic)
    if options:
        nic.spec["port"] = options


def port(lan: Lan, nic: Nic) -> Document:
    """Options of the switch port of a parent."""
    options: Document = {}
    if lan.chance(0.15, "detached"):
        return {"attached": False}
    if lan.chance(0.6, "hairpin"):
        options["hairpin"] = True
    for key in ("learning", "flood", "mcast_flood", "bcast_flood"):
        if lan.chance(0.4, key):
            options[key] = False
    if lan.chance(0.5, "isolated"):
        options["isolated"] = True
    if lan.chance(0.5, "locked") or lan.chance(0.3, "mab"):
        options["locked"] = True
        if lan.chance(0.5, "mab"):
            options["mab"] = True
            options.pop("learning", None)
        elif lan.chance(0.7):
            options["learning"] = False
    if lan.has("proxies"):
        options |= proxies(lan)
    answers = lan.chance(0.6, "proxies")
    if options.get("locked") or answers or lan.chance(0.3, "learning") or lan.chance(0.2, "flood"):
        found = [lan.mac() for _ in range(lan.pick((0, 1, 2)))]
        mine = [one.id for one in (nic, *lan.children(nic)) if one.spec.get("mac") != "auto" and lan.chance(0.6)]
        if found or mine:
            options["fdb"] = list(dict.fromkeys(found + mine))
    if lan.chance(0.6, "vlan"):
        options |= vlans(lan)
    if lan.chance(0.35, "state"):
        options["state"] = lan.pick(("disabled", "listening", "learning"))
    if lan.chance(0.25, "port-down"):
        options.pop("state", None)
        options["up"] = False
    return options


def proxies(lan: Lan) -> Document:
    """Options of a port by which a bridge answers for others."""
    return {key: True for key in ("neigh_suppress", "proxy_arp", "proxy_arp_wifi") if lan.chance(0.35)}


def known(lan: Lan) -> Document:
    """What a switch knows of its neighbours: most of them where they are, some elsewhere."""
    found: Document = {}
    for nic in lan.living():
        for ip in nic.ips(4):
            if lan.chance(0.5) and nic.spec.get("mac") != "auto":
                found[ip] = nic.id if lan.chance(0.8) else lan.mac()
    return found


def vlans(lan: Lan) -> Document:
    """The VLANs of a port, mostly as for an access port, or for a trunk."""
    found: Document = {}
    if lan.chance(0.7):
        found["pvid"] = lan.pick((10, 1, 20, 0), (4, 3, 1, 1))
    if lan.chance(0.5):
        found["tagged"] = [vid for vid in (10, 20) if lan.chance(0.7)]
    if lan.chance(0.2):
        found["untagged"] = [vid for vid in (1, 10, 20) if lan.chance(0.4) and vid not in found.get("tagged", ())]
    return found


def _child(lan: Lan, nic: Nic) -> None:
    if nic.mode == "source":
        if lan.chance(0.8):
            nic.spec["allowed_macs"] = allowed(lan)
        if lan.chance(0.5, "nodst"):
            nic.spec["nodst"] = True
    if nic.mode and lan.chance(0.6, "bcqueuelen"):
        nic.spec["bcqueuelen"] = lan.pick((0, 0, 10))
    if nic.mode and nic.parent is not None and nic is lan.children(nic.parent)[0] and lan.chance(0.7, "bclim"):
        nic.spec["bclim"] = lan.pick((-1, -1, 0, 2))


def allowed(lan: Lan) -> list[str]:
    """A source list: of interfaces by name, mostly."""
    return list(dict.fromkeys(lan.mac() for _ in range(lan.pick((1, 2, 3)))))


def _macs(lan: Lan, nic: Nic) -> None:
    if nic.parent and not nic.mode:
        return
    if "switch" in nic.spec and lan.chance(0.5, "own-mac"):
        nic.spec["mac"] = derive("fuzz", nic.spec["switch"], "br0")
    elif lan.chance(0.4, "auto-mac"):
        if nic.mode != "passthru":
            nic.spec["mac"] = "auto"
    elif lan.chance(0.4, "same-mac"):
        # Few values, so that interfaces share them: two on one parent cannot both be up, and that is refused.
        taken = {one.spec.get("mac") for one in lan.nics if (one.parent or one) is (nic.parent or nic)}
        free = [mac for k in range(1, 4) if (mac := f"02:00:00:00:00:0{k}") not in taken or lan.chance(0.1)]
        if free:
            nic.spec["mac"] = lan.pick(free)


def _mtus(lan: Lan) -> None:
    """MTUs, a child's never beyond its parent's; below 1280 there is no IPv6."""
    for nic in lan.nics:
        kinds = {nic.spec.get("type"), (nic.parent or nic).spec.get("type")}
        if "peer" in nic.spec or kinds & {"vxlan", "vlan", "vrf"} or not lan.chance(0.5, "mtu"):
            continue
        least = 1280 if nic.ips(6) else 600
        roof = nic.parent.spec.get("mtu", 1500) if nic.parent else 2000
        sizes = [mtu for mtu in (600, 1000, 1280, 1300, 1400, 1500, 2000) if least <= mtu <= roof]
        if nic.parent is None:
            sizes = [mtu for mtu in sizes if all(mtu >= one.spec.get("mtu", 0) for one in lan.children(nic))]
            if any(one.ips(6) for one in lan.children(nic)):
                sizes = [mtu for mtu in sizes if mtu >= 1280]
        if sizes:
            nic.spec["mtu"] = lan.pick(sizes)


#: MACs of groups, one of which everybody has joined.
GROUPS = ("ff:ff:ff:ff:ff:ff", "03:bf:0a:00:00:01", "33:33:00:00:00:01", "33:33:ff:00:00:05")


def neighbors(lan: Lan, nic: Nic) -> Document:
    """Static neighbours of an interface, most of them right."""
    found: Document = {}
    for other in lan.living():
        for family in (4, 6):
            if other is nic or not nic.ips(family) or not lan.chance(0.4):
                continue
            for ip in other.ips(family)[:1]:
                right = other.spec.get("mac") != "auto" and not lan.chance(0.15)
                found[ip] = other.id if right else _wrong(lan.mac())
    return found


def _wrong(mac: str) -> str:
    """A MAC, or in the place of every other one that nobody has a group's."""
    number = int(mac[-2:], 16) if mac.startswith("02:aa:") else 0
    return GROUPS[number // 2 % len(GROUPS)] if number % 2 else mac


def sysctls(lan: Lan, namespace: str) -> Document:
    """Sysctls of a namespace."""
    found: Document = {}
    if lan.chance(0.6, "sysctls"):
        for _ in range(lan.pick((1, 2, 3, 4))):
            name = lan.pick(list(SETTINGS), WEIGHTS)
            nics = [nic.name for nic in lan.inside(namespace)]
            where = lan.pick(["all", "default", *nics])
            if name == "forwarding" and where == "all":
                continue
            value: Any = lan.pick(SETTINGS[name])
            found[f"net.ipv4.conf.{where}.{name}"] = value
    for family, name in ((4, "icmp_echo_ignore_all"), (6, "icmp.echo_ignore_all")):
        if lan.chance(0.4, "silent"):
            found[f"net.ipv{family}.{name}"] = 1
    if lan.chance(0.5, "forward"):
        if lan.has("ipv4"):
            found["net.ipv4.ip_forward"] = 1
        if lan.has("ipv6"):
            found["net.ipv6.conf.all.forwarding"] = 1
    return found


def _routing(lan: Lan) -> None:
    """Routes by way of a host that forwards, or of one that doesn't."""
    for namespace, given in lan.namespaces():
        found = routes(lan, namespace)
        if found:
            given["routes"] = found


def _circle(lan: Lan) -> None:
    """Two hosts that forward, and send what is for a subnet of neither to each other."""
    spaces = dict(lan.namespaces())
    names = list(spaces)
    lan.rng.shuffle(names)
    for family, prefixes in ((4, ("10.0.0.0/24", "10.0.1.0/24")), (6, ("fd00:0::/64", "fd00:1::/64"))):
        for to in prefixes:
            outside = [name for name in names if not _has(lan, name, to)]
            met = [(a, b) for a in outside for b in outside if a != b and _gateways(lan, a, b, family)]
            if not met:
                continue
            first, second = met[0]
            for name, other in ((first, second), (second, first)):
                back = _gateways(lan, name, other, family)
                if back:
                    key = "net.ipv4.ip_forward" if family == 4 else "net.ipv6.conf.all.forwarding"
                    spaces[name].setdefault("sysctls", {})[key] = 1
                    _route(spaces[name], to, back[0])
            for name in outside:
                ways = _gateways(lan, name, first, family)
                if name not in (first, second) and ways:
                    _route(spaces[name], to, ways[0])


def _has(lan: Lan, namespace: str, prefix: str) -> bool:
    network = ipaddress.ip_network(prefix)
    own = [ipaddress.ip_interface(a).network for nic in lan.inside(namespace) for a in nic.addresses]
    return any(one.version == network.version and one.overlaps(network) for one in own)


def _gateways(lan: Lan, here: str, there: str, family: int) -> list[str]:
    """Addresses in one namespace that are on a link of another."""
    up = [nic for nic in lan.inside(here) if nic.spec.get("state") != "down" and nic.spec.get("mtu", 1500) >= 1280]
    mine = {ip for nic in lan.inside(here) for ip in nic.ips(family)}
    ips = [ip for nic in lan.inside(there) for ip in nic.ips(family) if ip not in mine]
    return [ip for ip in ips if any(on_link(nic, ip) for nic in up)]


def _route(given: Document, to: str, via: str) -> None:
    """A route, unless there is one to that prefix, or one to the gateway itself, already."""
    known = given.setdefault("routes", [])
    if all(one["to"] != to and not one["to"].startswith(f"{via}/") for one in known):
        known.append({"to": to, "via": via})


def routes(lan: Lan, namespace: str) -> list[Document]:
    """Routes of a namespace, by gateways that it has on its links, to the other subnet, to all, or to one address."""
    mine = [
        nic for nic in lan.inside(namespace) if nic.spec.get("state") != "down" and nic.spec.get("mtu", 1500) >= 1280
    ]
    local = {ip for nic in lan.inside(namespace) for ip in (*nic.ips(4), *nic.ips(6))}
    found: dict[str, Document] = {}
    for family in (4, 6):
        there = [(nic, ip) for nic in lan.living() for ip in nic.ips(family) if ip not in local]
        near = [(nic, ip, out) for nic, ip in there for out in mine if on_link(out, ip)]
        if not near or not lan.chance(0.7):
            continue
        forwarding = [one for one in near if _forwards(lan, one[0].namespace)]
        _, gateway, out = lan.pick(forwarding if forwarding and lan.chance(0.7) else near)
        target = lan.pick(("default", "net", "host"), (3, 4, 1))
        to = "default"
        if target == "net":
            net = 0 if gateway.startswith(("10.0.1.", "fd00:1:")) else 1
            to = f"10.0.{net}.0/24" if family == 4 else f"fd00:{net}::/64"
        elif target == "host":
            far = [ip for _, ip in there if ip != gateway]
            if not far:
                continue
            to = f"{lan.pick(far)}/{32 if family == 4 else 128}"
        if any(str(ipaddress.ip_interface(a).network) == str(ipaddress.ip_network(to)) for nic in lan.inside(namespace)
               for a in nic.addresses if to != "default"):  # fmt: skip
            continue  # there is a connected one already
        route: Document = {"to": to, "via": gateway}
        if (lan.chance(0.4) or to == "default") and out.spec.get("type") != "vrf":
            # Of a VRF the kernel makes the interface that leads to the gateway, and the build says so.
            route["dev"] = out.name
        if lan.chance(0.1) and to != "default":
            route = {"to": to, "dev": out.name}
        found[to + str(family)] = route
    return list(found.values())


def on_link(nic: Nic, ip: str) -> bool:
    """Whether an address is on the link of an interface."""
    return any(ipaddress.ip_address(ip) in ipaddress.ip_interface(own).network for own in nic.addresses)


def _forwards(lan: Lan, namespace: str) -> bool:
    given = dict(lan.namespaces()).get(namespace, {})
    return "net.ipv4.ip_forward" in given.get("sysctls", {})


def _rules(lan: Lan) -> None:
    """Policy routing: by source, mostly, into a table with one interface's subnet."""
    for namespace, given in lan.namespaces():
        if lan.chance(0.6):
            continue
        rules, routes_ = rules_of(lan, namespace)
        if rules:
            given["rules"] = rules
            given.setdefault("routes", []).extend(routes_)


def rules_of(lan: Lan, namespace: str) -> tuple[list[Document], list[Document]]:
    """Rules of a namespace and the routes of their tables."""
    rules: list[Document] = []
    routes_: list[Document] = []
    mine = [nic for nic in lan.inside(namespace) if nic.addresses and nic.spec.get("state") != "down"]
    for k, nic in enumerate(mine):
        if lan.chance(0.3):
            continue
        family = lan.pick([f for f in (4, 6) if nic.ips(f)])
        ip, table = nic.ips(family)[0], 100 + k
        net = lan.pick((0, 1), (4, 1))
        to = f"10.0.{net}.0/24" if family == 4 else f"fd00:{net}::/64"
        able = [one for one in mine if one.ips(family) and one.spec.get("mtu", 1500) >= 1280]
        if not able:
            continue
        out = nic if nic in able and lan.chance(0.8) else lan.pick(able)
        rule: Document = {"table": table, "family": family}
        selector = lan.pick(("from", "to", "iif", "oif"), (6, 2, 1, 1))
        if selector in ("from", "to"):
            far = lan.pick(lan.living())
            where = far.ips(family) if selector == "to" else [ip]
            if not where:
                continue
            rule[selector] = f"{where[0]}/{32 if family == 4 else 128}"
            del rule["family"]
        else:
            rule[selector] = lan.pick(mine).name
        if lan.chance(0.2, "ways"):
            rule["fwmark"] = lan.pick((7, "0x0/0xff", "0x10/0xf0"))
        if lan.chance(0.3):
            rule["priority"] = lan.pick((100, 200, 40000))
        rules.append(rule)
        if lan.chance(0.9):
            routes_.append({"to": to, "dev": out.name, "table": table})
    return rules, routes_
