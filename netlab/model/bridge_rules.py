"""What a Linux bridge does, in sentences."""

from __future__ import annotations

from netlab.model.rules import rule

_INPUT = "net/bridge/br_input.c"
_FORWARD = "net/bridge/br_forward.c"
_FDB = "net/bridge/br_fdb.c"

DETACHED = rule(
    "bridge/port-detached",
    "An interface that was taken out of its bridge still has carrier, but nothing that it receives goes on.",
    "br_del_if",
    "net/bridge/br_if.c",
)
BRIDGE_DOWN = rule(
    "bridge/switch-down",
    "A bridge that is down disables all its ports: nothing enters, nothing leaves; links keep their carrier.",
    "br_stp_disable_bridge",
    "net/bridge/br_stp_if.c",
)
STATE_IN = rule(
    "bridge/port-state-ingress",
    "A port that is not forwarding drops what comes in; in state learning it still learns the source first.",
    "br_handle_frame",
    _INPUT,
)
STATE_OUT = rule(
    "bridge/port-state-egress",
    "Nothing is sent out of a port that is not in state forwarding.",
    "should_deliver",
    _FORWARD,
)
LOCKED = rule(
    "bridge/port-locked",
    "A locked port drops every frame whose source MAC has no entry of that port in the forwarding database.",
    "br_handle_frame_finish",
    _INPUT,
)
MAB = rule(
    "bridge/mab",
    "With mab a locked port drops what a MAC without an entry sends, but notes where it is: what is for that MAC then"
    " goes out of this port alone, until somebody admits it.",
    "br_handle_frame_finish",
    _INPUT,
    since=(6, 2),
)
NO_REFLECTION = rule(
    "bridge/no-reflection",
    "A switch never sends a frame back out of the port it came in by, unless that port has hairpin on.",
    "should_deliver",
    _FORWARD,
)
HAIRPIN = rule(
    "bridge/hairpin",
    "A port with hairpin on sends frames back out of the port they came in by.",
    "should_deliver",
    _FORWARD,
)
ISOLATED = rule(
    "bridge/port-isolated",
    "Isolated ports don't talk to each other, and with hairpin not even to themselves.",
    "br_skb_isolated",
    "net/bridge/br_private.h",
)
FLOOD_OFF = rule(
    "bridge/flood-off",
    "A port with flood off is not sent unicast frames whose destination the switch has not learned.",
    "br_flood",
    _FORWARD,
)
BCAST_FLOOD_OFF = rule(
    "bridge/bcast-flood-off",
    "A port with bcast_flood off is sent no broadcast but those of the bridge's own interface, so no host behind it can"
    " be found by ARP from another port.",
    "br_flood",
    _FORWARD,
)
MCAST_FLOOD_OFF = rule(
    "bridge/mcast-flood-off",
    "A port with mcast_flood off is sent no multicast but those of the bridge's own interface, so no host behind it can"
    " be found by IPv6 from another port.",
    "br_flood",
    _FORWARD,
)
LEARNED = rule(
    "bridge/learned",
    "A frame to a MAC that the switch has learned goes out of that one port only.",
    "br_forward",
    _FORWARD,
)
TWINS = rule(
    "bridge/same-mac-twice",
    "A switch finds an interface by its MAC: where two have the same one, it sends to the one that sent last.",
    "br_fdb_update",
    _FDB,
)
LEARN_LIMIT = rule(
    "bridge/fdb-max-learned",
    "Past fdb_max_learned entries a bridge learns no more; frames to unlearned MACs are flooded.",
    "fdb_create",
    _FDB,
)
OWN_MAC = rule(
    "bridge/own-mac",
    "A frame to a MAC of the switch itself is taken up by the switch and not forwarded.",
    "br_handle_frame_finish",
    _INPUT,
)
UP = rule(
    "bridge/own-interface",
    "Inside of a host a bridge is an interface, too: it takes up frames to its own MAC and every broadcast.",
    "br_pass_frame_up",
    _INPUT,
)
PROMISCUOUS = rule(
    "bridge/promiscuous-with-children",
    "With promisc on, or a macvlan child on it, a bridge's own interface gets a copy of every frame.",
    "br_handle_frame_finish",
    _INPUT,
)
MEMBER = rule(
    "bridge/port-hears-nothing",
    "An interface that is a port of a bridge gives everything that comes in to the bridge: its own addresses are"
    " reached by the bridge's interface, if at all.",
    "br_handle_frame",
    _INPUT,
)
OWN_FROM_ABOVE = rule(
    "bridge/own-mac-from-above",
    "What a bridge's own interface, or a macvlan child on it, sends to the bridge's own MAC goes nowhere.",
    "br_dev_xmit",
    "net/bridge/br_device.c",
)
PORT_MAC_FROM_ABOVE = rule(
    "bridge/port-mac-from-above",
    "What a bridge's own interface sends to the MAC of one of its ports leaves by that port.",
    "br_dev_xmit",
    "net/bridge/br_device.c",
)
PORT_MTU = rule(
    "bridge/port-mtu",
    "A frame more than four bytes longer than the outgoing port's MTU is dropped silently.",
    "br_dev_queue_push_xmit",
    _FORWARD,
)
