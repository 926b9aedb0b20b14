"""VRFs of a random topology: some interfaces of a namespace have tables of their own, with routes in and out."""

from __future__ import annotations

import ipaddress

from tests.fuzz.lan import Document, Lan, Nic

TABLES = (10, 20)


def vrfs(lan: Lan) -> None:
    """Make one or two VRFs in some namespaces, and interfaces there their members."""
    for namespace, given in list(lan.namespaces()):
        there = lan.inside(namespace)
        able = [nic for nic in there if "master" not in nic.spec]
        if not able or any(nic.spec.get("type") == "vxlan" for nic in there) or not lan.chance(0.7):
            continue
        made = []
        for table in TABLES[: lan.pick((1, 2))]:
            spec: Document = {"type": "vrf", "table": table}
            given["interfaces"][f"vrf{table}"] = spec
            made.append(Nic(namespace.partition("/")[0], namespace, f"vrf{table}", spec))
        for nic in able:
            if lan.chance(0.75):
                nic.spec["master"] = lan.pick(made).name
        lan.nics += made


def tenants(lan: Lan) -> None:
    """Give members of VRFs addresses that their namespace has elsewhere, too."""
    for nic in lan.living():
        others = [
            one for one in lan.inside(nic.namespace)
            if one.addresses and not one.hidden and not nic.hidden and _domain(one) != _domain(nic)
        ]  # fmt: skip
        taken = {a for one in lan.inside(nic.namespace) if _domain(one) == _domain(nic) for a in one.addresses}
        others = [one for one in others if taken.isdisjoint(one.addresses)]
        if others and "vrf" in _domain(nic) and lan.chance(0.3):
            other = lan.pick(others)
            nic.spec["addresses"], nic.addresses = list(other.addresses), list(other.addresses)
            nic.spec["duplicate"] = other.spec["duplicate"] = True


def _domain(nic: Nic) -> str:
    return nic.name if nic.spec.get("type") == "vrf" else str(nic.spec.get("master", ""))


def routes(lan: Lan) -> None:
    """Put routes into the tables of the interfaces that they lead by, and lead some from one VRF into another."""
    for namespace, given in lan.namespaces():
        there = lan.inside(namespace)
        tables = {nic.name: nic.spec["table"] for nic in there if nic.spec.get("type") == "vrf"}
        if not tables:
            continue
        for route in given.get("routes", ()):
            owners = [nic for nic in there if _leads(nic, route)]
            if owners and "table" not in route and (table := tables.get(_domain(owners[0]))) and lan.chance(0.85):
                route["table"] = table
        for _ in range(lan.pick((0, 1, 2, 3))):
            _leak(lan, given, there, tables)
        for kind in ("tcp", "udp", "raw"):
            if lan.chance(0.25):
                given.setdefault("sysctls", {})[f"net.ipv4.{kind}_l3mdev_accept"] = int(kind != "raw")


def _leads(nic: Nic, route: Document) -> bool:
    """Whether a route has its gateway on a link, or leads out of it."""
    if route.get("dev") == nic.name:
        return True
    via = route.get("via")
    return via is not None and any(
        ipaddress.ip_address(via) in ipaddress.ip_interface(one).network for one in nic.addresses
    )


def _leak(lan: Lan, given: Document, there: list[Nic], tables: dict[str, int]) -> None:
    """A route by an interface or a VRF, in the table of another."""
    far = [ip for nic in lan.living() for family in (4, 6) for ip in nic.ips(family)]
    ip = lan.pick(far) if far else ""
    family = 6 if ":" in ip else 4
    able = [
        nic for nic in there
        if nic.spec.get("state") != "down" and (nic.ips(family) or (family == 4 and nic.spec.get("type") == "vrf"))
    ]  # fmt: skip
    if not able:
        return
    out = lan.pick(able)
    to = str(ipaddress.ip_network(f"{ip}/{lan.pick((24, 32) if '.' in ip else (64, 128))}", strict=False))
    route: Document = {"to": to, "dev": out.name}
    table = lan.pick((None, *tables.values()))
    if table is not None:
        route["table"] = table
    if lan.chance(0.15):
        route = {"to": to, "type": lan.pick(("blackhole", "unreachable", "prohibit"))} | (
            {"table": table} if table is not None else {}
        )
    known = given.setdefault("routes", [])
    connected = {
        (str(ipaddress.ip_interface(a).network), tables.get(_domain(nic))) for nic in there for a in nic.addresses
    }
    connected |= {(f"{ip}/32", tables.get(_domain(nic))) for nic in there for ip in nic.ips(4)}
    if all((one["to"], one.get("table")) != (to, table) for one in known) and (to, table) not in connected:
        known.append(route)
