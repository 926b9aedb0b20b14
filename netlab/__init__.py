"""netlab: a network-namespace lab that predicts, builds, probes and judges.

The names for tests (docs/api.md) are imported when they are first asked for: ``import netlab`` costs nothing.
"""

from __future__ import annotations

#: As in typing, which takes its time: until `netlab.__main__` is there Ctrl-C would end in a traceback.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from netlab.client.errors import BuildError, CannotRun, LabDied, LabError, SpawnError
    from netlab.client.process import Process
    from netlab.spec.problems import TopologyError
    from netlab.testing.capture import Capture
    from netlab.testing.daemon import Daemon
    from netlab.testing.errors import CommandFailed, DaemonFailed, ExpectationFailed, Inconclusive
    from netlab.testing.frames import Frame
    from netlab.testing.lab import Lab
    from netlab.testing.labs import Labs
    from netlab.testing.matrix import Matrix, Predicted, Seen
    from netlab.testing.namespace import Interface, Namespace
    from netlab.testing.staying import attach
    from netlab.testing.topology import Container, Host, Topology

__version__ = "0.1.0"

__all__ = [
    "BuildError",
    "CannotRun",
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
    "LabClosed",
    "LabDied",
    "LabError",
    "Labs",
    "Matrix",
    "Namespace",
    "Predicted",
    "Process",
    "Seen",
    "SpawnError",
    "Topology",
    "TopologyError",
    "__version__",
    "attach",
]

_HOMES = {
    "BuildError": "netlab.client.errors",
    "CannotRun": "netlab.client.errors",
    "Capture": "netlab.testing.capture",
    "CommandFailed": "netlab.testing.errors",
    "Container": "netlab.testing.topology",
    "Daemon": "netlab.testing.daemon",
    "DaemonFailed": "netlab.testing.errors",
    "ExpectationFailed": "netlab.testing.errors",
    "Frame": "netlab.testing.frames",
    "Host": "netlab.testing.topology",
    "Inconclusive": "netlab.testing.errors",
    "Interface": "netlab.testing.namespace",
    "Lab": "netlab.testing.lab",
    "LabClosed": "netlab.client.errors",
    "LabDied": "netlab.client.errors",
    "LabError": "netlab.client.errors",
    "Labs": "netlab.testing.labs",
    "Matrix": "netlab.testing.matrix",
    "Namespace": "netlab.testing.namespace",
    "Predicted": "netlab.testing.matrix",
    "Process": "netlab.client.process",
    "Seen": "netlab.testing.matrix",
    "SpawnError": "netlab.client.errors",
    "Topology": "netlab.testing.topology",
    "TopologyError": "netlab.spec.problems",
    "attach": "netlab.testing.staying",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
