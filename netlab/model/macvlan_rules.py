"""What macvlan does, in sentences."""

from __future__ import annotations

from netlab.model.rules import rule

_FILE = "drivers/net/macvlan.c"

SIBLING_UNICAST = rule(
    "macvlan/bridge-sibling-unicast",
    "A bridge-mode child hands a frame for an up bridge-mode sibling straight to it; the wire never sees it.",
    "macvlan_queue_xmit",
    _FILE,
)
SIBLING_MULTICAST = rule(
    "macvlan/bridge-sibling-multicast",
    "A bridge-mode child's broadcast goes straight to its bridge-mode siblings, and to the wire as well.",
    "macvlan_queue_xmit",
    _FILE,
)
TO_WIRE = rule(
    "macvlan/child-tx-wire-only",
    "Except between bridge-mode siblings, a child's frames leave by the parent's wire.",
    "macvlan_queue_xmit",
    _FILE,
)
CHILD_SKIPS_PARENT = rule(
    "macvlan/child-tx-skips-parent",
    "A macvlan child can't reach its own host unless the switch sends the frame back: its frames go to siblings or to"
    " the wire, never to the parent's own stack.",
    "macvlan_queue_xmit",
    _FILE,
)
BY_MAC = rule(
    "macvlan/demux-by-mac",
    "Unicast from the wire goes to the up child with that MAC, from any sender, in every mode but source.",
    "macvlan_handle_frame",
    _FILE,
)
OTHER_MAC = rule(
    "macvlan/unknown-mac-to-parent",
    "Unicast to a MAC that no up child has goes to the parent's stack, which drops what is not its own.",
    "macvlan_handle_frame",
    _FILE,
)
BEHIND_PORT = rule(
    "macvlan/only-passthru-feeds-a-bridge",
    "A macvlan child that is a bridge's port gets unicast to its own MAC alone, promiscuous or not: what is for a"
    " machine behind that bridge goes to the parent's stack, which drops it. Only a passthru child takes frames to any"
    " MAC.",
    "macvlan_handle_frame",
    _FILE,
)
SOURCE_NOT_BY_MAC = rule(
    "macvlan/source-not-by-mac",
    "A source-mode child is not found by its MAC: it only gets copies of frames from the MACs on its list.",
    "macvlan_handle_frame",
    _FILE,
)
SOURCE_NOT_LISTED = rule(
    "macvlan/source-not-listed",
    "A source-mode child hears no broadcast but those of MACs on its list.",
    "macvlan_multicast_rx",
    _FILE,
)
SOURCE_COPY = rule(
    "macvlan/source-copy",
    "Every frame from a MAC on its list is copied to a source-mode child, whatever its destination.",
    "macvlan_forward_source",
    _FILE,
)
SOURCE_NODST = rule(
    "macvlan/source-nodst-consumes",
    "With nodst a frame from a listed MAC ends after the copies: the parent and the other children lose it,"
    " even while the source-mode child is down.",
    "macvlan_forward_source",
    _FILE,
)
SELF_CONSUMES = rule(
    "macvlan/own-multicast-comes-back-alone",
    "A broadcast of a private, source or passthru child that the switch reflects goes back to that child"
    " alone: neither siblings nor parent hear it, so its ARP and neighbour discovery fail inside the host.",
    "macvlan_handle_frame",
    _FILE,
)
EXTERNAL_MULTICAST = rule(
    "macvlan/outside-multicast",
    "A broadcast from outside goes to all private, vepa, bridge and passthru children and to the parent.",
    "macvlan_multicast_rx",
    _FILE,
)
SENDER_SKIPPED = rule(
    "macvlan/sender-gets-no-copy",
    "A broadcast with a child's own MAC as its source is taken for that child's: the child gets no copy of it,"
    " even if another machine with the same MAC has sent it. From Linux 7.1 on this holds of vepa children alone.",
    "macvlan_broadcast",
    _FILE,
)
VEPA_MULTICAST = rule(
    "macvlan/vepa-multicast-reflected",
    "A vepa child's reflected broadcast goes to the other vepa and bridge children and to the parent.",
    "macvlan_multicast_rx",
    _FILE,
)
BRIDGE_MULTICAST = rule(
    "macvlan/bridge-multicast-reflected",
    "A bridge child's reflected broadcast goes to vepa children and the parent; bridge ones already had it.",
    "macvlan_multicast_rx",
    _FILE,
    until=(7, 1),
    commit="b52363f706e5",
)
BRIDGE_MULTICAST_ALL = rule(
    "macvlan/bridge-multicast-reflected-to-all",
    "A bridge child's reflected broadcast goes to all vepa and bridge children, the sender included, and to the parent:"
    " it might be another machine's with the same MAC. Siblings hear it twice.",
    "macvlan_multicast_rx",
    _FILE,
    since=(7, 1),
    commit="b52363f706e5",
)
PRIVATE_DROPS = rule(
    "macvlan/private-drops-sibling-multicast",
    "A private child hears no broadcast of a sibling, even one that the switch sends back.",
    "macvlan_multicast_rx",
    _FILE,
)
PASSTHRU_TAKES = rule(
    "macvlan/passthru-takes-unicast",
    "A passthru child takes every unicast frame that comes in, so the parent's own stack gets none.",
    "macvlan_handle_frame",
    _FILE,
)
PASSTHRU_DOWN = rule(
    "macvlan/passthru-down-consumes",
    "While a passthru child is down, unicast that comes in is dropped: the parent doesn't get it back.",
    "macvlan_handle_frame",
    _FILE,
)
NO_QUEUE = rule(
    "macvlan/bcqueuelen-zero",
    "With a broadcast queue of length 0 on every child, no child hears broadcasts from outside.",
    "macvlan_broadcast_enqueue",
    _FILE,
)
AT_ONCE = rule(
    "macvlan/bclim-off",
    "With bclim -1 (Linux 6.4) no broadcast waits in a queue: children get their copies right behind the parent, on its"
    " CPU. So no race is left: the parent always answers before them, and even a queue of length 0 keeps nothing from"
    " them.",
    "macvlan_recompute_bc_filter",
    _FILE,
)
RACE = rule(
    "macvlan/broadcast-queue-races",
    "Children hear a broadcast from outside through a workqueue, which runs on any CPU that is free. So where a"
    " child and its parent, or children of two parents, answer for one address, the parent (or the first) mostly"
    " answers first, but not always.",
    "macvlan_broadcast_enqueue",
    _FILE,
)
