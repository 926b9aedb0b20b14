"""``--on`` and ``--vagrant``: the same commands on real machines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netlab.errors import UsageError

if TYPE_CHECKING:
    from netlab.client.hosts import HostsClient, Machine

F = TypeVar("F", bound=Callable[..., Any])


def options(command: F) -> F:
    for option in (
        click.option(
            "--allow-management-nic", is_flag=True, help="With --on: use even the NIC that carries the ssh session."
        ),
        click.option(
            "--vagrant",
            is_flag=True,
            help="On the machines of the Vagrantfile here: the same as --on, by vagrant ssh-config.",
        ),
        click.option(
            "--on",
            metavar="HOSTS",
            help="On real machines, over ssh: a YAML file, or A=user@host1:eth1,B=user@host2:eth1.",
        ),
    ):
        command = option(command)
    return command


def client(asked: Mapping[str, Any], log: Callable[[str], None] | None = None) -> HostsClient | None:
    """The machines that a command was given, or None where it runs here. Raises UsageError."""
    given = machines(asked)
    if given is None:
        return None
    from netlab.client.hosts import HostsClient

    return HostsClient(given, allow_management=bool(asked["allow_management_nic"]), on_log=log)


def machines(asked: Mapping[str, Any]) -> Callable[[list[str]], dict[str, Machine]] | None:
    """Which machine plays which of some hosts, as the command line says. Raises UsageError."""
    if asked["on"] and asked["vagrant"]:
        raise UsageError("--on and --vagrant are two ways to say the same: give one")
    if not asked["on"] and not asked["vagrant"]:
        if asked["allow_management_nic"]:
            raise UsageError("--allow-management-nic goes with --on or --vagrant")
        return None
    from netlab.client.hosts import parse, vagrant

    if asked["on"]:
        given = parse(asked["on"])
        return lambda hosts: {host: given[host] for host in hosts or given if host in given}
    import tempfile

    folder = tempfile.TemporaryDirectory(prefix="netlab-")
    # The folder is deleted with the function that is returned.
    return lambda hosts: vagrant(hosts, Path(folder.name) / "ssh-config")


def doctor(find: Callable[[list[str]], dict[str, Machine]], asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the machines can do; those of a Vagrantfile play the hosts of the demo."""
    from netlab import plan, spec
    from netlab.client.hosts.doctor import examine

    demo = plan.from_file(spec.find("bridge-two-node.yaml"))
    allow = bool(asked["allow_management_nic"])
    return examine(find, demo, allow_management=allow, by_address=bool(asked["vagrant"]))
