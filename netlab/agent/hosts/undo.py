"""The undo list: every change of a machine's own namespace, noted before it is made.

Each record is a small mapping with ``do``: ``link`` (delete a child), ``address`` (delete an address), ``down`` (an
interface that was down), ``neighbors`` (delete those of the lab, restore the former ones), ``route``, ``rule``. It is
no error to undo a change that was never made, or that is gone already.
"""

from __future__ import annotations

import errno
import ipaddress
import json
import os
import threading
from collections.abc import Iterable
from typing import Any

from netlab.agent.hosts import neighbors
from netlab.agent.hosts.journal import Journal
from netlab.agent.netlink import Request, Socket, address, delete_link, dumps, route, rule, set_up
from netlab.agent.readback import addresses
from netlab.contract.types import Route, Rule
from netlab.contract.wire import from_plain

Record = dict[str, Any]

#: What the kernel says of something that isn't there (any more), by record.
_GONE = (errno.ENODEV, errno.EADDRNOTAVAIL, errno.ESRCH, errno.ENOENT, errno.ENETDOWN)


class WatchdogGone(BaseException):
    """The watchdog was killed: the agent stops what it is doing, undoes everything and ends, without an answer."""


class UndoList:
    """The agent writes it, the watchdog reads it: a record is safe once `add` has returned."""

    def __init__(self, pipe: int, journal: Journal) -> None:
        self._pipe = pipe
        self.journal = journal
        #: A copy, for the case that the watchdog dies first.
        self.records: list[Record] = []
        #: Held while a change is noted and made. Held for ever, it prevents further changes.
        self.acting = threading.RLock()

    def add(self, record: Record) -> None:
        """Note the next change, before it is made. Raises WatchdogGone where the reader has gone."""
        line = json.dumps(record).encode() + b"\n"
        self.journal.add(line)
        try:
            os.write(self._pipe, line)
        except BrokenPipeError as error:
            raise WatchdogGone from error
        self.records.append(record)


def parse(data: bytes) -> list[Record]:
    """The records of a pipe, the last perhaps cut short: it was then not yet acted upon."""
    return [json.loads(line) for line in data.split(b"\n")[:-1]]


def undo(records: Iterable[Record], *, late: bool = False) -> list[str]:
    """Undo, last first, in the calling thread's namespace. Returns what could not be undone, in words.

    ``late``: some time has passed since. Then an interface that has got an address meanwhile stays up, and the former
    neighbours are not restored.
    """
    netlink = Socket()
    lost = []
    try:
        for record in reversed(list(records)):
            try:
                _undo(netlink, record, late)
            except OSError as error:
                lost.append(f"{record}: {error}")
    finally:
        netlink.close()
    return lost


def _undo(netlink: Socket, record: Record, late: bool) -> None:
    match record["do"]:
        case "link":
            if _name(netlink, record["index"]) == record["name"]:
                _ask(netlink, delete_link("", record["index"], ""))
        case "address":
            _remove_address(netlink, record)
        case "down":
            if not (late and _in_use(netlink, record)):
                _ask(netlink, set_up("", record["index"], "", False))
        case "neighbors":
            neighbors.forget(netlink, {record["index"]: set(record["ips"])}, permanent=True)
            if not late:
                neighbors.restore(netlink, [neighbors.Entry(**entry) for entry in record["before"]])
        case "route":
            _ask(netlink, route("delete", "", from_plain(Route, record["route"]), record["indexes"]))
        case "rule":
            _ask(netlink, rule("delete", "", from_plain(Rule, record["rule"])))
        case other:
            raise OSError(errno.EINVAL, f"no way is known to undo {other!r}")


def _in_use(netlink: Socket, record: Record) -> bool:
    there = set(addresses(netlink).get(record["index"], ())) - set(record["addresses"])
    return any(not one.startswith("fe80:") for one in there)


def _remove_address(netlink: Socket, record: Record) -> None:
    """Delete an address, and restore others of its prefix, which the kernel may delete with it (__inet_del_ifa)."""
    index, mine = record["index"], f"{record['ip']}/{record['prefixlen']}"
    network = ipaddress.ip_interface(mine).network
    before = addresses(netlink).get(index, [])
    if mine not in before:
        return
    _ask(netlink, address("delete", "", index, "", record["ip"], record["prefixlen"]))
    after = addresses(netlink).get(index, [])
    for text in before:
        if text != mine and text not in after and ipaddress.ip_interface(text).network == network:
            ip, _, length = text.partition("/")
            _ask(netlink, address("add", "", index, "", ip, int(length)))


def _name(netlink: Socket, index: int) -> str | None:
    """The name of the link that has an ifindex now."""
    return next((got["IFLA_IFNAME"] for its, _, _, got in dumps.links(netlink) if its == index), None)


def _ask(netlink: Socket, request: Request) -> None:
    netlink.carry_out([request.message], allowed=_GONE)
