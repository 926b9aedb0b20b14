"""Labs in tests: topologies built in Python, processes and sockets inside, questions answered with proof.

The pytest plugin (`netlab.pytest_plugin`) hands out `Lab` as a fixture; elsewhere `Labs` opens them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netlab.testing.capture import Capture
    from netlab.testing.daemon import Daemon
    from netlab.testing.errors import CommandFailed, DaemonFailed, ExpectationFailed, Inconclusive
    from netlab.testing.frames import Frame
    from netlab.testing.lab import Lab
    from netlab.testing.labs import Labs
    from netlab.testing.matrix import Matrix, Predicted, Seen
    from netlab.testing.namespace import Interface, Namespace
    from netlab.testing.topology import Container, Host, Topology

#: Name → the module that has it. Each is imported when it is first asked for.
HOMES = {
    "Capture": "capture",
    "CommandFailed": "errors",
    "Container": "topology",
    "Daemon": "daemon",
    "DaemonFailed": "errors",
    "ExpectationFailed": "errors",
    "Frame": "frames",
    "Host": "topology",
    "Inconclusive": "errors",
    "Interface": "namespace",
    "Lab": "lab",
    "Labs": "labs",
    "Matrix": "matrix",
    "Namespace": "namespace",
    "Predicted": "matrix",
    "Seen": "matrix",
    "Topology": "topology",
}

__all__ = [
    "Capture",
    "CommandFailed",
    "Container",
    "Daemon",
    "DaemonFailed",
    "ExpectationFailed",
    "Frame",
    "Host",
    "Inconclusive",
    "Interface",
    "Lab",
    "Labs",
    "Matrix",
    "Namespace",
    "Predicted",
    "Seen",
    "Topology",
]


def __getattr__(name: str) -> Any:
    """Import a name when it is first used."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
    return value
