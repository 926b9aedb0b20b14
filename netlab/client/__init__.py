"""The front's handle on an agent: start it, build, change, probe, run processes, close."""

from netlab.client.agent import Agent, Lab
from netlab.client.errors import (
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
from netlab.client.place import Place
from netlab.client.process import Process
from netlab.client.reply import Reply
from netlab.client.start import start

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
    "Place",
    "Process",
    "Reply",
    "SpawnError",
    "start",
]
