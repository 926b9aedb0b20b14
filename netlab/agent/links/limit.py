"""Shaping what an interface sends: a token bucket (TBF), or a class of HTB, as the root of its queueing disciplines.

Encoded by hand, as include/uapi/linux/pkt_sched.h has it (read in 6.18), and without the rate tables, which kernels no
longer use where the link layer is given (tbf_change, htb_change_class).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from netlab.agent.links.op import Level, Op
from netlab.agent.netlink import Request
from netlab.agent.netlink.socket import NLM_F_DUMP, NLM_F_REQUEST, attributes, header, nla
from netlab.agent.netns import Netns
from netlab.contract.types import AnyLink, Limit

RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC = 36, 37, 38
RTM_NEWTCLASS = 40
NLM_F_ACK, NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x4, 0x100, 0x200, 0x400
TC_H_ROOT = 0xFFFFFFFF
TCA_KIND, TCA_OPTIONS, TCA_STATS = 1, 2, 3
TCA_TBF_PARMS, TCA_TBF_RATE64, TCA_TBF_BURST = 1, 4, 6
TCA_HTB_PARMS, TCA_HTB_INIT, TCA_HTB_RATE64, TCA_HTB_CEIL64 = 1, 2, 6, 7
TC_LINKLAYER_ETHERNET = 1
#: A tick of the packet scheduler's clock, in seconds (PSCHED_SHIFT).
_TICK = 64e-9
_ROOT, _CLASS = 0x10000, 0x10001

_TCMSG = struct.Struct("=BxxxiIII")
_RATESPEC = struct.Struct("=BBHhHI")


def create(link: AnyLink, level: Level) -> list[Op]:
    """What makes a link's limit; nothing where it has none."""
    return [Op(link.namespace, level, made) for made in _requests(link)] if link.limit is not None else []


def changes(before: AnyLink, after: AnyLink, level: Level) -> list[Op]:
    """What takes a link from one limit to another: the old one is deleted, whatever waits in it with it."""
    if before.limit == after.limit:
        return []
    ops = []
    if before.limit is not None:
        command = f"tc -n {after.namespace} qdisc del dev {after.ifname} root"
        ops.append(Op(after.namespace, level, _request(RTM_DELQDISC, 0, after.ifindex, 0, TC_H_ROOT, b"", command)))
    return [*ops, *create(after, level)]


def _requests(link: AnyLink) -> list[Request]:
    limit, index = link.limit, link.ifindex
    assert limit is not None
    tc = f"tc -n {link.namespace}"
    new = NLM_F_CREATE | NLM_F_EXCL
    rate = f"rate {limit.rate}bit burst {limit.burst}b"
    if limit.kind == "tbf":
        command = f"{tc} qdisc add dev {link.ifname} root handle 1: tbf {rate} limit {limit.queue}b"
        return [_request(RTM_NEWQDISC, new, index, _ROOT, TC_H_ROOT, _kind("tbf", _tbf(limit)), command)]
    glob = struct.pack("=IIIII", 3, 10, 1, 0, 0)
    fifo = struct.pack("=I", limit.queue)
    return [
        _request(
            RTM_NEWQDISC, new, index, _ROOT, TC_H_ROOT, _kind("htb", nla(TCA_HTB_INIT, glob)),
            f"{tc} qdisc add dev {link.ifname} root handle 1: htb default 1",
        ),
        _request(
            RTM_NEWTCLASS, new, index, _CLASS, _ROOT, _kind("htb", _htb(limit)),
            f"{tc} class add dev {link.ifname} parent 1: classid 1:1 htb {rate}",
        ),
        _request(
            RTM_NEWQDISC, new, index, 0, _CLASS, _kind("bfifo", fifo),
            f"{tc} qdisc add dev {link.ifname} parent 1:1 bfifo limit {limit.queue}b",
        ),
    ]  # fmt: skip


def _tbf(limit: Limit) -> bytes:
    parms = _rate(limit.rate) + _RATESPEC.pack(0, 0, 0, 0, 0, 0) + struct.pack("=III", limit.queue, 0, 0)
    return (
        nla(TCA_TBF_PARMS, parms)
        + nla(TCA_TBF_RATE64, struct.pack("=Q", limit.rate // 8))
        + nla(TCA_TBF_BURST, struct.pack("=I", limit.burst))
    )


def _htb(limit: Limit) -> bytes:
    ticks = min(round(limit.burst * 8 / limit.rate / _TICK), 0xFFFFFFFF)
    parms = _rate(limit.rate) * 2 + struct.pack("=IIIII", ticks, ticks, 1514 * 10, 0, 0)
    rate = struct.pack("=Q", limit.rate // 8)
    return nla(TCA_HTB_PARMS, parms) + nla(TCA_HTB_RATE64, rate) + nla(TCA_HTB_CEIL64, rate)


def _rate(bits: int) -> bytes:
    return _RATESPEC.pack(0, TC_LINKLAYER_ETHERNET, 0, -1, 0, min(bits // 8, 0xFFFFFFFF))


def _kind(name: str, options: bytes) -> bytes:
    return nla(TCA_KIND, name.encode() + b"\0") + nla(TCA_OPTIONS, options)


def _request(kind: int, flags: int, index: int, handle: int, parent: int, options: bytes, command: str) -> Request:
    body = _TCMSG.pack(0, index, handle, parent, 0) + options
    return Request(bytearray(header(kind, NLM_F_REQUEST | NLM_F_ACK | flags, body)), command)


# --- read back --------------------------------------------------------------------------------------

_GETQDISC = header(RTM_GETQDISC, NLM_F_REQUEST | NLM_F_DUMP, _TCMSG.pack(0, 0, 0, 0, 0))


def read(ns: Netns) -> dict[int, dict[str, Any]]:
    """The root qdisc of each interface of a namespace by ifindex: its kind, and how many packets it has dropped."""
    return {
        index: {"kind": kind, "drops": drops}
        for index, kind, _handle, parent, drops in _dumped(ns)
        if parent == TC_H_ROOT
    }


def qdiscs(ns: Netns) -> list[tuple[int, str, int, int]]:
    """Every qdisc of a namespace: the interface's index, its kind, its handle and its parent."""
    return [(index, kind, handle, parent) for index, kind, handle, parent, _drops in _dumped(ns)]


def made(link: AnyLink) -> tuple[tuple[str, int], ...]:
    """The qdiscs that `create` makes for a link: kind and parent."""
    if link.limit is None:
        return ()
    return (("tbf", TC_H_ROOT),) if link.limit.kind == "tbf" else (("htb", TC_H_ROOT), ("bfifo", _CLASS))


def _dumped(ns: Netns) -> Iterator[tuple[int, str, int, int, int]]:
    for message in ns.netlink.dump(_GETQDISC):
        _family, index, handle, parent, _info = _TCMSG.unpack_from(message, 16)
        kind, drops = "", 0
        for attribute, value in attributes(message, 36):
            if attribute == TCA_KIND:
                kind = bytes(value).rstrip(b"\0").decode()
            elif attribute == TCA_STATS:
                drops = struct.unpack_from("=QII", value)[2]
        yield index, kind, handle, parent, drops
