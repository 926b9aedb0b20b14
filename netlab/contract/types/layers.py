"""The layers, by name.

A layer whose name begins with ``host:`` asks a host question: a program in the source's namespace binds to nothing,
and routing chooses interface, next hop and source address. The other layers ask interface questions.

After a ``/`` stands the size of a packet (``icmp/1472``), or a port of the user's own program (``tcp/80``).
"""

from __future__ import annotations

from typing import Literal

#: What host questions begin with.
HOST = "host:"
#: The address family that each layer needs; None: it sends frames of netlab's own.
_FAMILIES: dict[str, Literal[4, 6] | None] = {
    "broadcast": None, "unicast": None, "arp": 4, "ndp": 6, "icmp": 4, "icmp6": 6, "icmp-static": 4, "icmp6-static": 6,
    "tcp": 4, "tcp6": 6, "udp": 4, "udp6": 6, "mcast": 4, "mcast6": 6,
}  # fmt: skip
#: Every layer of interface questions, in the order of reports. ``icmp/SIZE`` and ``tcp/PORT`` besides.
LAYERS = tuple(_FAMILIES)
#: Every layer of host questions, in the order of reports.
HOST_LAYERS = tuple(f"{HOST}{layer}" for layer in ("icmp", "icmp6", "tcp", "tcp6", "udp", "udp6"))
#: The order in which reports tell of layers: who can reach whom comes first.
ALL_LAYERS = (*HOST_LAYERS, *LAYERS)
#: Layers that are probed only where somebody asks for them.
BY_NAME = frozenset(("mcast", "mcast6"))
#: The group of each family's multicast layer: link-local, so that no switch forwards it by who has joined, and for
#: experiments (RFC 3692, RFC 4727).
GROUPS = {4: "224.0.0.254", 6: "ff02::114"}
#: Layers in which one frame of the source's is the probe of its whole row.
BY_ROW = frozenset(("broadcast", *BY_NAME))
#: The layers whose probes are frames that are meant for an interface by its MAC, or by a group joined there.
BY_MAC = frozenset(("broadcast", "unicast", "icmp-static", "icmp6-static", *BY_NAME))
#: The layers of which a destination takes part only where it is on-link for the source.
ON_LINK = frozenset(("arp", "ndp", "icmp-static", "icmp6-static"))


def base_layer(layer: str) -> str:
    """The layer without size or port: ``icmp`` for ``icmp/1472``, ``host:tcp`` for ``host:tcp/80``."""
    return layer.partition("/")[0]


def probe_of(layer: str) -> str:
    """What is sent, by a host or an interface: ``tcp`` for ``host:tcp/80`` and for ``tcp``."""
    return base_layer(layer).removeprefix(HOST)


def asks_host(layer: str) -> bool:
    """Whether a layer asks host questions: its sources are namespaces, not interfaces."""
    return layer.startswith(HOST)


def host_layer(layer: str) -> str | None:
    """The same layer as a host question (``host:icmp`` for ``icmp``); None where only an interface can ask it.

    A size is asked of a link: only an interface asks ``icmp/1472``.
    """
    asked = layer if asks_host(layer) else f"{HOST}{layer}"
    return asked if base_layer(asked) in HOST_LAYERS and size_of(asked) is None else None


def as_written(layer: str) -> str:
    """The layer as a file writes it, where the left side says who asks: ``tcp/80`` for ``host:tcp/80``."""
    return layer.removeprefix(HOST)


def size_of(layer: str) -> int | None:
    """The bytes of IP that a ping layer's name gives; None where it gives none."""
    size = layer.partition("/")[2]
    return int(size) if size and probe_of(layer) in ("icmp", "icmp6") else None


def port_of(layer: str) -> int | None:
    """The port of the user's own program that ``tcp/80`` and the like name; None for netlab's own listener."""
    port = layer.partition("/")[2]
    return int(port) if port and probe_of(layer) in ("tcp", "tcp6", "udp", "udp6") else None


def layer_family(layer: str) -> Literal[4, 6] | None:
    """The address family a layer needs; None for ``broadcast`` and ``unicast``. KeyError where there is no such one."""
    return _FAMILIES[probe_of(layer)]
