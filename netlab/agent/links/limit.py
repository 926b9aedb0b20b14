"""Shaping what an interface sends: a token bucket (TBF), a class of HTB, or netem, as the root of its queueing
disciplines.

Without the rate tables, which kernels no longer use where the link layer is given (tbf_change, htb_change_class; 6.18).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from netlab.agent.links.op import Level, Op
from netlab.agent.netlink import Request, dumps, qdisc, traffic_class
from netlab.agent.netlink.constants import TC_H_ROOT
from netlab.agent.netlink.socket import nla
from netlab.agent.netns import Netns
from netlab.contract.types import AnyLink, Limit, Netem

# include/uapi/linux/pkt_sched.h
TC_LINKLAYER_ETHERNET = 1
#: A tick of the packet scheduler's clock, in seconds (PSCHED_SHIFT).
_TICK = 64e-9
_ROOT, _CLASS = 0x10000, 0x10001
#: struct tc_htb_glob: version, quantum, class of what is not classified, …
_INIT = struct.pack("=IIIII", 3, 10, 1, 0, 0)

# enum TCA_NETEM_*
TCA_NETEM_REORDER, TCA_NETEM_RATE, TCA_NETEM_RATE64 = 3, 6, 8
TCA_NETEM_LATENCY64, TCA_NETEM_JITTER64 = 10, 11
#: Frames that may wait in a netem, as of tc.
_NETEM_QUEUE = 1000
#: struct tc_ratespec.
_RATESPEC = struct.Struct("=BBHhHI")


def create(link: AnyLink, level: Level) -> list[Op]:
    """What makes a link's limit or netem; nothing where it has none."""
    requests = _requests(link) if link.limit is not None else []
    if link.netem is not None:
        command = f"tc -n {link.namespace} qdisc add dev {link.ifname} root handle 1: netem {link.netem}"
        options = _options("netem", _netem(link.netem))
        requests = [qdisc("add", link.ifindex, _ROOT, TC_H_ROOT, options, command)]
    return [Op(link.namespace, level, made) for made in requests]


def changes(before: AnyLink, after: AnyLink, level: Level) -> list[Op]:
    """The requests from one limit or netem to another: the old one is deleted, with the frames that wait in it."""
    if (before.limit, before.netem) == (after.limit, after.netem):
        return []
    ops = []
    if before.limit is not None or before.netem is not None:
        command = f"tc -n {after.namespace} qdisc del dev {after.ifname} root"
        ops.append(Op(after.namespace, level, qdisc("delete", after.ifindex, 0, TC_H_ROOT, {}, command)))
    return [*ops, *create(after, level)]


def _requests(link: AnyLink) -> list[Request]:
    limit, index = link.limit, link.ifindex
    assert limit is not None
    tc = f"tc -n {link.namespace}"
    rate = f"rate {limit.rate}bit burst {limit.burst}b"
    if limit.kind == "tbf":
        command = f"{tc} qdisc add dev {link.ifname} root handle 1: tbf {rate} limit {limit.queue}b"
        return [qdisc("add", index, _ROOT, TC_H_ROOT, _options("tbf", _tbf(limit)), command)]
    return [
        qdisc(
            "add", index, _ROOT, TC_H_ROOT, _options("htb", {"TCA_HTB_INIT": _INIT}),
            f"{tc} qdisc add dev {link.ifname} root handle 1: htb default 1",
        ),
        traffic_class(
            index, _CLASS, _ROOT, _options("htb", _htb(limit)),
            f"{tc} class add dev {link.ifname} parent 1: classid 1:1 htb {rate}",
        ),
        qdisc(
            "add", index, 0, _CLASS, _options("bfifo", limit.queue),
            f"{tc} qdisc add dev {link.ifname} parent 1:1 bfifo limit {limit.queue}b",
        ),
    ]  # fmt: skip


def _options(kind: str, options: Any) -> dict[str, Any]:
    return {"TCA_KIND": kind, "TCA_OPTIONS": options}


def _tbf(limit: Limit) -> dict[str, Any]:
    parms = _rate(limit.rate) + _RATESPEC.pack(0, 0, 0, 0, 0, 0) + struct.pack("=III", limit.queue, 0, 0)
    return {"TCA_TBF_PARMS": parms, "TCA_TBF_RATE64": limit.rate // 8, "TCA_TBF_BURST": limit.burst}


def _htb(limit: Limit) -> dict[str, Any]:
    ticks = min(round(limit.burst * 8 / limit.rate / _TICK), 0xFFFFFFFF)
    parms = _rate(limit.rate) * 2 + struct.pack("=IIIII", ticks, ticks, 1514 * 10, 0, 0)
    return {"TCA_HTB_PARMS": parms, "TCA_HTB_RATE64": limit.rate // 8, "TCA_HTB_CEIL64": limit.rate // 8}


def _netem(netem: Netem) -> bytes:
    """struct tc_netem_qopt, and attributes behind it that are not nested in another (netem_change)."""
    loss, duplicate, reorder = (round(part * 0xFFFFFFFF) for part in (netem.loss, netem.duplicate, netem.reorder))
    # The two times in it are in ticks, and those that follow take their place. A gap of 1: any frame may be reordered.
    options = struct.pack("=IIIIII", 0, _NETEM_QUEUE, loss, 1 if reorder else 0, duplicate, 0)
    options += nla(TCA_NETEM_LATENCY64, struct.pack("=q", netem.delay))
    options += nla(TCA_NETEM_JITTER64, struct.pack("=q", netem.jitter))
    if reorder:
        options += nla(TCA_NETEM_REORDER, struct.pack("=II", reorder, 0))
    if netem.rate:
        octets = max(netem.rate // 8, 1)
        options += nla(TCA_NETEM_RATE64, struct.pack("=Q", octets))
        options += nla(TCA_NETEM_RATE, struct.pack("=IiIi", min(octets, 0xFFFFFFFF), 0, 0, 0))
    return options


def _rate(bits: int) -> bytes:
    return _RATESPEC.pack(0, TC_LINKLAYER_ETHERNET, 0, -1, 0, min(bits // 8, 0xFFFFFFFF))


# --- read back --------------------------------------------------------------------------------------


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
    if link.netem is not None:
        return (("netem", TC_H_ROOT),)
    if link.limit is None:
        return ()
    return (("tbf", TC_H_ROOT),) if link.limit.kind == "tbf" else (("htb", TC_H_ROOT), ("bfifo", _CLASS))


def _dumped(ns: Netns) -> Iterator[tuple[int, str, int, int, int]]:
    for index, handle, parent, values in dumps.qdiscs(ns.netlink):
        # struct tc_stats: bytes, packets, drops, …
        drops = struct.unpack_from("=QII", values["TCA_STATS"])[2] if "TCA_STATS" in values else 0
        yield index, values["TCA_KIND"], handle, parent, drops
