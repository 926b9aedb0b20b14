"""What the kinds of links are compiled with: a world under construction."""

from __future__ import annotations

import ipaddress

from netlab.contract import types as plan
from netlab.model import device
from netlab.model.netfilter.hooks import Netfilter
from netlab.model.netfilter.parse import read
from netlab.model.stack import multicast, nd, protocols
from netlab.model.sysctls import Settings
from netlab.model.world import Bridge, Device, Namespace, World


class Build:
    """A world under construction; ``settings`` by namespace, ``bridges`` by link id."""

    def __init__(self, state: plan.State) -> None:
        self.state = state
        self.world = World(state)
        #: Places that the plan doesn't know all of, and why.
        self.foreign = {place: f"{place}: {why}" for place, why in state.foreign}
        self.settings: dict[str, Settings] = {}
        self.bridges: dict[str, Bridge] = {}

    def namespace(self, told: plan.Namespace, index: int) -> None:
        """Add a namespace with a stack of its own."""
        ns = self.world.namespaces[told.id] = Namespace(told.id, index)
        settings = self.settings[told.id] = Settings(told)
        ns.echo_ignore, ns.echo_ignore6 = settings.echo_ignore, settings.echo_ignore6
        ns.joins = settings.joins
        ns.l3mdev_accept = settings.l3mdev_accept
        ns.unknown = {
            family: f"no rule for the sysctl {paths[0]} of {ns.id}"
            for family, paths in settings.strange.items() if paths
        }  # fmt: skip
        if why := self.foreign.get(told.id):
            ns.unknown[4] = ns.unknown[6] = why
        if told.nftables:
            ruleset = read(told.nftables)
            ns.netfilter = Netfilter(told.id, ruleset, settings.bridged)
            for family in ruleset.unfollowed:
                ns.unknown[family] = f"{told.id}: {ruleset.unread or 'no rule for tables of arp and netdev'}"

    def device(self, link: plan.Link, kind: str) -> Device:
        """Add an interface, with what every kind has."""
        world, settings = self.world, self.settings[link.namespace]
        ns = world.namespaces[link.namespace]
        dev = Device(link.id, kind, ns, link.ifname)
        dev.index = len(world.devices)
        dev.ifindex = link.ifindex
        dev.mac = link.mac or f"mac of {link.id}"
        dev.mtu, dev.up, dev.arp, dev.promisc = link.mtu, link.up, link.arp, link.promisc
        dev.receive, dev.handle = device.receive, protocols.receive
        dev.conf = settings.conf(link.ifname)
        for address in link.addresses:
            value = int(ipaddress.ip_address(address.ip))
            if address.family == 4:
                mask = ((1 << address.prefixlen) - 1) << (32 - address.prefixlen)
                # A further address of a subnet is a secondary one (__inet_insert_ifa).
                secondary = any(n == value & mask and p == address.prefixlen for _, n, p, _ in dev.addresses4)
                dev.addresses4.append((value, value & mask, address.prefixlen, secondary))
            else:
                mask = ((1 << address.prefixlen) - 1) << (128 - address.prefixlen)
                dev.addresses6.append((value, value & mask, address.prefixlen))
        for neighbor in link.neighbors:
            dev.neighbors[int(ipaddress.ip_address(neighbor.ip))] = neighbor.mac
        if link.mtu < 1280:
            dev.conf.ipv6 = False
        if dev.conf.ipv6:
            # The link-local address of a MAC that the kernel chooses: any one that differs from all others.
            dev.linklocal = nd.link_local(link.mac) if link.mac else 0xFE80 << 112 | dev.index
            if settings.routes6:
                dev.anycast6 = frozenset(network for _, network, plen in dev.addresses6 if plen < 127)
            addresses = [a[0] for a in dev.addresses6]
            if dev.arp:  # else it joins none (addrconf_join_solict)
                dev.groups = frozenset(nd.solicited_mac(a) for a in [*addresses, *dev.anycast6, dev.linklocal])
        dev.groups |= multicast.joined(dev)
        ns.devices.append(dev)
        world.devices[link.id] = dev
        return dev
