"""A lab's part on this machine: children on real NICs, missing addresses; every change is noted for undoing."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from netlab.agent import compare, readback, sysctl
from netlab.agent.attempt import attempt
from netlab.agent.build import Log
from netlab.agent.errors import BuildFailed
from netlab.agent.hosts import neighbors
from netlab.agent.hosts.machine import Here
from netlab.agent.hosts.undo import UndoList
from netlab.agent.lab import Lab
from netlab.agent.links import Op
from netlab.agent.links.op import Level
from netlab.agent.netlink import address, neighbor, set_up
from netlab.agent.netlink.constants import NUD_PERMANENT
from netlab.agent.netns import Netns
from netlab.contract.types import (
    AddLink,
    AddNamespace,
    Address,
    AnyChange,
    AnyLink,
    Macvlan,
    SetLink,
    SetRouting,
    State,
    Step,
    Veth,
    nics,
)
from netlab.contract.wire import to_plain

#: How long a real link may take until it carries, in seconds: autonegotiation, and spanning tree on the switch's side.
CARRIER = 10.0


class HostLab(Lab):
    """The namespaces of one lab that are on this machine. A `Veth` of its plan is a NIC that is there already."""

    def __init__(self, sysctls: sysctl.Sysctls, log: Log, undo: UndoList) -> None:
        super().__init__(sysctls, log)
        self._undo = undo
        self._given: set[tuple[str, str]] = set()
        #: The topology's addresses, whose neighbour entries are ours; all of them, wherever they are.
        self.ips: set[str] = set()

    def enter(self, step: Step) -> dict[str, Any]:
        """Apply the changes of a step that are this machine's, wait for carrier, read back. Raises BuildFailed."""
        self.notes = []
        self.ips |= {item.ip for link in step.state.links for item in link.addresses}
        self.apply([change for change in step.changes if change.refusal is None])
        refused = {}
        for change in step.changes:
            if change.refusal is not None:
                with self._undo.acting:
                    self._write_down(change)
                    link_id, found = attempt(self, change)
                refused[link_id] = found
        self.state = step.state
        self.read, unsettled = self._settle(step.state)
        return {"links": self.read, "unsettled": unsettled, "refused": refused, "notes": self.notes}

    def local(self, state: State) -> list[AnyLink]:
        """The links of a state that are on this machine."""
        return [link for link in state.links if link.namespace in self.namespaces]

    def places(self) -> dict[str, tuple[Netns, str]]:
        """Where every interface is that is on this machine; the switch's ports are on none."""
        links = self.local(self.state) if self.state else []
        return {link.id: (self.namespaces[link.namespace], link.ifname) for link in links}

    # --- changes ------------------------------------------------------------------------------------

    def apply(self, changes: Iterable[AnyChange]) -> None:
        """One change after the other, each written down before it is made. Raises BuildFailed."""
        for change in changes:
            with self._undo.acting:
                self._write_down(change)
                match change:
                    case AddNamespace() if change.namespace.kind == "host":
                        self.namespaces[change.namespace.id] = Here(change.namespace.id)
                    case AddLink(link=Veth() as nic):
                        self.links[nic.id] = nic
                        self._adopt(nic, change)
                    case SetLink(after=Veth() as nic):
                        self.links[nic.id] = nic
                        self._set_nic(change)
                    case _:
                        super().apply([change])

    def _write_down(self, change: AnyChange) -> None:
        """Note what must be removed from the machine's own namespace afterwards; containers go with the agent."""
        match change:
            case AddLink(link=Macvlan() as child) if self._is_here(child.namespace):
                self._undo.add({"do": "link", "index": child.ifindex, "name": child.ifname})
            case SetRouting(before=before, after=after) if self._is_here(after.id):
                indexes = {link.name: link.ifindex for link in self.links.values() if link.namespace == after.id}
                for way in after.routes:
                    if way not in before.routes:
                        self._undo.add({"do": "route", "route": to_plain(way), "indexes": indexes})
                for one in after.rules:
                    if one not in before.rules:
                        self._undo.add({"do": "rule", "rule": to_plain(one)})

    def _is_here(self, ns: str) -> bool:
        return isinstance(self.namespaces.get(ns), Here)

    def _adopt(self, nic: AnyLink, change: AnyChange) -> None:
        """Take a NIC into the lab: up, with the topology's addresses and neighbours."""
        ns = self.namespaces[nic.namespace]
        read = readback.read_links(ns).get(nic.ifindex)
        if read is None or read["name"] != nic.ifname:
            raise BuildFailed(0, f"the NIC {nic.ifname} has gone", "ip link", nic.id, nic.where)
        there = neighbors.entries(ns.netlink)
        mine = [one for one in there if one.index == nic.ifindex and one.ip in self.ips]
        kept = [one for one in mine if one.state & NUD_PERMANENT]
        if kept:
            words = f"{nic.ifname} has a permanent neighbour entry for {kept[0].ip}, which netlab would have to replace"
            raise BuildFailed(0, words, f"ip neigh del {kept[0].ip} dev {nic.ifname}", nic.id, nic.where)
        self._undo.add(
            {"do": "neighbors", "index": nic.ifindex, "ips": sorted(self.ips), "before": [asdict(one) for one in mine]}
        )
        if not read["up"]:
            held = readback.addresses(ns.netlink).get(nic.ifindex, [])
            self._undo.add({"do": "down", "index": nic.ifindex, "addresses": held})
            self.ask(Op(ns.id, Level.HOST, set_up(ns.id, nic.ifindex, nic.ifname), "up"), change)
        for item in nic.addresses:
            self._give(nic, item, change)
        self._neighbors(nic, SetLink(before=nic, after=nic, where=change.where), add=nic.neighbors, remove=())

    def _give(self, nic: AnyLink, item: Address, change: AnyChange) -> None:
        """Put an address on a NIC, unless it is there."""
        ns = self.namespaces[nic.namespace]
        if str(item) in readback.addresses(ns.netlink).get(nic.ifindex, []):
            return
        with self._undo.acting:
            record = {"do": "address", "index": nic.ifindex, "ip": item.ip, "prefixlen": item.prefixlen}
            self._undo.add(record)
            self._given.add((nic.id, str(item)))
            request = address("add", ns.id, nic.ifindex, nic.ifname, item.ip, item.prefixlen)
            self.ask(Op(ns.id, Level.HOST, request), change)

    def _set_nic(self, change: SetLink) -> None:
        """Addresses and static neighbours of a NIC; nothing else of it is a lab's to change."""
        before, nic = change.before, change.after
        ns = self.namespaces[nic.namespace]
        for item in before.addresses:
            if item not in nic.addresses:
                if (nic.id, str(item)) not in self._given:
                    words = f"{item} was on {nic.ifname} before netlab came: it stays"
                    raise BuildFailed(0, words, f"ip address del {item} dev {nic.ifname}", nic.id, change.where)
                request = address("delete", ns.id, nic.ifindex, nic.ifname, item.ip, item.prefixlen)
                self.ask(Op(ns.id, Level.HOST, request), change)
        for item in nic.addresses:
            if item not in before.addresses:
                self._give(nic, item, change)
        self._neighbors(
            nic,
            change,
            add=tuple(one for one in nic.neighbors if one not in before.neighbors),
            remove=tuple(one for one in before.neighbors if one not in nic.neighbors),
        )

    def _neighbors(self, nic: AnyLink, change: SetLink, *, add: tuple[Any, ...], remove: tuple[Any, ...]) -> None:
        """Static entries, which must be for addresses of the topology: those are undone with the learned ones."""
        ns = self.namespaces[nic.namespace]
        for one in add:
            if one.ip not in self.ips:
                self._undo.add({"do": "neighbors", "index": nic.ifindex, "ips": [one.ip], "before": []})
        for verb, entries in (("delete", remove), ("replace", add)):
            for one in entries:
                request = neighbor(verb, ns.id, nic.ifindex, nic.ifname, one.ip, one.mac)
                self.ask(Op(ns.id, Level.HOST, request), change)

    # --- read back ----------------------------------------------------------------------------------

    def _settle(self, state: State) -> tuple[dict[str, readback.Link], list[str]]:
        """Read the links here until they have carrier, or a deadline has passed. Raises BuildFailed where one
        differs."""
        local = self.local(state)
        deadline = time.monotonic() + (CARRIER if nics(local) else readback.DEADLINE)
        while True:
            read = {ns_id: readback.read_links(ns) for ns_id, ns in self.namespaces.items()}
            waiting = [link.id for link in local if not _settled(link, read[link.namespace].get(link.ifindex))]
            if not waiting or time.monotonic() > deadline:
                break
            time.sleep(0.005)
        found: dict[str, readback.Link] = {}
        for ns_id, ns in self.namespaces.items():
            there = readback.addresses(ns.netlink)
            for link in local:
                if link.namespace != ns_id:
                    continue
                mine = read[ns_id].get(link.ifindex)
                if mine is None:
                    raise compare.differs(link.id, "it isn't there", link.where)
                mine["addresses"] = [one for one in there.get(link.ifindex, []) if not one.startswith("fe80:")]
                compare.check_link(link, mine, exactly=link.port_id is None)
                found[link.id] = mine
        return found, sorted(waiting)


def _settled(link: AnyLink, read: readback.Link | None) -> bool:
    if read is None or read["up"] != link.up:
        return False
    return not link.up or readback.carries(read, link.carrier)
