"""What each receiver lets through: one filter per protocol, good for every layer."""

from __future__ import annotations

import itertools
import struct

from netlab.agent.probe import bpf, dns, frames

_FIRST, _SECOND = frames.MARK_WORDS
(_FENCE,) = struct.unpack_from("!I", frames.FENCE_SOURCE)
#: A request has SYN and not ACK; one that asks for ECN has ECE and CWR besides (tcp_ecn_send_syn).
SYN, SYN_ACK = 0x02, 0x12

#: Frames of our own EtherType that carry this agent's mark, whatever protocol the socket is bound to.
OURS = bpf.all_of((bpf.LD_H, 12, frames.ETHERTYPE), (bpf.LD_W, 14, _FIRST), (bpf.LD_W, 18, _SECOND))


def _tagged(*tags: int) -> bpf.Program:
    """The same with one more tag than these, which stand in the frame: the first is beside it (skb_vlan_untag)."""
    at = 12 + 4 * len(tags)
    return bpf.all_of(
        *((bpf.LD_H, 12 + 4 * number, tag) for number, tag in enumerate(tags)),
        (bpf.LD_H, at, frames.ETHERTYPE), (bpf.LD_W, at + 2, _FIRST), (bpf.LD_W, at + 6, _SECOND),
    )  # fmt: skip


#: Those with two tags, or with three: a bridge in between may add one.
TAGGED = bpf.any_of(*(_tagged(*tags) for count in (1, 2) for tags in itertools.product(frames.TAGS, repeat=count)))

#: Both, on a wire.
ON_WIRE = bpf.any_of(OURS, TAGGED)

#: Everything but what tells of queues; what enters a tunnel by lo does as well (`lab_view.LabView`).
MOVING = bpf.but(
    bpf.any_of(
        bpf.all_of((bpf.LD_H, 12, frames.ETHERTYPE), (bpf.LD_W, 6, _FENCE)),
        bpf.all_of((bpf.LD_H, 12, frames.ETH_P_IP), (bpf.LD_W, 26, 0x7F000001)),
    )
)

_OWN_KIND = bpf.all_of((bpf.LD_H, 12, frames.ETHERTYPE))
_TO_ITSELF = bpf.all_of((bpf.LD_H, bpf.HARDWARE_TYPE, frames.ARPHRD_LOOPBACK))
_SENT = bpf.all_of((bpf.LD_B, bpf.PACKET_TYPE, frames.PACKET_OUTGOING))
_ARP = bpf.all_of((bpf.LD_H, 12, frames.ETH_P_ARP))
_SOLICITATION = bpf.all_of((bpf.LD_H, 12, frames.ETH_P_IPV6), (bpf.LD_B, 20, 58), (bpf.LD_B, 54, 135))

_ICMP = ((bpf.LD_H, 12, frames.ETH_P_IP), (bpf.LD_B, 23, 1), (bpf.LDX_MSH, 14, -1))
_ICMP_6 = ((bpf.LD_H, 12, frames.ETH_P_IPV6), (bpf.LD_B, 20, 58))
#: What hosts learn from routers: path MTUs (RFC 792, RFC 4443, 3.2) and redirects (RFC 792, RFC 4861, 4.5).
TEACHING = bpf.any_of(
    bpf.all_of(*_ICMP, (bpf.LD_B_IND, 14, 3), (bpf.LD_B_IND, 15, 4)),
    bpf.all_of(*_ICMP, (bpf.LD_B_IND, 14, 5)),
    bpf.all_of(*_ICMP_6, (bpf.LD_B, 54, 2)),
    bpf.all_of(*_ICMP_6, (bpf.LD_B, 54, 137)),
)

#: What a namespace sends to others, and what it receives except requests for neighbours. A namespace that learns from a
#: request answers it, so the answer is counted.
SPEAKING = bpf.any_of(
    TEACHING,
    bpf.but(bpf.any_of(_OWN_KIND, _TO_ITSELF, bpf.but(bpf.any_of(_SENT, bpf.but(bpf.any_of(_ARP, _SOLICITATION)))))),
)

_ARP_REPLY = bpf.all_of((bpf.LD_H, 20, 2))
_ECHO = bpf.all_of(
    (bpf.LD_B, 23, 1), (bpf.LDX_MSH, 14, -1), (bpf.LD_B_IND, 14, 8),
    (bpf.LD_W_IND, 22, _FIRST), (bpf.LD_W_IND, 26, _SECOND),
)  # fmt: skip
_TCP_SYN = bpf.all_of((bpf.LD_B, 23, 6), (bpf.LDX_MSH, 14, -1), (bpf.LD_B_IND, 27, -1), (bpf.AND, SYN_ACK, SYN))
_UDP = bpf.all_of((bpf.LD_B, 23, 17), (bpf.LDX_MSH, 14, -1), (bpf.LD_W_IND, 22, _FIRST), (bpf.LD_W_IND, 26, _SECOND))
_QUERY = bpf.all_of(
    (bpf.LD_B, 23, 17), (bpf.LDX_MSH, 14, -1),
    (bpf.LD_W_IND, 22 + dns.LABEL, dns.words()[0]), (bpf.LD_W_IND, 26 + dns.LABEL, dns.words()[1]),
)  # fmt: skip
_QUERY_6 = bpf.all_of(
    (bpf.LD_B, 20, 17), (bpf.LD_W, 62 + dns.LABEL, dns.words()[0]), (bpf.LD_W, 66 + dns.LABEL, dns.words()[1])
)
_ADVERTISEMENT = bpf.all_of((bpf.LD_B, 20, 58), (bpf.LD_B, 54, 136))
_TCP_SYN_6 = bpf.all_of((bpf.LD_B, 20, 6), (bpf.LD_B, 67, -1), (bpf.AND, SYN_ACK, SYN))
_UDP_6 = bpf.all_of((bpf.LD_B, 20, 17), (bpf.LD_W, 62, _FIRST), (bpf.LD_W, 66, _SECOND))
_ECHO_6 = bpf.all_of((bpf.LD_B, 20, 58), (bpf.LD_B, 54, 128), (bpf.LD_W, 62, _FIRST), (bpf.LD_W, 66, _SECOND))

PROGRAMS: dict[int, bpf.Program] = {
    frames.ETHERTYPE: OURS,
    frames.ETH_P_ARP: _ARP_REPLY,
    frames.ETH_P_IP: bpf.any_of(_ECHO, _TCP_SYN, _UDP, _QUERY),
    frames.ETH_P_IPV6: bpf.any_of(_ADVERTISEMENT, _ECHO_6, _TCP_SYN_6, _UDP_6, _QUERY_6),
}
