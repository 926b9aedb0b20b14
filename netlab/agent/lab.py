"""One lab from step to step: what is made of it, what the kernel says of it then."""

from __future__ import annotations

import time
from typing import Any

from netlab.agent import news, readback, sysctl
from netlab.agent.attempt import attempt
from netlab.agent.build import Builder, Log
from netlab.agent.links.veth import set_state
from netlab.agent.netns import Netns
from netlab.agent.probe import cold, waiting
from netlab.agent.programs import Programs
from netlab.contract import names
from netlab.contract.types import AnyLink, SetLink, SetProgram, State, Step


class Lab(Builder):
    """A lab in one of its steps."""

    def __init__(self, sysctls: sysctl.Sysctls, log: Log, programs: Programs | None = None) -> None:
        super().__init__(sysctls, log, programs)
        self.state: State | None = None
        self.read: dict[str, readback.Link] = {}

    @property
    def bridges(self) -> dict[str, AnyLink]:
        """The switches' bridges, and those inside of hosts."""
        return {link.id: link for link in self.links.values() if link.bridges}

    def places(self) -> dict[str, tuple[Netns, str]]:
        """The place of every interface and switch port of the current step: its namespace and the kernel's name."""
        places = [place for link in self.state.links for place in link.places] if self.state else []
        return {place.id: (self.namespaces[place.namespace], place.ifname) for place in places}

    def vrf_of(self, namespace: str, ifname: str) -> str:
        """The VRF that an interface belongs to, or is; empty where it does to none."""
        links = [link for link in self.links.values() if link.namespace == namespace and link.ifname == ifname]
        found = [link if link.vrf_table is not None else self.links.get(link.domain or "") for link in links]
        return next((link.ifname for link in found if link is not None), "")

    def enter(self, step: Step) -> dict[str, Any]:
        """Apply a step's changes, wait until the lab has settled, read it back. Raises BuildFailed."""
        self.notes = []
        if step.changes:
            # They start from what the plan says, and a static entry may have moved while the last step was probed.
            cold.restore_fdb(self.namespaces, self.state)
        before, was = set(self.links), self.state
        running = [change for change in step.changes if isinstance(change, SetProgram)]
        self.apply([change for change in step.changes if change.refusal is None and change not in running])
        refused = {}
        for change in step.changes:
            if change.refusal is not None:
                link_id, found = attempt(self, change)
                refused[link_id] = found
        for command in waiting.answer_at_once(self.namespaces, step.state, before):
            self.log(command)
        self.state = step.state
        # What programs have made, and the plan has taken over.
        self.links.update((link.id, link) for link in step.state.links)
        if any(ns.private for ns in self.namespaces.values()):
            self.programs.name(names.hosts_file(step.state))
        self.read, unsettled, misplaced = readback.settle(self.namespaces, step.state, was, self.notes)
        deadline = time.monotonic() + readback.DEADLINE
        while misplaced and time.monotonic() < deadline:
            for veth in misplaced:
                # News of its carrier, worked off by now, had set it to forwarding (br_port_carrier_check).
                self.ask(set_state(veth), SetLink(before=veth, after=veth, where=veth.where))
            self.read, unsettled, misplaced = readback.settle(self.namespaces, step.state, was, self.notes)
        unsettled += [veth.id for veth in misplaced]
        for ns in self.namespaces.values():
            if ns.visited:
                # What the step has changed is no news.
                news.remember(ns)
        for one in running:
            self.daemons.carry_out(one, self.namespaces[one.namespace])
        return {"links": self.read, "unsettled": unsettled, "refused": refused, "notes": self.notes}
