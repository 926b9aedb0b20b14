"""Adding namespaces, bridges, wires and children as the file nests them, in the baseline or in a step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from netlab.contract.dataclass import dataclass
from netlab.contract.types import AddLink, AddNamespace, Address, AnyChange, AnyLink, Places, SetRouting
from netlab.contract.types.links import TAKERS
from netlab.plan import (
    checked,
    gateways,
    macvlan,
    members,
    nftables,
    owned,
    pair,
    private,
    programs,
    replicas,
    routing,
    switches,
    sysctls,
    values,
)
from netlab.plan.change import passthru_macs
from netlab.plan.file import File, Path
from netlab.plan.kinds import KINDS
from netlab.plan.lab import MAX_ENTRIES, MAX_LAB, Box, Lab
from netlab.plan.refusals import Refusals
from netlab.plan.request import BuildContext, LinkRequest
from netlab.plan.settling import settle
from netlab.spec.problems import did_you_mean
from netlab.spec.scalars import Wrong

if TYPE_CHECKING:
    from netlab.spec.schema import Container, Host, Interface, Switch


@dataclass
class _Given:
    """One namespace of the file, or one replica of it; ``offset`` is added to its addresses.

    ``new`` says that it is added here, ``usable`` that interfaces can be put into it.
    """

    id: str
    given: Host | Container
    path: Path
    offset: int
    replicated: bool
    new: bool = False
    usable: bool = False


def add(
    lab: Lab, given_switches: Mapping[str, Switch], hosts: Mapping[str, Host], path: Path, refusals: Refusals
) -> list[AnyChange]:
    """Make everything that is given below ``path``, and return what the agent is to do, in order."""
    if not _fits(lab, hosts, path):
        return []
    existing = set(lab.boxes)
    bridges = switches.add_namespaces(lab, given_switches, path)
    boxes = list(_expand(hosts, path))
    for box in boxes:
        _namespace(lab, box, existing)
    boxes = [box for box in boxes if box.usable]
    context = BuildContext(lab)
    for box in boxes:
        _requests(context, box)
    order: list[tuple[str, bool]] = [
        (name, False) for name in switches.add_bridges(lab, given_switches, path, _largest_mtu(lab.file))
    ]
    order += _links(context, refusals)
    _names_to_macs(context, given_switches, path)
    # The last that lists a MAC has it.
    owned.take(lab, [lab.links[link_id] for link_id, refused in reversed(order) if not refused])
    for box in boxes:
        _sysctls(lab, box, context)
    settle(lab)
    for request in context.requests.values():
        if (made := lab.links.get(request.id)) is not None:
            KINDS[made.kind].check_made(lab, made, request.path)
    changes: list[AnyChange] = [
        AddNamespace(
            namespace=lab.namespace(lab.boxes[box.id], born=True),
            where=lab.file.where(*box.path),
            places=_places(lab.file, box, None),
        )
        for box in boxes
        if box.new
    ]
    changes += bridges
    given_by = {box.id: box for box in boxes}
    for link_id, refused in order:
        link = lab.refused[link_id] if refused else lab.links[link_id]
        refusal = refusals.take(link_id, "create") if refused else None
        own = _own_sysctls(lab, link)
        places = _places(lab.file, given_by[link.namespace], link) if own and link.namespace in given_by else ()
        changes.append(AddLink(link=link, sysctls=own, where=link.where, refusal=refusal, places=places))
    changes += passthru_macs(context)
    for request in context.requests.values():
        if (made := lab.links.get(request.id)) is not None:
            changes += KINDS[made.kind].complete(lab, made, request.given, request.path)
    for box in boxes:
        changes += _routing(lab, box)
    for box in boxes:
        if box.new and box.given.programs:
            changes += programs.start(lab, lab.boxes[box.id], box.given.programs, (*box.path, "programs"))
    return changes


def _fits(lab: Lab, hosts: Mapping[str, Host], path: Path) -> bool:
    file = lab.file
    count = len(lab.boxes) + len(lab.links)
    entries = 0
    for name, host in hosts.items():
        here = file.where(*path, "hosts", name)
        spaces: list[tuple[int, Host | Container]] = [(host.replicas or 1, host)]
        spaces += [((host.replicas or 1) * (inner.replicas or 1), inner) for inner in host.containers.values()]
        for times, space in spaces:
            interfaces = space.interfaces.values()
            count += times * (1 + len(interfaces) + sum(_further(one) for one in interfaces))
            entries += times * (len(space.routes or ()) + len(space.rules or ()))
            entries += times * sum(len(one.addresses or ()) + len(one.neighbors or ()) for one in interfaces)
        if count > MAX_LAB:
            what = "namespaces, interfaces and further addresses"
            file.problems.add(here, f"the lab would have more than {MAX_LAB} {what}", "fewer replicas or addresses")
            return False
        if entries > MAX_ENTRIES:
            what = "addresses, routes, rules and neighbors"
            file.problems.add(here, f"the lab would have more than {MAX_ENTRIES} {what}", "fewer of them, or replicas")
            return False
    return True


def _further(interface: Interface) -> int:
    """How many addresses an interface has beyond the first of each family."""
    addresses = interface.addresses or ()
    return len(addresses) - len({":" in str(address) for address in addresses})


def _expand(hosts: Mapping[str, Host], path: Path) -> Iterator[_Given]:
    for name, host in hosts.items():
        here: Path = (*path, "hosts", name)
        for host_id, k in replicas.names(name, host.replicas):
            many = host.replicas is not None
            yield _Given(host_id, host, here, k * (host.step or 1), many)
            for inner, container in host.containers.items():
                for container_id, c in replicas.names(inner, container.replicas):
                    offset = replicas.offset(k, host.step or 1, c, container.replicas, container.step)
                    own = many or container.replicas is not None
                    yield _Given(f"{host_id}/{container_id}", container, (*here, "containers", inner), offset, own)


def _namespace(lab: Lab, box: _Given, existing: set[str]) -> None:
    """Make the namespace where it is new."""
    file = lab.file
    where = file.where(*box.path)
    known = lab.boxes.get(box.id)
    if known is not None:
        if known.kind == "switch" or box.replicated or box.id not in existing:
            message = f"there is a {known.kind} {box.id!r} already (line {known.where.line})"
            file.problems.add(where, message, "hosts and switches share one space of names, replicas included")
            return
        box.usable = True
        for key in ("routes", "rules", "nftables", "private", "files", "programs", "replicas", "step"):
            if getattr(box.given, key) is not None:
                file.problems.add(
                    file.where(*box.path, key),
                    f"{box.id} exists already",
                    "'set:' changes its routes, rules, nftables and files",
                )
        return
    host = box.id.partition("/")[0]
    if "/" in box.id and (host not in lab.boxes or lab.boxes[host].kind != "host"):
        return
    box.new = box.usable = True
    made = Box(box.id, "container" if "/" in box.id else "host", where, sysctls=sysctls.defaults())
    if _bridges(lab.file, box):
        made.sysctls.update(sysctls.BRIDGE)
    made.private = private.private(lab, box.id, box.given, box.path)
    lab.boxes[box.id] = made
    lab.listed.setdefault(box.id, [])
    given = box.given.sysctls or {}
    file.check_sysctls(box.path, given)
    for path in sorted(given, key=lambda path: not sysctls.is_wide(path)):
        if sysctls.interface_of(path) is None:
            sysctls.write(made.sysctls, path, given[path], ())
    both = {given[path] for path in sysctls.FORWARD4 if path in given}
    if len(both) > 1:
        where = file.where(*box.path, "sysctls")
        file.problems.add(
            where, "net.ipv4.ip_forward and net.ipv4.conf.all.forwarding are one and the same", "give one"
        )


def _bridges(file: File, box: _Given) -> bool:
    """Whether there is a bridge in a host, or will be in some step."""
    name = box.path[-1]
    later = (step.add.hosts.get(str(name)) for step in file.spec.topology.steps)
    hosts = [box.given, *(host for host in later if host is not None)]
    return "/" not in box.id and any(one.type == "bridge" for host in hosts for one in host.interfaces.values())


def _requests(context: BuildContext, box: _Given) -> None:
    lab = context.lab
    for name, given in box.given.interfaces.items():
        path: Path = (*box.path, "interfaces", name)
        request = LinkRequest(box.id, name, given, path, lab.file.where(*path), replicated=box.replicated)
        if request.id in context.requests or request.id in lab.links:
            lab.file.problems.add(request.where, f"there is an interface {request.id} already", "delete it first")
            continue
        request.addresses = _addresses(lab.file, given, path, box.offset)
        if given.mac is not None:
            request.mac = given.mac if given.mac == "auto" else replicas.mac(given.mac, box.offset)
        context.requests[request.id] = request


def _addresses(file: File, given: Interface, path: Path, offset: int) -> tuple[Address, ...]:
    made = []
    for i, address in enumerate(given.addresses or ()):
        try:
            made.append(replicas.address(address, offset))
        except Wrong as wrong:
            file.problems.add(file.where(*path, "addresses", i), str(wrong), wrong.hint)
    return tuple(made)


def _links(context: BuildContext, refusals: Refusals) -> list[tuple[str, bool]]:
    """Make the links, wires before their children; returns their ids in order, and whether each is refused."""
    lab = context.lab
    order: list[tuple[str, bool]] = []
    usable = [request for request in context.requests.values() if checked.fits(context, request)]
    # Masters first: what becomes a member comes later, wherever it stands in the file; tunnels after wires.
    takers = [*TAKERS]
    usable.sort(key=lambda request: (request.given.dev is not None, _place(takers, checked.type_of(request))))
    for stacked in (False, True):
        # Then what sits on others, but first what others sit on.
        for request in sorted(usable, key=lambda request: macvlan.below(context, request)) if stacked else usable:
            kind = KINDS[checked.type_of(request)]
            if kind.stacked != stacked:
                continue
            refused = refusals.expects(request.id)
            if not refused:
                checked.check(context, request)
            link = kind.build(context, request)
            link = link and members.join(context, request, link, refused=refused)
            if link is not None and link.master is not None:
                master = lab.links[link.master]
                link = KINDS[master.kind].adopt(context, request, link, master)
            if link is None:
                lab.file.broken.add(request.id)
                continue
            if not refused and request.given.mtu is None:
                checked.check_mtu(context, request, "addresses", link.mtu, f"{link.id} has")
            lab.file.paths[request.id] = request.path
            if not refused and link.lower is not None:
                members.check_parent(context, request, link)
            if refused:
                lab.refused[request.id] = link
                order.append((request.id, True))
                continue
            lab.refused.pop(request.id, None)
            lab.links[request.id] = link
            if link.gives_mac and link.mac_of is not None:
                lab.memory.perm[link.mac_of] = lab.links[link.mac_of].mac
            if request.replicated:
                lab.replicated.add(request.id)
            if request.given.duplicate:
                lab.duplicates.add(request.id)
            order.append((request.id, False))
    pair.join(context)
    for request in context.requests.values():
        if request.id in lab.links:
            lab.listed[request.namespace].append(request.id)
    return [(link_id, refused) for link_id, refused in order if refused or link_id in lab.links]


def _place(takers: list[str], kind: str) -> int:
    return takers.index(kind) if kind in takers else len(takers)


def _names_to_macs(context: BuildContext, given_switches: Mapping[str, Switch], path: Path) -> None:
    """Fill in neighbours, FDB entries and allowed MACs, which may name interfaces made later."""
    lab = context.lab
    for request in context.requests.values():
        link = lab.links.get(request.id) or lab.refused.get(request.id)
        if link is None:
            continue
        if given := request.given.neighbors:
            link = replace(link, neighbors=values.neighbors(lab, link, given, (*request.path, "neighbors")))
        link = KINDS[link.kind].name_macs(context, request, link)
        (lab.links if request.id in lab.links else lab.refused)[request.id] = link
    for name, given_switch in given_switches.items():
        if (link := lab.links.get(name)) is not None and (known := given_switch.neighbors):
            made = values.neighbors(lab, link, known, (*path, "switches", name, "neighbors"))
            lab.set(link, neighbors=made)


def _sysctls(lab: Lab, box: _Given, context: BuildContext) -> None:
    """The sysctls of single interfaces: those of the file, and what switches IPv6 on where there is such an address."""
    file = lab.file
    written = lab.boxes[box.id].sysctls
    new = [link for link in lab.links_of(box.id) if link.id in context.requests]
    names = {name: link.ifname for link in new for name in (link.name, link.ifname)}
    for path, value in (box.given.sysctls or {}).items():
        interface = sysctls.interface_of(path)
        where = file.sysctl_where(box.path, path)
        if interface in names:
            sysctls.write(written, sysctls.renamed(path, names[interface]), value, ())
        elif not box.new:
            file.problems.add(where, f"{box.id} exists already", "'set:' changes its sysctls")
        elif interface is not None and f"{box.id}:{interface}" in lab.refused:
            file.problems.add(where, f"{box.id}:{interface} is expected to be refused, so it has no sysctls")
        elif interface is not None and f"{box.id}:{interface}" not in file.broken and interface not in file.spec.pruned:
            known = did_you_mean(interface, [link.name for link in new], "interfaces")
            file.problems.add(where, f"no interface {interface!r} in {box.id}", known)
    for link in new:
        values.enable_v6(lab, link)
    # What loops back in a VRF passes it.
    for domain in {link.domain for link in new if link.domain and any(one.family == 6 for one in link.addresses)}:
        if f"net/ipv6/conf/{lab.links[domain].ifname}/disable_ipv6" not in written and not sysctls.v6_disabled(written):
            written[f"net/ipv6/conf/{lab.links[domain].ifname}/disable_ipv6"] = "0"


def _own_sysctls(lab: Lab, link: AnyLink) -> tuple[tuple[str, str], ...]:
    box = lab.boxes[link.namespace]
    if box.kind == "switch":
        return ()
    own = [(path, value) for path, value in box.sysctls.items() if sysctls.interface_of(path) == link.ifname]
    if link.id in lab.refused and any(address.family == 6 for address in link.addresses):
        own.append((f"net/ipv6/conf/{link.ifname}/disable_ipv6", "0"))
    return tuple(own)


def _places(file: File, box: _Given, link: AnyLink | None) -> Places:
    """Where the file gives the sysctls of an interface, or those of no interface."""
    names = (link.name, link.ifname) if link else (None,)
    return tuple(
        (sysctls.renamed(path, link.ifname) if link else path, file.sysctl_where(box.path, path))
        for path in box.given.sysctls or ()
        if sysctls.interface_of(path) in names
    )


def _largest_mtu(file: File) -> int:
    """The MTU of wires between switches: they must carry the largest frame that any host sends in any step."""
    largest = 1500
    topology = file.spec.topology
    for host in chain(topology.hosts.values(), *(step.add.hosts.values() for step in topology.steps)):
        for box in (host, *host.containers.values()):
            largest = max([largest, *(given.mtu or 0 for given in box.interfaces.values())])
    return max([largest, *(given.mtu or 0 for step in topology.steps for given in step.set.values())])


def _routing(lab: Lab, box: _Given) -> Iterator[AnyChange]:
    file = lab.file
    made = lab.boxes[box.id]
    if not box.new:
        return
    before = lab.namespace(made)
    # As they are built: gateways are looked up by the rules.
    made.rules = routing.rules(lab, box.id, box.given.rules or (), (*box.path, "rules"))
    gateways.give(lab, made, routing.routes(lab, box.id, box.given.routes or (), (*box.path, "routes")))
    if made.routes or made.rules:
        yield SetRouting(
            before=before,
            after=lab.namespace(made),
            where=file.where(*box.path),
            route_places=file.places((*box.path, "routes"), made.routes),
            rule_places=file.places((*box.path, "rules"), made.rules),
        )
    if box.given.nftables:
        yield nftables.change(lab, made, box.given.nftables, (*box.path, "nftables"))
