"""``--kernel``: the same commands on another kernel, which runs as a process of this machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from netlab.cli.params import Completed
from netlab.contract.kernels import OWN
from netlab.errors import UsageError

if TYPE_CHECKING:
    from netlab.kernels import Choice

F = TypeVar("F", bound=Callable[..., Any])


class CachedName(Completed[str]):
    """The name of a cached kernel; with ``paths`` also a path."""

    name = "kernel"

    def __init__(self, *, paths: bool = False) -> None:
        self._paths = paths

    def words(self, ctx: click.Context, incomplete: str) -> Iterable[str]:
        """Those in the cache."""
        from netlab.kernels import cached

        return [one.name for one in cached()]

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The cached kernels, then files."""
        found = super().shell_complete(ctx, param, incomplete)
        return [*found, CompletionItem(incomplete, type="file")] if self._paths else found


class KernelName(CachedName):
    """A kernel: a name in the cache, a version, ``auto``, ``own``, or a path."""

    def words(self, ctx: click.Context, incomplete: str) -> Iterable[str]:
        """Those in the cache, ``auto`` and ``own``."""
        from netlab.kernels import AUTO

        return [*super().words(ctx, incomplete), AUTO, OWN]


def options(command: F) -> F:
    return click.option(
        "--kernel",
        "guest",
        type=KernelName(paths=True),
        metavar="KERNEL",
        help="On another kernel, in a guest: a cached one (6.12; netlab kernel list), the path of a User-Mode Linux or "
        "of a vmlinuz (by QEMU), or auto: one that has what the file asks for, this machine's own first (that is own). "
        "6.12,mem=2G: more memory than 1G.",
    )(command)


def say(text: str) -> None:
    """Say why a guest takes its time to start."""
    print(f"netlab: {text}", file=sys.stderr, flush=True)


#: Only for commands that wait for nothing but the lab.
VIRTUAL_TIME = click.option(
    "--virtual-time",
    is_flag=True,
    help="With --kernel: a clock that jumps over waiting. Spanning trees, ageing and timers take no time.",
)


def asked_for(asked: Mapping[str, Any]) -> Choice | None:
    """What the options say; None for the machine's own kernel. Raises UsageError, KernelError."""
    virtual = bool(asked.get("virtual_time"))
    if asked["guest"] is None:
        if virtual:
            raise UsageError("--virtual-time goes with --kernel: this machine's own clock can't jump")
        return None
    if asked.get("on") or asked.get("vagrant"):
        raise UsageError("--kernel is for labs on this machine: give it or --on")
    from netlab.kernels import Choice

    choice = Choice.read(asked["guest"], virtual_time=virtual)
    if choice.kernel != OWN:
        return choice
    if virtual:
        raise UsageError("--virtual-time needs another kernel than this machine's own, whose clock can't jump")
    return None
