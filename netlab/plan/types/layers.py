"""The layers, by name."""

from __future__ import annotations

from typing import Literal

#: Every layer, in the order of reports. ``icmp/SIZE`` and ``icmp6/SIZE`` besides.
LAYERS = ("broadcast", "unicast", "arp", "ndp", "icmp", "icmp6", "icmp-static", "icmp6-static", "tcp", "udp")


def base_layer(layer: str) -> str:
    """``icmp`` for ``icmp/1472``; the layer itself otherwise."""
    return layer.partition("/")[0]


def layer_family(layer: str) -> Literal[4, 6] | None:
    """The address family a layer needs; None for ``broadcast`` and ``unicast``."""
    base = base_layer(layer)
    if base in ("broadcast", "unicast"):
        return None
    return 6 if base in ("ndp", "icmp6", "icmp6-static") else 4
