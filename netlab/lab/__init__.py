"""The front's handle on an agent: start it, build, change, probe, run processes, close."""

from netlab.lab.agent import Agent, Lab
from netlab.lab.errors import (
    AgentBug,
    BuildError,
    Cancelled,
    CannotRun,
    Exhausted,
    LabClosed,
    LabDied,
    LabError,
    NotOnThisSubstrate,
    SpawnError,
)
from netlab.lab.process import Process
from netlab.lab.reply import Reply

__all__ = [
    "Agent",
    "AgentBug",
    "BuildError",
    "Cancelled",
    "CannotRun",
    "Exhausted",
    "Lab",
    "LabClosed",
    "LabDied",
    "LabError",
    "NotOnThisSubstrate",
    "Process",
    "Reply",
    "SpawnError",
]
