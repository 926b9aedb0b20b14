"""What a translating rule makes of a new connection (nf_nat_setup_info)."""

from __future__ import annotations

from netlab.model.netfilter.ruleset import Nat
from netlab.model.netfilter.track import Connection
from netlab.model.packets import Ip
from netlab.model.rules import rule
from netlab.model.sim import Unknown
from netlab.model.stack import fib, ipv6
from netlab.model.world import Device

TRANSLATED = rule(
    "nft/translated",
    "A rule of nftables translates the destination (dnat, redirect) or source (snat) of a new connection; its further"
    " packets follow, and its answers are translated back.",
    "nf_nat_inet_fn",
    "net/netfilter/nf_nat_core.c",
)
MASQUERADED = rule(
    "nft/masqueraded",
    "A rule with `masquerade` gives a new connection the address of the interface by which it leaves.",
    "nf_nat_masquerade_ipv4",
    "net/netfilter/nf_nat_masquerade.c",
)


def setup(what: Nat, connection: Connection, packet: Ip, hook: str, iif: Device | None, oif: Device | None,
          nexthop: int) -> bool:  # fmt: skip
    """Decide what a connection's packets will look like; False where there is no address for it: it is dropped."""
    reply = connection.reply
    address = what.address
    if what.kind == "masquerade":
        address = _own(packet, oif, nexthop)
    elif what.kind == "redirect":
        if hook == "output" or iif is None or packet.family == 6:
            raise Unknown("where a redirect leads at this hook")
        address = iif.addresses4[0][0] if iif.addresses4 else 0
    if address == 0:
        return False
    if what.kind in ("dnat", "redirect"):
        new = reply.src if address is None else address, reply.sport if what.port is None else what.port
        connection.reply = reply._replace(src=new[0], sport=new[1])
    else:
        new = reply.dst if address is None else address, reply.dport if what.port is None else what.port
        connection.reply = reply._replace(dst=new[0], dport=new[1])
    return True


def _own(packet: Ip, oif: Device | None, nexthop: int) -> int:
    """The address that masquerade takes (inet_select_addr, ipv6_dev_get_saddr)."""
    assert oif is not None
    if packet.family == 4:
        return fib.source_address(oif, nexthop or packet.dst)
    return ipv6.source_address(fib.Output(oif, nexthop, 0, None), packet.dst)
