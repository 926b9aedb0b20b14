"""The layers, by name."""

from __future__ import annotations

from typing import Literal

#: The address family that each layer needs; None: it sends frames of netlab's own.
_FAMILIES: dict[str, Literal[4, 6] | None] = {
    "broadcast": None, "unicast": None, "arp": 4, "ndp": 6, "icmp": 4, "icmp6": 6, "icmp-static": 4, "icmp6-static": 6,
    "tcp": 4, "tcp6": 6, "udp": 4, "udp6": 6,
}  # fmt: skip
#: Every layer, in the order of reports. ``icmp/SIZE`` and ``icmp6/SIZE`` besides.
LAYERS = tuple(_FAMILIES)
#: The layers of which a destination takes part only where it is on-link for the source.
ON_LINK = frozenset(("arp", "ndp", "icmp-static", "icmp6-static"))


def base_layer(layer: str) -> str:
    """``icmp`` for ``icmp/1472``; the layer itself otherwise."""
    return layer.partition("/")[0]


def layer_family(layer: str) -> Literal[4, 6] | None:
    """The address family a layer needs; None for ``broadcast`` and ``unicast``. KeyError where there is no such one."""
    return _FAMILIES[base_layer(layer)]
