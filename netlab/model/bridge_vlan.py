"""What a VLAN-aware bridge (vlan_filtering) does with tags: which VLAN a frame is in, and which ports that VLAN has.

Inside of the bridge a frame has its VLAN's id apart, and only the tags that were there below the bridge's own.
"""

from __future__ import annotations

from netlab.contract.types.parts import AD
from netlab.model.rules import rule
from netlab.model.sim import Sim
from netlab.model.world import Frame, Members

_VLAN = "net/bridge/br_vlan.c"

NO_PVID = rule(
    "bridge/vlan-untagged-refused",
    "A port without a pvid drops frames that come in without a tag.",
    "__allowed_ingress",
    _VLAN,
)
NOT_A_MEMBER_IN = rule(
    "bridge/vlan-not-admitted",
    "A port drops frames that come in with the tag of a VLAN that it isn't a member of.",
    "__allowed_ingress",
    _VLAN,
)
NOT_A_MEMBER_OUT = rule(
    "bridge/vlan-ends-here",
    "A frame leaves a VLAN-aware bridge only by ports that are members of its VLAN.",
    "br_allowed_egress",
    _VLAN,
)
PVID = rule(
    "bridge/vlan-by-pvid",
    "A frame without a tag is in the VLAN that is the pvid of the port by which it comes in.",
    "__allowed_ingress",
    _VLAN,
)
TAGGED = rule(
    "bridge/vlan-leaves-tagged",
    "A frame leaves with the tag of its VLAN, unless the port sends that VLAN untagged.",
    "br_handle_vlan",
    _VLAN,
)


def admitted(sim: Sim, at: str, members: Members, frame: Frame) -> tuple[Frame, int] | None:
    """The frame without the bridge's tag and the id of its VLAN, where it may come in; None where it ends."""
    phase = frame.payload.phase
    if frame.tags and frame.tags[0] < AD:
        vid = frame.tags[0]
        if vid not in members.vlans:
            sim.note(phase, at, f"not a member of VLAN {vid}", NOT_A_MEMBER_IN, end=True)
            return None
        return frame.tagged(frame.tags[1:]), vid
    # A tag of another protocol counts as none (br_vlan_get_tag).
    if not members.pvid:
        sim.note(phase, at, "no VLAN for frames without a tag", NO_PVID, end=True)
        return None
    if sim.hops is not None:
        sim.note(phase, at, f"in VLAN {members.pvid}", PVID)
    return frame, members.pvid


def leaving(sim: Sim, at: str, members: Members, frame: Frame, vid: int, *, wanted: bool) -> Frame | None:
    """The frame as it leaves the bridge by a port, or by its own interface; None where it may not."""
    if vid not in members.vlans:
        if wanted:
            sim.note(frame.payload.phase, at, f"not a member of VLAN {vid}", NOT_A_MEMBER_OUT, end=True)
        return None
    if members.vlans[vid]:
        return frame
    if wanted:
        sim.note(frame.payload.phase, at, f"with the tag of VLAN {vid}", TAGGED)
    return frame.tagged((vid, *frame.tags))
