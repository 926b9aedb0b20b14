"""A "physical" interface: a veth whose other end is a port of a switch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from netlab.agent.links import port, port_tools
from netlab.agent.links.op import BuildContext, Level, Op
from netlab.agent.links.wire import End, make
from netlab.agent.netlink import set_up
from netlab.contract.types import AnyLink, Port, SetLink, Veth


def create(context: BuildContext, veth: Veth, *, up: bool) -> list[Op]:
    """One message makes both ends in their namespaces, enslaves the port and brings it up."""
    ns, bridge = veth.port_namespace, context.links[veth.switch]
    near = End(ns, veth.port_ifname, veth.port_ifindex, veth.port_mac)
    far = End(veth.namespace, veth.ifname, veth.ifindex, veth.mac)
    made = make(context, near, far, veth.mtu, master=bridge if veth.port.attached else None, up=veth.port.up)
    as_made = Port(attached=veth.port.attached, up=veth.port.up)
    # Ports of bridges inside hosts join in the order of the plan, the host's own wires among them.
    level = Level.PLUG if ns != veth.switch else Level.WIRE
    ops = [Op(ns, level, made, "create"), *_port(context, veth, as_made, veth.port)]
    if up:
        ops.append(Op(veth.namespace, Level.HOST, set_up(veth.namespace, veth.ifindex, veth.ifname), "up"))
    return ops


def changes(context: BuildContext, before: Veth, after: Veth) -> list[Op]:
    """Options of the switch port."""
    return _port(context, after, before.port, after.port)


def _port(context: BuildContext, veth: Veth, before: Port, after: Port) -> list[Op]:
    bridge = context.links[veth.switch]
    return port.changes(veth.port_namespace, veth.port_ifname, veth.port_ifindex, bridge, before, after)


def by_tools(context: BuildContext, log: port_tools.Log, change: SetLink) -> AnyLink:
    """Set the options of the port by the tool that the file names. Raises BuildFailed."""
    before, after = change.before, change.after
    assert isinstance(before, Veth)
    assert isinstance(after, Veth)
    for option, value in port.differences(before.port, after.port).items():
        port_tools.set_option(context, log, change, after, option, value)
    return replace(before, port=port.with_options(before.port, after.port))


def late(before: Veth, after: Veth) -> list[Op]:
    """The state of the port, which needs a carrier. Without a bridge it has none: the plan keeps it for later."""
    if not after.port.attached or before.port.state == after.port.state:
        return []
    return [set_state(after)]


def set_state(veth: Veth) -> Op:
    """Put the switch port into the state (BR_STATE_*) that the plan says."""
    return port.set_state(veth.port_namespace, veth.port_ifname, veth.port_ifindex, veth.port.state)


def checks(veth: Veth, mine: dict[str, Any]) -> list[tuple[str, object, object]]:
    """What the plan says of the switch port, and what was read."""
    if not veth.port.attached:
        return []
    got = mine["port"]
    if got is None:
        return [("switch port", "attached", "not attached")]
    return port.checks(veth, veth.port, got)
