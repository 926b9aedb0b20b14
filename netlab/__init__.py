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
    from netlab.testing import (
        Capture,
        CommandFailed,
        Container,
        Daemon,
        DaemonFailed,
        ExpectationFailed,
        Frame,
        Host,
        Inconclusive,
        Interface,
        Lab,
        Labs,
        Matrix,
        Namespace,
        Predicted,
        Seen,
        Topology,
    )
    from netlab.testing.staying import attach

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
    "LabClosed": "netlab.client.errors",
    "LabDied": "netlab.client.errors",
    "LabError": "netlab.client.errors",
    "Process": "netlab.client.process",
    "SpawnError": "netlab.client.errors",
    "TopologyError": "netlab.spec.problems",
    "attach": "netlab.testing.staying",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES.get(name, "netlab.testing")), name)
    return value
