"""A plan, fitted to real machines: their NICs, MACs, MTUs and sysctls instead of those of namespaces.

The results are two. The plan that is predicted and judged: each host has its machine's own sysctls, each interface on a
switch has the values of its NIC, and each switch is an ordinary one, because the real one's options aren't ours to set.
And each machine's part of every step, in which there are no switches.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from netlab.client.errors import CannotRun
from netlab.client.hosts import questions
from netlab.client.hosts.inventory import Machine
from netlab.client.hosts.nics import Facts
from netlab.contract.dataclass import dataclass
from netlab.contract.kernels import Version, parse
from netlab.contract.types import (
    AddLink,
    AddNamespace,
    AnyChange,
    AnyExpectation,
    AnyLink,
    Claim,
    DeleteLink,
    DeleteNamespace,
    ExpectHeard,
    ExpectState,
    Macvlan,
    Namespace,
    Neighbor,
    Plan,
    Port,
    SetFiles,
    SetLink,
    SetNftables,
    SetProgram,
    SetRouting,
    SetSysctl,
    State,
    Step,
    Switch,
    SwitchLink,
    Veth,
    nics,
)
from netlab.errors import UsageError
from netlab.plan import sysctls

#: Children get numbers that no machine hands out by itself: the kernel counts up from 1.
_INDEXES = range(1 << 29, 1 << 30)


@dataclass(frozen=True)
class Ground:
    """What is known of the machines: by host, the machine, its facts, and the values of its sysctls."""

    machines: Mapping[str, Machine]
    facts: Mapping[str, Facts]
    sysctls: Mapping[str, Mapping[str, str]]

    @property
    def kernel(self) -> Version:
        """The Linux that all is predicted for: of several the oldest."""
        return min(parse(str(facts["kernel"])) for facts in self.facts.values())


class Grounding:
    """One plan on its machines. `plan` is what is judged, `notes` says what was left out, and why."""

    def __init__(
        self, plan: Plan, ground: Ground, nics: Mapping[str, str], indexes: Mapping[str, int] | None = None
    ) -> None:
        self.original = plan = questions.of_interfaces(plan)
        self.ground = ground
        self.nics = nics
        self.notes: list[str] = []
        self._indexes: dict[str, int] = dict(indexes or {})
        self._macs = self._real_macs()
        self._note(questions.NOTE)
        self._note_leftovers()
        self._check_names()
        self._check_addresses()
        self._foreign = [step.name for step in plan.steps if self._odd_ports(step)]
        self.plan = replace(
            plan,
            steps=tuple(map(self._step, plan.steps)),
            claims=tuple(self._claims(plan.claims)),
        )
        self.plan = replace(self.plan, warnings=(*plan.warnings, *self.notes))

    def further(self, plan: Plan) -> Grounding:
        """The same with steps that were thought of later; what there is keeps its number."""
        return Grounding(plan, self.ground, self.nics, self._indexes)

    # --- what the machines have ---------------------------------------------------------------------

    def _nic(self, link: Veth) -> Facts:
        facts: Facts = self.ground.facts[link.namespace]["links"][self.nics[link.id]]
        return facts

    def _real_macs(self) -> dict[str, str]:
        wires = [link for step in self.original.steps for link in nics(step.state.links)]
        return {link.mac: str(self._nic(link)["mac"]) for link in wires if link.mac}

    def _note_leftovers(self) -> None:
        for host, facts in self.ground.facts.items():
            if facts["left"]:
                machine = self.ground.machines[host]
                self._note(f"{machine}: a netlab that was killed there had left {facts['left']} changes: undone now")

    def _check_names(self) -> None:
        """A child can't have a name that its machine has given to something else."""
        for step in self.original.steps:
            for link in step.state.links:
                there = self.ground.facts.get(link.namespace, {}).get("links", {})
                if link.lower is not None and link.ifname in there:
                    machine = self.ground.machines[link.namespace]
                    raise CannotRun(f"{machine}: there is an interface {link.ifname!r} already", "another name")

    def _check_addresses(self) -> None:
        """Refuse an address of the topology that another interface of the machine has: that one would answer for it."""
        for step in self.original.steps:
            for link in step.state.links:
                if link.namespace not in self.ground.facts or not link.interface:
                    continue
                own = self.nics.get(link.id)
                for name, read in self.ground.facts[link.namespace]["links"].items():
                    there = {one.partition("/")[0]: one for one in read["addresses"]}
                    for address in link.addresses:
                        if address.ip in there and (name != own or there[address.ip] != str(address)):
                            machine = self.ground.machines[link.namespace]
                            held = there[address.ip]
                            raise CannotRun(
                                f"{machine}: {name} has {held} already, and {link.id} is to have {address}",
                                f"there: sudo ip address del {held} dev {name}, or another address in the file",
                            )

    # --- values -------------------------------------------------------------------------------------

    def _step(self, step: Step) -> Step:
        expect = step.expect
        if step.name in self._foreign:
            if expect:
                self._note(
                    f"{step.name}: {len(expect)} expectations depend on options of switch ports, which are not ours "
                    "here: observed, not judged"
                )
            expect = ()
        return replace(
            step,
            changes=tuple(made for change in step.changes for made in self._change(step, change)),
            state=replace(self._state(step.state), kernel=self.ground.kernel),
            expect=self._entries(step.name, expect),
        )

    def _entries(self, where: str, entries: tuple[AnyExpectation, ...]) -> tuple[AnyExpectation, ...]:
        """The entries without those about switch ports, which can't be seen."""
        kept = tuple(entry for entry in entries if not _about_ports(entry))
        for entry in entries:
            if entry not in kept:
                self._note(f"{where}: a real switch's ports can't be seen: {entry.text}")
        return kept

    def _claims(self, claims: tuple[Claim, ...]) -> Iterable[Claim]:
        for claim in claims:
            tests = tuple(
                (name, entry) for name, entry in claim.tests if name not in self._foreign and not _about_ports(entry)
            )
            if tests != claim.tests:
                self._note(f"claim {claim.number} depends on the switch, which is not ours here: it is not weighed")
            else:
                yield claim

    def _odd_ports(self, step: Step) -> bool:
        """Whether a step has switch options other than an ordinary switch's; each is noted once."""
        odd = False
        for link in step.state.links:
            # Which options a real switch, and its ports, may have is another question for each kind (see `_link`).
            if isinstance(link, Veth) and (link.port != Port() or not link.up):
                self._note(
                    f"the options of the port of {link.id} are the real switch's: predicted as an ordinary one's"
                )
                odd = True
            elif isinstance(link, SwitchLink) and (link.port != Port() or link.peer_port != Port()):
                self._note(f"the options of the ports of {link.id} are the real switches': predicted as ordinary ones'")
                odd = True
            elif isinstance(link, Switch) and (link.stp or not link.up or link.fdb_max_learned is not None):
                self._note(f"the options of {link.id} are the real switch's: predicted as an ordinary one's")
                odd = True
        return odd

    def _state(self, state: State) -> State:
        namespaces = tuple(map(self._namespace, state.namespaces))
        links = tuple(map(self._link, state.links))
        known = {link.id: link for link in links}
        endpoints = tuple(
            replace(
                endpoint,
                mac=known[endpoint.link].mac,
                ifname=known[endpoint.link].ifname,
                ifindex=known[endpoint.link].ifindex,
            )
            for endpoint in state.endpoints
        )
        routers = sum(sysctls.forwards(dict(ns.sysctls)) for ns in namespaces if ns.kind != "switch")
        return replace(state, namespaces=namespaces, links=links, endpoints=endpoints, routers=routers, disowned=())

    def _namespace(self, namespace: Namespace) -> Namespace:
        if namespace.kind != "host":
            return namespace
        real = self.ground.sysctls[namespace.id]
        compiled = sysctls.defaults()
        for path, value in namespace.sysctls:
            if sysctls.interface_of(path) is None and value != compiled.get(path) and value != real.get(path):
                name = path.replace("/", ".")
                has = real.get(path, "nothing")
                self._note(f"{namespace.id}: the file sets {name}={value}, the machine has {has}: never changed")
        if namespace.private and namespace.private.files:
            raise UsageError(f"{namespace.id}: 'files' are for namespaces: those of a machine are never written")
        return replace(namespace, sysctls=tuple(real.items()), private=None)

    def _link(self, link: AnyLink) -> AnyLink:
        # What each kind becomes on real machines: this room's table of kinds, beside `_odd_ports`.
        if isinstance(link, Veth):
            return self._wire(link)
        if isinstance(link, Macvlan):
            return self._child(link)
        if isinstance(link, Switch):
            return replace(link, up=True, carrier=True, stp=False, fdb_max_learned=None, mcast_snooping=False)
        if isinstance(link, SwitchLink):
            return replace(link, port=Port(), peer_port=Port())
        raise UsageError(f"{link.id}: a {link.kind} of the host's own making is for namespaces, not for machines")

    def _wire(self, link: Veth) -> Veth:
        if link.master is not None:
            raise UsageError(f"{link.id}: a real NIC is not put into a bridge: 'master' is for namespaces")
        if link.flags:
            raise UsageError(f"{link.id}: a real NIC's flags are never changed: {', '.join(link.flags)}")
        if link.limit is not None:
            raise UsageError(f"{link.id}: a real NIC's queueing discipline is never changed: 'limit' is for namespaces")
        read = self._nic(link)
        return replace(
            link, ifname=read["name"], ifindex=read["index"], mac=read["mac"], mtu=read["mtu"], up=True, carrier=True,
            port=Port(), neighbors=self._neighbors(link.neighbors),
        )  # fmt: skip

    def _child(self, link: Macvlan) -> Macvlan:
        parent = self._parent(link)
        return replace(
            link,
            ifindex=self._index(link.id),
            mac=self._macs.get(link.mac, link.mac) if link.mac else None,
            mtu=self._nic(parent)["mtu"] if link.mtu == parent.mtu else link.mtu,
            carrier=True,
            allowed_macs=tuple(self._macs.get(mac, mac) for mac in link.allowed_macs),
            neighbors=self._neighbors(link.neighbors),
        )

    def _parent(self, link: Macvlan) -> Veth:
        for step in self.original.steps:
            for one in nics(step.state.links):
                if one.id == link.parent:
                    return one
        raise UsageError(f"{link.id}: its parent {link.parent} is no NIC of a machine")

    def _neighbors(self, given: tuple[Neighbor, ...]) -> tuple[Neighbor, ...]:
        return tuple(replace(one, mac=self._macs.get(one.mac, one.mac)) for one in given)

    def _index(self, link_id: str) -> int:
        if link_id not in self._indexes:
            taken = {read["index"] for facts in self.ground.facts.values() for read in facts["links"].values()}
            taken |= set(self._indexes.values())
            chosen = random.choice(_INDEXES)
            while chosen in taken:
                chosen = random.choice(_INDEXES)
            self._indexes[link_id] = chosen
        return self._indexes[link_id]

    # --- changes ------------------------------------------------------------------------------------

    def _change(self, step: Step, change: AnyChange) -> Iterable[AnyChange]:
        refuse = _refuser(step)
        match change:
            case AddNamespace(namespace=namespace) if namespace.kind == "host":
                yield replace(change, namespace=replace(namespace, sysctls=(), private=None))
            case AddNamespace(namespace=namespace) if namespace.kind == "switch":
                return
            case AddLink(link=Switch() | SwitchLink()):
                return
            case AddLink(link=link):
                here = link.namespace in self.ground.facts
                yield replace(change, link=self._link(link), sysctls=() if here else change.sysctls)
            case DeleteLink(id=link_id) if link_id in self.nics:
                refuse(f"delete the NIC {link_id}")
            case DeleteNamespace(id=ns_id) if ns_id in self.ground.facts:
                refuse(f"delete the machine {ns_id}")
            case SetLink(before=Veth() as before, after=Veth() as after):
                if _own(before) != _own(after):
                    refuse(f"change the state, flags, MAC or MTU of the NIC {after.id}")
                if (before.addresses, before.neighbors) != (after.addresses, after.neighbors):
                    yield replace(change, before=self._wire(before), after=self._wire(after), via="netlink")
            case SetLink(before=Macvlan() as before, after=Macvlan() as after):
                yield replace(change, before=self._child(before), after=self._child(after))
            case SetLink():
                return
            case SetSysctl(namespace=ns_id) if ns_id in self.ground.facts:
                refuse(f"change a sysctl of the machine {ns_id}")
            case SetNftables(namespace=ns_id) if ns_id in self.ground.facts:
                refuse(f"replace the nftables of the machine {ns_id}")
            case SetProgram():
                raise UsageError(f"{change.namespace}: programs of a topology are for namespaces, not for machines")
            case SetFiles(namespace=ns_id) if ns_id in self.ground.facts:
                refuse(f"write files of the machine {ns_id}")
            case _:
                yield change

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    # --- parts --------------------------------------------------------------------------------------

    def part(self, step: Step, host: str) -> Step:
        """What the machine of a host must do in a step of `plan`, and the whole state, of which it takes its part."""
        mine = tuple(change for change in step.changes if _host_of(change) == host)
        links = tuple(
            # Only a NIC has a port of a real switch, which isn't a machine's to look at.
            replace(link, port=Port(attached=False)) if isinstance(link, Veth) else link
            for link in step.state.links
            if link.interface
        )
        namespaces = tuple(replace(ns, sysctls=()) for ns in step.state.namespaces if ns.kind != "switch")
        return Step(step.name, mine, replace(step.state, links=links, namespaces=namespaces))


