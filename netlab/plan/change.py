"""Changes of one link, with all that the kernel does along with them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeVar

from netlab.contract.types import AnyLink, Link, SetLink, Where, with_state
from netlab.plan import lost, owned, sysctls
from netlab.plan.settling import settle

if TYPE_CHECKING:
    from netlab.plan.lab import Lab
    from netlab.plan.request import BuildContext

L = TypeVar("L", bound=Link)
Via = Literal["netlink", "ip", "brctl", "sysfs"]


def flushed(lab: Lab, before: AnyLink, after: L, *, quiet: bool = False) -> L:
    """``after`` without what the kernel throws away on the way there.

    A link that goes down loses its static neighbours (neigh_ifdown) and its IPv6 addresses (addrconf_ifdown,
    unless keep_addr_on_down). A link whose MAC changes loses its neighbours (neigh_changeaddr), and so does one that is
    up when its arp is switched (arp_netdev_event, ndisc_netdev_event). A link whose MTU falls below 1280 loses its IPv6
    addresses (addrconf_notify). Lost addresses are a warning, unless ``quiet``.
    """
    down = before.up and not after.up
    if down or before.mac != after.mac or (before.up and before.arp != after.arp):
        after = replace(after, neighbors=())
    small = after.mtu < 1280 <= before.mtu
    if small or (down and not sysctls.keeps_v6(lab.boxes[after.namespace].sysctls, after.ifname)):
        bare = without_v6(after)
        if bare.addresses != after.addresses and after.where is not None and not quiet:
            why = "its MTU is less than 1280" if small else "it goes down (keep_addr_on_down is 0)"
            lab.file.warn(after.where, f"{after.id} loses its IPv6 addresses when {why}")
        after = bare
    return after


def _forget_v6(lab: Lab, before: AnyLink, after: AnyLink) -> None:
    """Forget an interface's IPv6 settings and routes when its MTU falls below 1280; later it gets the defaults."""
    box = lab.boxes[after.namespace]
    if after.mtu < 1280 <= before.mtu and box.kind != "switch":
        lost.by_links(lab, [before], (6,), deleted=True)
        own = f"net/ipv6/conf/{after.ifname}/"
        box.sysctls = {path: value for path, value in box.sysctls.items() if not path.startswith(own)}


def without_v6(link: L) -> L:
    """The link once IPv6 has stopped on it: its addresses and neighbours are gone (addrconf_ifdown)."""
    return replace(
        link,
        addresses=tuple(address for address in link.addresses if address.family == 4),
        neighbors=tuple(neighbor for neighbor in link.neighbors if ":" not in neighbor.ip),
    )


def apply(lab: Lab, before: AnyLink, after: AnyLink) -> None:
    """Replace ``before`` by ``after``, and change what the kernel changes with it.

    A child's MTU shrinks with its parent's (macvlan_device_event), that of some kinds follows it. A passthru child and
    its parent share one MAC. A vlan child goes down and comes up with its parent, and has its MAC while it is up
    (vlan_device_event). A link that goes down loses its routes. A bridge that comes up resets its ports' states.
    """
    lab.links[after.id] = after
    owned.take(lab, [after])
    _forget_v6(lab, before, after)
    if before.up and not after.up:
        lost.by_links(lab, [before])
    elif after.up and not before.up:
        lost.revive(lab, after)
    for child in lab.children_of(after.id):
        changed = child
        if after.mtu < child.mtu or (child.follows and after.mtu != before.mtu):
            changed = flushed(lab, child, replace(child, mtu=after.mtu))
        if child.rises and after.up != before.up:
            changed = flushed(lab, child, replace(changed, up=after.up))
        if child.mac_of is not None and after.mac != child.mac and (changed.up or not child.rises):
            # macvlan_sync_address sends no notification, so the child's neighbours stay. The parent keeps this MAC.
            follower = replace(changed, mac=after.mac)
            changed = follower if child.gives_mac else flushed(lab, changed, follower)
            if child.gives_mac:
                lab.memory.perm[after.id] = after.mac
        if changed is not child:
            apply(lab, child, changed)
    if after.gives_mac and after.mac != before.mac:
        parent = lab.links[after.lower or ""]
        if parent.mac != after.mac:
            apply(lab, parent, flushed(lab, parent, replace(parent, mac=after.mac)))
    if after.bridges and after.up and not before.up:
        for link in lab.ports(after.id):
            for plug in link.plugs:
                if plug.bridge == after.id and plug.port.state != "forwarding":
                    lab.links[link.id] = with_state(link, plug, "forwarding")
    settle(lab)


def restore_mac(lab: Lab, parent_id: str) -> None:
    """Give a parent that has lost its passthru child its former MAC back (macvlan_port_destroy)."""
    parent = lab.links[parent_id]
    restored = replace(parent, mac=lab.memory.perm.pop(parent_id, parent.mac))
    if restored.mac != parent.mac:
        apply(lab, parent, flushed(lab, parent, restored))


def renewed(lab: Lab, before: AnyLink, where: Where) -> list[SetLink]:
    """Set the static neighbours of a passthru child anew whose MAC has changed with its parent's.

    An entry that was used has a cached header with the old MAC (neigh_hh_init).
    """
    changes: list[SetLink] = []
    for child in lab.children_of(before.id):
        if child.gives_mac and child.neighbors and lab.links[before.id].mac != before.mac:
            bare = replace(child, neighbors=())
            changes += (SetLink(before=child, after=bare, where=where), SetLink(before=bare, after=child, where=where))
    return changes


def set_mac(lab: Lab, link: AnyLink, mac: str, where: Where) -> list[SetLink]:
    """Set the MAC of a new passthru child, and set its own and its parent's neighbours again."""
    assert link.mac_of is not None
    parent = lab.links[link.mac_of]
    bare = replace(link, neighbors=())
    apply(lab, link, replace(link, mac=mac))
    changes = [SetLink(before=bare, after=lab.links[link.id], where=where)]
    changed = lab.links[parent.id]
    if parent.neighbors:
        lab.links[parent.id] = replace(changed, neighbors=parent.neighbors)
        changes.append(SetLink(before=changed, after=lab.links[parent.id], where=where))
    return changes


def passthru_macs(context: BuildContext) -> list[SetLink]:
    """A MAC given for a passthru child is set later, on its parent, too (macvlan_set_mac_address)."""
    changes: list[SetLink] = []
    for request in context.requests.values():
        link = context.lab.links.get(request.id)
        if link is not None and link.gives_mac and request.mac not in (None, "auto", link.mac):
            changes += set_mac(context.lab, link, str(request.mac), request.where)
    return changes
