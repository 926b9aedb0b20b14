"""The names of layers as people write them: ``icmp``, ``icmp/1472``, ``tcp/80``; for commands ``host:icmp``, too."""

from __future__ import annotations

import re

from netlab.contract.types import HOST_LAYERS, LAYERS, asks_host, host_layer, size_of
from netlab.contract.types.layers import HOST
from netlab.spec import scalars
from netlab.spec.problems import did_you_mean
from netlab.spec.scalars import Wrong

#: The least number that may stand behind a layer: bytes of IP (a header with ICMP), or a port.
_LEAST = {"icmp": 28, "icmp6": 48, "tcp": 1, "tcp6": 1, "udp": 1, "udp6": 1}


def any_layer(word: str) -> str:
    """As `layer`, and the names of layers of host questions (``host:icmp``), which files don't have. Raises Wrong."""
    if not asks_host(word):
        return layer(word)
    asked = host_layer(layer(word.removeprefix(HOST)))
    if asked is None or size_of(asked) is not None:
        raise Wrong(f"{short(word)} is not a layer", f"hosts ask {', '.join(HOST_LAYERS)}, and host:tcp/80")
    return asked


def layer(word: str) -> str:
    """The name of a layer, with a size (``icmp/1472``) or a port (``tcp/80``) where it has one. Raises Wrong."""
    if word in LAYERS:
        return word
    if asks_host(word):
        raise Wrong(f"{short(word)} is not a layer", "a host alone on the left asks as its programs do: A -> B [icmp]")
    name, slash, number = word.partition("/")
    if not slash or name not in LAYERS:
        raise Wrong(f"{short(word)} is not a layer", did_you_mean(name, LAYERS))
    if name not in _LEAST:
        raise Wrong(f"{short(word)} is not a layer", f"{name} has neither size nor port")
    if not re.fullmatch("[0-9]{1,6}", number):
        raise Wrong(f"{short(word)} is not a layer", "a number goes there, as in icmp/1472 and tcp/80")
    least = _LEAST[name]
    if least <= int(number) <= 65535:
        return f"{name}/{int(number)}"
    if least == 1:
        raise Wrong(f"{number} is no port", "1 to 65535")
    raise Wrong(f"{number} bytes are no size of an {name} packet", f"{least} to 65535, headers included")


def short(word: str) -> str:
    """A word as it stands in a message, without the spaces around it."""
    return scalars.short(word.strip())