def _own(nic: Veth) -> tuple[object, ...]:
    """What a machine's NIC keeps."""
    return nic.up, nic.mac, nic.mtu, nic.limit, nic.flags


def _refuser(step: Step) -> Callable[[str], None]:
    def refuse(what: str) -> None:
        raise UsageError(
            f"step {step.name!r} would {what}: on real machines netlab doesn't (use --step to leave it out)"
        )

    return refuse


def _about_ports(entry: AnyExpectation) -> bool:
    if isinstance(entry, ExpectState):
        return ":" not in entry.link or entry.link.startswith("port(")
    return isinstance(entry, ExpectHeard) and any(":" not in one or one.startswith("port(") for one in entry.listeners)


def _host_of(change: AnyChange) -> str:
    match change:
        case AddNamespace(namespace=namespace):
            return namespace.host
        case AddLink(link=link):
            return link.namespace.partition("/")[0]
        case SetLink(after=after) | SetRouting(after=after):
            return (after.id if isinstance(after, Namespace) else after.namespace).partition("/")[0]
        case SetSysctl(namespace=ns_id) | SetNftables(namespace=ns_id):
            return ns_id.partition("/")[0]
        case DeleteLink(id=link_id) | DeleteNamespace(id=link_id):
            return link_id.partition(":")[0].partition("/")[0]
    raise TypeError(f"{type(change).__name__} belongs to no host")
