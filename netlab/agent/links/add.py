"""Links that one message adds: by themselves, or on top of another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netlab.agent.links.op import BuildContext, Level, Op
from netlab.agent.netlink import link as request
from netlab.contract.types import AnyLink


def alone(link: AnyLink, level: Level, data: Mapping[str, Any] | None = None, *, up: bool) -> Op:
    """``ip link add dev NAME type KIND``; ``data`` is what IFLA_INFO_DATA holds."""
    pairs = {
        "IFLA_IFNAME": link.ifname,
        "IFLA_ADDRESS": link.mac,
        "IFLA_MTU": link.mtu,
        "IFLA_LINKINFO": {"IFLA_INFO_KIND": link.kind, "IFLA_INFO_DATA": data},
    }
    address = f" address {link.mac}" if link.mac else ""
    command = (
        f"ip -n {link.namespace} link add dev {link.ifname} index {link.ifindex}{address} mtu {link.mtu}"
        f" {' '.join(link.argv)}"
    )
    return _made(link, link.namespace, level, pairs, command, up=up)


def above(
    context: BuildContext, link: AnyLink, parent: AnyLink, mac: str | None, data: Mapping[str, Any], also: str = "",
    *, up: bool,
) -> Op:  # fmt: skip
    """``ip link add link PARENT netns CONTAINER type KIND``: made in its parent's namespace, and moved by the same
    message. ``also`` are words of a command that does what else the message does.
    """
    elsewhere = link.namespace != parent.namespace
    pairs = {
        "IFLA_IFNAME": link.ifname,
        "IFLA_LINK": parent.ifindex,
        "IFLA_ADDRESS": mac,
        "IFLA_MTU": link.mtu if link.mtu != parent.mtu else None,
        "IFLA_NET_NS_FD": context.namespaces[link.namespace].fd if elsewhere else None,
        "IFLA_LINKINFO": {"IFLA_INFO_KIND": link.kind, "IFLA_INFO_DATA": data},
    }
    words = [f"address {mac}"] if mac else []
    words += [f"mtu {link.mtu}"] if link.mtu != parent.mtu else []
    words += [f"netns {link.namespace}"] if elsewhere else []
    command = (
        f"ip -n {parent.namespace} link add link {parent.ifname} name {link.ifname} index {link.ifindex}"
        f" {' '.join((*words, *link.argv))}"
    )
    if also:
        command += f" && ip -n {link.namespace} link set dev {link.ifname} {also}"
    return _made(link, parent.namespace, Level.HOST, pairs, command, up=up)


def _made(link: AnyLink, ns: str, level: Level, pairs: dict[str, Any], command: str, *, up: bool) -> Op:
    if up:
        command += f" && ip -n {link.namespace} link set dev {link.ifname} up"
    return Op(ns, level, request("add", pairs, command, index=link.ifindex, up=up), "create")
