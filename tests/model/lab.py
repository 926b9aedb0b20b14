"""A small builder of states, so that the model's tests depend on the plan's types alone."""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Any

from netlab.contract import types as plan
from netlab.contract.kernels import NEWEST, Version
from netlab.contract.types.links import Dummy, Ipvlan, Vxlan
from netlab.model import predict


def letters(state: plan.State, layer: str) -> dict[tuple[str, str], str]:
    """The letters of one layer by the ids of both ends."""
    rows = predict(state, (layer,)).letters[layer]
    return {
        (source.id, target.id): rows[i][j]
        for i, source in enumerate(state.sources(layer))
        for j, target in enumerate(state.destinations(layer))
    }


def letter(state: plan.State, layer: str, source: str, target: str) -> str:
    """One letter."""
    return letters(state, layer)[source, target]


class Lab:
    """Collects namespaces and links and makes a `State` of them; parts are made as they are named."""

    def __init__(self, *switches: str, **switch_options: Any) -> None:
        self.namespaces: dict[str, plan.Namespace] = {}
        self.links: list[plan.AnyLink] = []
        self.endpoints: list[plan.Endpoint] = []
        self.count = 9
        self.order: tuple[tuple[str, str], ...] = ()
        self.wanted: list[str] = []
        self.version = NEWEST
        for switch in switches or ("lan",):
            self.namespaces[switch] = plan.Namespace(switch, "switch")
            fields = {"namespace": switch, "name": switch, "ifname": switch, "ifindex": self._next()}
            self.links.append(plan.Switch(mac=self._mac(), **fields, **switch_options))

    def _next(self) -> int:
        self.count += 1
        return self.count

    def _mac(self) -> str:
        return f"02:00:00:00:{self.count >> 8:02x}:{self.count & 255:02x}"

    def _space(self, name: str) -> None:
        if name not in self.namespaces:
            self.namespaces[name] = plan.Namespace(name, "container" if "/" in name else "host")
            self.sysctl(name, "default/disable_ipv6", 1, family=6)

    def _link(self, where: str, addresses: tuple[str, ...], options: dict[str, Any]) -> dict[str, Any]:
        space, _, name = where.partition(":")
        self._space(space)
        index = self._next()
        if any(":" in a for a in addresses):
            self.sysctl(space, f"{name}/disable_ipv6", 0, family=6)
        told = [ipaddress.ip_interface(address) for address in addresses]
        parsed = tuple(plan.Address(str(one.ip), one.network.prefixlen) for one in told)
        fields = {
            "namespace": space,
            "name": name,
            "ifname": name,
            "ifindex": index,
            "mac": self._mac(),
            "addresses": parsed,
        }
        if "neighbors" in options:
            options["neighbors"] = tuple(plan.Neighbor(*n) for n in options["neighbors"])
        fields.update(options)
        return fields

    def _endpoints(self, link: plan.AnyLink) -> None:
        v4 = [a for a in link.addresses if a.family == 4]
        v6 = [a for a in link.addresses if a.family == 6]
        common = {"namespace": link.namespace, "link": link.id, "ifname": link.ifname, "ifindex": link.ifindex}
        first = plan.Endpoint(id=link.id, mac=link.mac, v4=v4[0] if v4 else None, v6=v6[0] if v6 else None, **common)
        self.endpoints.append(first)
        for extra in v4[1:]:
            self.endpoints.append(
                plan.Endpoint(id=f"{link.id}@{extra.ip}", mac=link.mac, v4=extra, extra=True, **common)
            )

    def veth(
        self, where: str, *addresses: str, switch: str = "lan", port: dict[str, Any] | None = None, **options: Any
    ) -> Lab:
        """A physical interface ``A:eth0`` on a switch."""
        fields = self._link(where, addresses, options)
        self._next()
        link = plan.Veth(
            switch=switch, port=plan.Port(**(port or {})), port_ifname=f"p{self.count}", port_ifindex=self.count,
            port_mac=self._mac(), **fields,
        )  # fmt: skip
        if not link.up or not link.port.up:
            link = dataclasses.replace(link, carrier=False)
        self.links.append(link)
        self._endpoints(link)
        return self

    def dummy(self, where: str, *addresses: str, **options: Any) -> Lab:
        """An interface without a wire."""
        link = Dummy(**self._link(where, addresses, options))
        self.links.append(link)
        self._endpoints(link)
        return self

    def child(
        self, where: str, parent: str, mode: str = "bridge", *addresses: str, tap: bool = False, **options: Any
    ) -> Lab:
        """A macvlan child."""
        kind = plan.Macvtap if tap else plan.Macvlan
        link = kind(parent=parent, mode=mode, **self._link(where, addresses, options))
        if mode == "passthru":
            link = dataclasses.replace(link, mac=next(x for x in self.links if x.id == parent).mac)
        self.links.append(link)
        self._endpoints(link)
        return self

    def ipvlan(self, where: str, parent: str, mode: str, flag: str, *addresses: str, **options: Any) -> Lab:
        """An ipvlan child."""
        link = Ipvlan(parent=parent, mode=mode, flag=flag, **self._link(where, addresses, options))
        own = {"mac": next(x for x in self.links if x.id == parent).mac, "arp": mode == "l2"}
        link = dataclasses.replace(link, **own)
        self.links.append(link)
        self._endpoints(link)
        return self

    def vxlan(self, where: str, dev: str, *addresses: str, **options: Any) -> Lab:
        """An end of the VXLAN 42, by an interface of the same namespace."""
        link = Vxlan(dev=dev, vni=42, **{**self._link(where, addresses, options), "mtu": 1450, **options})
        self.links.append(link)
        self._endpoints(link)
        return self

    def trunk(self, here: str, there: str, **options: Any) -> Lab:
        """A link between two switches."""
        index = self._next()
        mac = self._mac()
        self._next()
        link = plan.SwitchLink(
            namespace=here, name=f"{here}--{there}", ifname=f"t{index}", ifindex=index, mac=mac, peer=there,
            peer_ifname=f"t{self.count}", peer_ifindex=self.count, peer_mac=self._mac(), **options,
        )  # fmt: skip
        self.links.append(link)
        return self

    def sysctl(self, space: str, key: str, value: int, family: int = 4) -> Lab:
        """Write ``net.ipv4.conf.<key>`` (or, with a dot in it, ``net.ipv4.<rest>``)."""
        if space not in self.namespaces:
            self._space(space)
        path = f"net/ipv{family}/{key[1:]}" if key.startswith("/") else f"net/ipv{family}/conf/{key}"
        old = self.namespaces[space]
        self.namespaces[space] = dataclasses.replace(old, sysctls=(*old.sysctls, (path, str(value))))
        return self

    def kernel(self, *version: int) -> Lab:
        """The Linux that it is on."""
        self.version = Version(*version)
        return self

    def target(self, address: str) -> Lab:
        """An address that is asked for by itself."""
        self.wanted.append(address)
        return self

    def route(self, space: str, to: str, **fields: Any) -> Lab:
        """A route of a namespace, by the interface that has its gateway's network; hops are told as `via`."""
        old = self.namespaces[space]

        def oif(hop: Any) -> Any:
            near = [
                link.name for link in self.links if link.namespace == space for address in link.addresses
                if hop.via is not None and ipaddress.ip_address(hop.via) in address.network
            ]  # fmt: skip
            return dataclasses.replace(hop, oif=hop.dev or next(iter(near), None))

        hops = tuple(oif(plan.Nexthop(via)) for via in fields.pop("hops", ()))
        route = oif(plan.Route(to=to, nexthops=hops, **fields))
        self.namespaces[space] = dataclasses.replace(old, routes=(*old.routes, route))
        return self

    def rule(self, space: str, **fields: Any) -> Lab:
        """A policy rule of a namespace."""
        old = self.namespaces[space]
        self.namespaces[space] = dataclasses.replace(old, rules=(*old.rules, plan.Rule(**fields)))
        return self

    def change(self, link_id: str, **fields: Any) -> Lab:
        """Replace fields of a link."""
        self.links = [dataclasses.replace(x, **fields) if x.id == link_id else x for x in self.links]
        return self

    def state(self) -> plan.State:
        """The state so far. A child has its parent's carrier."""
        there = {link.id: link for link in self.links}
        return plan.State(
            namespaces=tuple(self.namespaces.values()),
            links=tuple(
                dataclasses.replace(link, carrier=plan.stack(link, there.__getitem__)[-1].carrier)
                for link in self.links
            ),
            endpoints=tuple(self.endpoints),
            hops=8,
            askers=tuple(self._asker(ns.id) for ns in self.namespaces.values() if ns.kind != "switch"),
            targets=tuple(self._target(address) for address in self.wanted),
            addressed=self.order,
            kernel=self.version,
        )

    def _asker(self, space: str) -> plan.Asker:
        found = {address.family for link in self.links if link.namespace == space for address in link.addresses}
        return plan.Asker(space, tuple(sorted(found)))

    def _target(self, address: str) -> plan.Target:
        links = [link.id for link in self.links if address in [own.ip for own in link.addresses]]
        return plan.Target(address, 6 if ":" in address else 4, tuple(links))

    def addressed(self, *order: tuple[str, str]) -> Lab:
        """The order in which connected routes came to be."""
        self.order = order
        return self
