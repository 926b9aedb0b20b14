"""Takes a lab's namespaces from one state to another: netlink requests in batches, sysctls, and other tools."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from netlab.agent import links, nftables, sysctl
from netlab.agent.daemons import Daemons
from netlab.agent.errors import BuildFailed, in_words
from netlab.agent.links import BuildContext, Op, limit
from netlab.agent.links.op import Level
from netlab.agent.netlink import (
    Request,
    address,
    altname,
    delete_link,
    neighbor,
    route,
    rule,
    set_flags,
    set_link,
    set_up,
)
from netlab.agent.netns import Netns
from netlab.agent.programs import Programs
from netlab.contract.types import (
    AddLink,
    AddNamespace,
    AnyChange,
    AnyLink,
    DeleteLink,
    DeleteNamespace,
    Namespace,
    SetFiles,
    SetLink,
    SetNftables,
    SetRouting,
    SetSysctl,
    Where,
    stack,
)
from netlab.contract.types.links import FLAGS

T = TypeVar("T")
Log = Callable[[str], None]


class Builder:
    """The namespaces and links of one lab. Closing it leaves nothing: namespaces are held by descriptor only."""

    def __init__(self, sysctls: sysctl.Sysctls, log: Log, programs: Programs | None = None) -> None:
        self.programs = programs or Programs()
        self.daemons = Daemons(self.programs)
        self.namespaces: dict[str, Netns] = {}
        #: by id, as the plan has them after the changes made so far
        self.links: dict[str, AnyLink] = {}
        self.context = BuildContext(self.links, self.namespaces)
        self.notes: list[str] = []
        self.log = log
        #: Those of changes that are being made, before their turn comes.
        self._made: dict[str, Netns] = {}
        self._sysctls = sysctls

    def close(self) -> None:
        """Kill every program, and let go of every namespace."""
        self.programs.end()
        self.daemons.close()
        for ns in (*self.namespaces.values(), *self._made.values()):
            ns.close()
        self.namespaces.clear()
        self._made.clear()

    def apply(self, changes: Sequence[AnyChange]) -> None:
        """Changes in order; requests of neighbouring additions travel together. Raises BuildFailed."""
        self._make_namespaces([change for change in changes if isinstance(change, AddNamespace)])
        pending: list[tuple[Op, AnyChange]] = []
        late: list[tuple[AnyLink, AnyChange, tuple[tuple[str, str], ...]]] = []
        waiting: set[str] = set()
        for change in changes:
            if not isinstance(change, (AddNamespace, AddLink)):
                self._flush(pending, late)
                waiting.clear()
            if not sysctl.has_ipv6():
                _no_ipv6(change)
            match change:
                case AddNamespace():
                    self._add_namespace(change)
                case AddLink():
                    self.links[change.link.id] = change.link
                    lower = self.links.get(change.link.lower or "")
                    spaces = {change.link.namespace, lower.namespace if lower is not None else ""}
                    if change.sysctls or self._flags(change.link) or spaces & waiting:
                        # An interface's own sysctls and flags are set while it exists and is down. Later interfaces of
                        # its namespace wait, too: addresses keep the order of the plan, which decides routes.
                        pending += ((op, change) for op in self._made_link(change.link, up=False))
                        late.append((change.link, change, change.sysctls))
                        waiting.add(change.link.namespace)
                    else:
                        ops = [*self._made_link(change.link, up=change.link.up), *self._dress(change.link)]
                        pending += ((op, change) for op in ops)
                case DeleteNamespace():
                    gone = self.namespaces.pop(change.id)
                    self.programs.end_in(gone)
                    self.daemons.forget(gone.id)
                    gone.close()
                    self._forget([link for link in self.links.values() if link.namespace == change.id])
                case DeleteLink():
                    self.delete_link(change)
                case SetLink():
                    self.set_link(change)
                case SetSysctl():
                    self._set_sysctl(change)
                case SetNftables():
                    nftables.load(self.namespaces[change.namespace], change, self.log)
                case SetRouting():
                    self._set_routing(change.before, change.after, change)
                case SetFiles():
                    self._set_files(change)
        self._flush(pending, late)

    def _make_namespaces(self, changes: list[AddNamespace]) -> None:
        for change in changes:
            name = change.namespace.id
            try:
                self._made[name] = Netns(name)
            except OSError as error:
                words = f"a network namespace cannot be made: {error.strerror}"
                raise BuildFailed(error.errno or 0, words, "ip netns add", name, change.where) from error
        if changes:
            self._sysctls.look(list(self._made.values()), changes[0].namespace.sysctls)

    def _add_namespace(self, change: AddNamespace) -> None:
        ns = self.namespaces[change.namespace.id] = self._made.pop(change.namespace.id)
        ns.private = change.namespace.private
        with ns:
            try:
                missing = self._sysctls.prepare(change.namespace.sysctls)
            except OSError as error:
                values = dict(change.namespace.sysctls)
                path = sysctl.path_of(error)
                raise sysctl.refused(error, ns.id, path, values.get(path, ""), change.places, change.where) from error
        asked = dict(change.places)
        for path in missing:
            if path in asked:
                value = dict(change.namespace.sysctls)[path]
                raise sysctl.refused(sysctl.missing(path), ns.id, path, value, change.places, change.where)
        self.notes += (f"this kernel has no sysctl {sysctl.dotted(path)}" for path in missing)
        if change.namespace.kind != "switch":
            self.ask(Op(ns.id, Level.BRIDGE, set_up(ns.id, 1, "lo")), change)

    def _made_link(self, link: AnyLink, *, up: bool) -> list[Op]:
        made = links.create(self.context, link, up=up and link.master is None)
        return [*made, *links.join(self.context, link, up=up)]

    def _dress(self, link: AnyLink) -> list[Op]:
        """Altname, addresses and neighbours of a link, in the batch in which its turn comes."""
        if not (link.interface or link.neighbors):
            return []
        level = self.context.level(link)
        ns, index, dev = link.namespace, link.ifindex, link.ifname
        ops = []
        if link.ifname != link.name:
            ops.append(Op(ns, level, altname(ns, index, dev, link.name)))
        ops += (Op(ns, level, address("add", ns, index, dev, item.ip, item.prefixlen)) for item in link.addresses)
        ops += (Op(ns, level, neighbor("replace", ns, index, dev, item.ip, item.mac)) for item in link.neighbors)
        return [*ops, *limit.create(link, level)]

    def _flush(
        self,
        pending: list[tuple[Op, AnyChange]],
        late: list[tuple[AnyLink, AnyChange, tuple[tuple[str, str], ...]]],
    ) -> None:
        self.send(pending)
        pending.clear()
        raised: list[tuple[Op, AnyChange]] = []
        for link, change, values in late:
            if values:
                self._write_sysctls(link.namespace, values, change)
            ns, index, dev = link.namespace, link.ifindex, link.ifname
            if flags := self._flags(link):
                raised.append((Op(ns, Level.HOST, set_flags(ns, index, dev, flags)), change))
            if link.up:
                raised.append((Op(ns, self.context.level(link), set_up(ns, index, dev), "up"), change))
            elif link.rises and self.links[link.lower or ""].up:
                raised += ((op, change) for op in self._closed(link, [one for one, *_ in late]))
            raised += ((op, change) for op in self._dress(link))
        self.send(raised)
        late.clear()

    def _closed(self, link: AnyLink, late: Sequence[AnyLink]) -> list[Op]:
        """Set a link down that has come up with its parent, and those on it that are to be down.

        Linux 7 may only be about to set it up, from a workqueue, unless it has been up in between (netdev_work_cancel
        in vlan_dev_open and vlan_dev_stop).
        """
        ns, index, dev, level = link.namespace, link.ifindex, link.ifname, self.context.level(link)
        above = [one for one in late if one.lower == link.id and one.rises and not one.up]
        inner = [op for one in above for op in self._closed(one, late)]
        last = max([level, *(op.level for op in inner)])
        return [Op(ns, level, set_up(ns, index, dev)), *inner, Op(ns, last, set_up(ns, index, dev, False))]

    def send(self, pending: list[tuple[Op, AnyChange]]) -> None:
        """Send requests: one batch for each level and namespace; order within a namespace is the order asked for.

        Raises BuildFailed for the first that the kernel refuses.
        """
        batches: dict[tuple[Level, str], list[tuple[Op, AnyChange]]] = {}
        reached: dict[str, Level] = {}
        for op, change in pending:
            if op.level <= Level.PLUG:
                # A bridge or a wire: requests of another namespace may need it (a port, the other end), and it needs
                # nothing of its own namespace.
                batches.setdefault((op.level, op.ns), []).append((op, change))
                reached[op.ns] = max(op.level, reached.get(op.ns, op.level))
                continue
            level = reached[op.ns] = max(op.level, reached.get(op.ns, op.level)) if op.level < Level.PORT else op.level
            if op.level >= Level.PORT:
                reached.pop(op.ns)
            batches.setdefault((level, op.ns), []).append((op, change))
        for level, ns in sorted(batches, key=lambda key: key[0]):
            batch = batches[level, ns]
            for op, _ in batch:
                self.log(op.request.command)
            answers = self.namespaces[ns].netlink.batch([op.request.message for op, _ in batch])
            for (op, change), answer in zip(batch, answers, strict=True):
                if answer.errno and not (op.gone and answer.errno == errno.ENOENT):
                    raise self._failure(op.request, change, answer.errno, answer.message)

    def ask(self, op: Op, change: AnyChange) -> None:
        """Send one request. Raises BuildFailed."""
        self.send([(op, change)])

    def _failure(self, request: Request, change: AnyChange, number: int, message: str) -> BuildFailed:
        link = getattr(change, "link", None) or getattr(change, "after", None)
        interface = getattr(link, "id", "") or getattr(change, "id", "")
        return BuildFailed(
            number,
            message or os.strerror(number),
            request.command,
            interface,
            change.where,
            getattr(link, "kind", ""),
        )

    def _flags(self, link: AnyLink) -> dict[str, bool]:
        """What of a new link has to be switched on or off."""
        return link.flags_over(stack(link, self.links.__getitem__)[1:])

    def _forget(self, gone: Iterable[AnyLink]) -> None:
        """Links that are no more, and the children that went with them."""
        for link in gone:
            self.links.pop(link.id, None)
            if link.peer_id in self.links:
                self._forget([self.links[link.peer_id]])
            self._forget([one for one in self.links.values() if one.lower == link.id])

    def delete_link(self, change: DeleteLink) -> None:
        """Delete a link, and its children with it. Raises BuildFailed."""
        link = self.links[change.id]
        gone = delete_link(link.namespace, link.ifindex, link.ifname)
        self.ask(Op(link.namespace, Level.HOST, gone), change)
        self._forget([link])

    def set_link(self, change: SetLink) -> None:
        """Take a link from one state to another, except for its port's state (BR_STATE_*). Raises BuildFailed."""
        before, after = change.before, change.after
        ns, index, dev = after.namespace, after.ifindex, after.ifname
        self.links[after.id] = after

        def ask(request: Request) -> None:
            self.ask(Op(ns, Level.HOST, request), change)

        if before.up and not after.up:
            ask(set_up(ns, index, dev, False))
        if flags := {name: getattr(after, name) for name in FLAGS if getattr(before, name) != getattr(after, name)}:
            ask(set_flags(ns, index, dev, flags))
        if before.mac != after.mac and after.mac:
            ask(set_link(ns, index, dev, f"address {after.mac}", {"IFLA_ADDRESS": after.mac}))
        if before.mtu != after.mtu:
            # A wire has one MTU: a frame that one end may send the other must take.
            for end in filter(None, (after.place, after.port_place)):
                words, pairs = f"mtu {after.mtu}", {"IFLA_MTU": after.mtu}
                request = set_link(end.namespace, end.ifindex, end.ifname, words, pairs)
                self.ask(Op(end.namespace, Level.HOST, request), change)
        self._set_kind(change)
        if after.up and not before.up:
            ask(set_up(ns, index, dev))
        # ``before`` is already without what the kernel forgets by itself on the way (netlab.plan.change).
        ops = [
            *(Op(ns, Level.HOST, address("delete", ns, index, dev, item.ip, item.prefixlen))
              for item in before.addresses if item not in after.addresses),
            *(Op(ns, Level.HOST, address("add", ns, index, dev, item.ip, item.prefixlen))
              for item in after.addresses if item not in before.addresses),
            *(Op(ns, Level.HOST, neighbor("delete", ns, index, dev, item.ip, item.mac))
              for item in before.neighbors if item not in after.neighbors),
            *(Op(ns, Level.HOST, neighbor("replace", ns, index, dev, item.ip, item.mac))
              for item in after.neighbors if item not in before.neighbors),
        ]  # fmt: skip
        self.send([(op, change) for op in ops])

    def _set_kind(self, change: SetLink) -> None:
        before, after = change.before, change.after
        if change.via != "netlink":
            before = links.KINDS[type(after)].by_tools(self.context, self.log, change)
        ops = [*links.changes(self.context, before, after), *limit.changes(before, after, Level.HOST)]
        # A batch goes on behind a request that is refused: then nothing of what follows may be sent.
        for part in [[op] for op in ops] if change.refusal is not None else [ops]:
            self.send([(op, change) for op in part])

    def _set_sysctl(self, change: SetSysctl) -> None:
        self._write_sysctls(change.namespace, ((change.path, change.value),), change)

    def _write_sysctls(self, ns: str, values: Iterable[tuple[str, str]], change: AnyChange) -> None:
        with self.namespaces[ns]:
            for path, value in values:
                self.log(sysctl.command(ns, path, value))
                try:
                    sysctl.write(path, value)
                except OSError as error:
                    places = change.places if isinstance(change, AddLink) else ()
                    raise sysctl.refused(error, ns, path, value, places, change.where) from error

    def _set_files(self, change: SetFiles) -> None:
        try:
            self.programs.put(self.namespaces[change.namespace], change.files)
        except OSError as error:
            raise BuildFailed(error.errno or 0, in_words(error), "", change.namespace, change.where) from error

    def _set_routing(self, before: Namespace, after: Namespace, change: SetRouting) -> None:
        ns = after.id
        indexes = {link.name: link.ifindex for link in self.links.values() if link.namespace == ns}
        ops: list[tuple[Request, AnyChange]] = []
        for verb, these, those in (("delete", before, after), ("add", after, before)):
            new = verb == "add"
            for one, asked in _each(these.rules, change, change.rule_places if new else ()):
                if one not in those.rules:
                    ops.append((rule(verb, ns, one), asked))
            for way, asked in _each(these.routes, change, change.route_places if new else ()):
                if way not in those.routes:
                    ops.append((route(verb, ns, way, indexes), asked))
        self.send([(Op(ns, Level.ROUTING, request), asked) for request, asked in ops])


def _each(items: Sequence[T], change: SetRouting, places: Sequence[Where]) -> Iterator[tuple[T, SetRouting]]:
    """Each item with the change that asks for it, at the item's own place where that is known."""
    for i, item in enumerate(items):
        yield item, replace(change, where=places[i]) if i < len(places) else change


def _no_ipv6(change: AnyChange) -> None:
    """Refuse what needs IPv6 with a clear message: the kernel would say "operation not supported"."""
    link = getattr(change, "link", None) or getattr(change, "after", None)
    for item in getattr(link, "addresses", ()):
        if item.family == 6:
            words = f"this kernel has no IPv6, and {link.id} has an IPv6 address"  # type: ignore[union-attr]
            raise BuildFailed(errno.EAFNOSUPPORT, words, f"ip address add {item}", link.id, change.where)  # type: ignore[union-attr]
