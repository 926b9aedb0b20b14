"""The bond: one of its members sends, or several in turn or by a hash, and what comes in by them is the bond's."""

from __future__ import annotations

from netlab.contract.types import AnyLink
from netlab.contract.types.links import Bond
from netlab.contract.types.parts import AD
from netlab.model.build import Build
from netlab.model.device import dead, take
from netlab.model.rules import rule
from netlab.model.sim import Sim
from netlab.model.stack import protocols
from netlab.model.world import ARP, IP4, IP6, RAW, Device, Frame

_FILE = "drivers/net/bonding/bond_main.c"

ACTIVE = rule(
    "bond/active-sends",
    "In active-backup what a bond sends leaves by its active member; in 802.3ad without a partner, which no bridge is,"
    " also by one.",
    "bond_xmit_activebackup",
    _FILE,
)
IN_TURN = rule(
    "bond/in-turn",
    "In balance-rr each frame leaves by the next member that can send: nobody can foresee by which.",
    "bond_xmit_roundrobin_slave_get",
    _FILE,
)
HASHED = rule(
    "bond/by-hash",
    "In balance-xor and 802.3ad the last bytes of both MACs and the EtherType choose the member: one pair of hosts uses"
    " one member for IP packets, and perhaps another for ARP.",
    "bond_eth_hash",
    _FILE,
)
NO_MEMBER = rule(
    "bond/no-member-sends",
    "While no member of a bond is taken for alive, what it sends is dropped.",
    "bond_tx_drop",
    "include/net/bonding.h",
)
UNWATCHED = rule(
    "bond/nobody-watches",
    "Without miimon a bond takes every member for alive: one without carrier stays the active one, and what it is given"
    " vanishes.",
    "bond_enslave",
    _FILE,
)
INACTIVE = rule(
    "bond/inactive-drops",
    "What comes in by a member that is not active is dropped: only the active one hears for the bond.",
    "bond_should_deliver_exact_match",
    _FILE,
)
TAKES = rule(
    "bond/member-hears-nothing",
    "What comes in by a member is the bond's: the member itself hears nothing of it.",
    "bond_handle_frame",
    _FILE,
)

#: EtherTypes, which are part of the hash; netlab's own frames have one for experiments.
_TYPES = {RAW: 0x88B5, ARP: 0x0806, IP4: 0x0800, IP6: 0x86DD}


class _Team:
    """What a bond does with frames, as far as that depends on its members."""

    def __init__(self, link: Bond) -> None:
        self.mode = link.effective_mode
        self.picks_one = link.picks_one
        self.watches = link.watches


def compile_link(build: Build, link: Bond) -> None:
    """Make the interface; its members come later."""
    dev = build.device(link, link.kind)
    dev.running = link.up and link.carrier
    dev.mode, dev.alone, dev.senders = link.effective_mode, True, []
    team = _Team(link)
    dev.transmit = lambda sim, one, frame: transmit(sim, team, one, frame)


def finish(build: Build, link: Bond) -> None:
    """Let the members give the bond what comes in."""
    devices = build.world.devices
    dev = devices[link.id]
    dev.senders = [devices[one] for one in link.senders]
    for one in build.state.links:
        if one.master == link.id:
            member = devices[one.id]
            # It needn't be said in the plan: it has the bond's MAC, even where the kernel chooses that.
            member.mac = member.mac if link.own_macs else dev.mac
            member.alone, member.master = True, dev
            member.handle = handle_active if link.picks_one else handle_frame
            if link.mode == "802.3ad":
                _note_lacp(build, one)


def _note_lacp(build: Build, member: AnyLink) -> None:
    """LACP's frames have the member's own MAC, and come at any time: a switch learns it (br_handle_local_finish)."""
    for plug in member.plugs:
        bridge = build.bridges[plug.bridge]
        if plug.port.learning and bridge.max_learned:
            bridge.strange = f"LACP's frames take places among what {bridge.id} may learn"


def transmit(sim: Sim, team: _Team, dev: Device, frame: Frame) -> None:
    """The bond sends a frame (__bond_start_xmit)."""
    phase, senders = frame.payload.phase, dev.senders
    if not dev.running and dead(sim, dev, phase):
        return
    if not senders:
        sim.note(phase, dev.id, "no member can send", NO_MEMBER, end=True)
        return
    if team.picks_one and len(senders) == 1:
        which, why = 0, ACTIVE
    elif team.mode == "balance-rr":
        # The counter is each CPU's own, and starts anywhere (bond_rr_gen_slave_id).
        sent = sum(1 for what in sim.picked if isinstance(what, tuple) and what[0] is dev)
        which, why = sim.pick((dev, sent), len(senders)) if len(senders) > 1 else 0, IN_TURN
    else:
        which, why = _hashed(sim, dev, frame, len(senders)), HASHED
    member = senders[which]
    sim.note(phase, member.id, "out by this member", why)
    if not member.running and not team.watches:
        what = "no carrier" if member.up else "the interface is down"
        sim.note(phase, member.id, what, UNWATCHED, end=True)
        return
    member.transmit(sim, member, frame)


def _hashed(sim: Sim, dev: Device, frame: Frame, count: int) -> int:
    """The place of the member by the layer2 hash (bond_eth_hash); any of them where a MAC isn't known."""
    try:
        last = [int(mac[-2:], 16) for mac in (frame.dst, frame.src) if mac[2] == ":"]
    except ValueError:
        last = []
    proto = _TYPES[frame.proto]
    if len(frame.tags) > 1:
        # The outermost tag travels beside the frame (NETIF_F_HW_VLAN_CTAG_TX): what the frame begins with is the next.
        proto = 0x88A8 if frame.tags[1] & AD else 0x8100
    if len(last) == 2:
        return (last[0] ^ last[1] ^ proto) % count
    return sim.pick((dev, frame.dst, frame.src, proto), count)


def handle_active(sim: Sim, member: Device, frame: Frame, kind: int) -> None:
    """The receive handler of a member where only those that are active hear (bond_handle_frame)."""
    bond = member.master
    if bond is None or bond.senders is None or member in bond.senders:
        handle_frame(sim, member, frame, kind)
    elif frame.dst.startswith("01:80:c2:00:00:0"):
        # What is for the next machine alone, such as LLDP, each member hears itself.
        protocols.receive(sim, member, frame, kind)
    else:
        sim.note(frame.payload.phase, member.id, "a member that is not active", INACTIVE, end=True)


def handle_frame(sim: Sim, member: Device, frame: Frame, kind: int) -> None:
    """The receive handler of a member (bond_handle_frame)."""
    phase, dev = frame.payload.phase, member.master
    assert dev is not None
    if sim.hops is not None and sim.goal is member:
        sim.note(phase, member.id, f"given to {dev.id}", TAKES)
    sim.note(phase, dev.id, f"in by {member.id}")
    take(sim, dev, frame, kind)
