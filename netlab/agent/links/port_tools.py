"""Port options by other means than netlink: ip(8), brctl(8) and sysfs, for the sake of the article's claim 13."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from netlab.agent import system
from netlab.agent.errors import BuildFailed, not_started
from netlab.agent.links.op import BuildContext
from netlab.agent.links.port import OPTIONS
from netlab.contract.types import SetLink, Veth

Log = Callable[[str], None]


def set_option(context: BuildContext, log: Log, change: SetLink, veth: Veth, option: str, value: bool) -> None:
    """Switch one option of a veth's switch port on or off by the tool of ``change.via``. Raises BuildFailed."""
    if change.via == "sysfs":
        _by_sysfs(context, log, change, veth, option, value)
    else:
        _by_binary(context, log, change, veth, option, value)


def _by_sysfs(context: BuildContext, log: Log, change: SetLink, veth: Veth, option: str, value: bool) -> None:
    ns = context.namespaces[veth.port_namespace]
    path = f"/sys/class/net/{veth.port_ifname}/brport/{OPTIONS[option][2]}"
    command = f"echo {int(value)} > {path}"
    log(f"ip netns exec {ns.id} sh -c '{command}'")
    try:
        ns.in_thread(lambda: system.write(path, str(int(value))))
    except OSError as error:
        raise BuildFailed(error.errno or 0, str(error), command, veth.id, change.where) from error


def _by_binary(context: BuildContext, log: Log, change: SetLink, veth: Veth, option: str, value: bool) -> None:
    ns, dev = context.namespaces[veth.port_namespace], veth.port_ifname
    state = "on" if value else "off"
    if change.via == "brctl":
        argv = ["brctl", option, context.links[veth.switch].ifname, dev, state]
    else:
        argv = ["ip", "link", "set", "dev", dev, "type", "bridge_slave", OPTIONS[option][1], state]
    command = f"ip netns exec {ns.id} {shlex.join(argv)}"
    log(command)
    try:
        done = ns.run(argv)
    except OSError as error:
        raise not_started(argv[0], error, command, veth.id, change.where) from error
    if done.returncode or done.stderr:
        words = done.stderr.strip() or f"exit status {done.returncode}"
        raise BuildFailed(0, words, command, veth.id, change.where)
