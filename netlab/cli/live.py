"""What the commands that look at this machine share: which of its namespaces are meant, and a topology of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netlab.cli.params import Process, SpaceName

if TYPE_CHECKING:
    from netlab.live.machine.faults import Fault
    from netlab.live.machine.real import Real
    from netlab.live.topology import Draft

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--netns",
        multiple=True,
        type=SpaceName("netns"),
        metavar="NAME",
        help="Begin with this namespace of 'ip netns' (a path, too).",
    ),
    click.option(
        "--container",
        "containers",
        multiple=True,
        type=SpaceName("container"),
        metavar="NAME",
        help="Begin with this container's.",
    ),
    click.option(
        "--pid",
        type=Process(),
        metavar="P",
        help="Begin with those that process P and its children are in or hold open.",
    ),
    click.option("--all", "everything", is_flag=True, help="All namespaces, connected or not."),
)
_ANONYMIZE = click.option("--anonymize", is_flag=True, help="Other addresses, MACs and names, to be shown to others.")


def PLACES(command: F) -> F:
    """The options that say which of this machine's namespaces are meant."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def LIVE(command: F) -> F:
    """The options of a command that writes down what it finds on this machine."""
    return PLACES(_ANONYMIZE(command))


def of_machine(
    host: str,
    netns: tuple[str, ...] = (),
    containers: tuple[str, ...] = (),
    pid: int | None = None,
    everything: bool = False,
    anonymize: bool = False,
    mentioned: tuple[str, ...] = (),
) -> tuple[Draft, Real]:
    """The topology of this machine, or of a part of it, and how its names relate to the machine. Raises UsageError."""
    from netlab.live import machine
    from netlab.live.machine import anonymous
    from netlab.live.machine.draft import draft

    chosen = machine.Chosen(netns, containers, pid, everything, mentioned)
    found = machine.read(chosen)
    if anonymize:
        return draft(anonymous.names(found), "a machine", "host", everything)
    return draft(found, str(chosen), host, everything)


def faults_of_machine(
    netns: tuple[str, ...] = (), containers: tuple[str, ...] = (), pid: int | None = None, everything: bool = False
) -> tuple[list[Fault], Real, tuple[str, ...]]:
    """What is wrong with this machine's network, how names relate to it, and what could not be read."""
    from netlab.live import machine
    from netlab.live.machine.draft import real_of
    from netlab.live.machine.faults import faults
    from netlab.live.machine.kinship import kinship

    found = machine.read(machine.Chosen(netns, containers, pid, everything))
    kin = kinship(found, "host", everything)
    unread = [*found.unread, *(f"{kin.id(one.key)}: {why}" for one in kin.spaces.values() for why in one.unread)]
    return faults(kin), real_of(kin), tuple(unread)
