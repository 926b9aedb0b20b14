"""The front's handle on an agent: start it, build, change, probe, run processes, close."""

from netlab.lab.agent import Agent, Lab
from netlab.lab.errors import AgentBug, BuildError, CannotRun, LabDied, LabError, SpawnError
from netlab.lab.process import Process
from netlab.lab.reply import Reply

__all__ = [
    "Agent",
    "AgentBug",
    "BuildError",
    "CannotRun",
    "Lab",
    "LabDied",
    "LabError",
    "Process",
    "Reply",
    "SpawnError",
]
