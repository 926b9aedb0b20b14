"""Parameters that several commands share, and what completes them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from netlab.contract.kernels import Version, parse
from netlab.contract.types import ALL_LAYERS, base_layer

T = TypeVar("T")

if TYPE_CHECKING:
    from click import ParamType as ParamType
else:

    class ParamType(click.ParamType):
        """click's own, which doesn't take the type of its values in brackets before 8.4."""

        def __class_getitem__(cls, _made):
            return cls


class Completed(ParamType[T]):
    """A parameter that is completed by `words`."""

    def words(self, ctx: click.Context, incomplete: str) -> Iterable[str]:
        """What it may be, whatever it begins with: only what begins with ``incomplete`` is shown."""
        raise NotImplementedError

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Those of its words that begin so."""
        return [CompletionItem(word) for word in self.words(ctx, incomplete) if word.startswith(incomplete)]


class Pairs(Completed[int]):
    """``all``, or ``cover:K``; 0 stands for all."""

    name = "pairs"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """How often each end is asked; 0: all pairs."""
        if isinstance(value, int) or value == "all":
            return int(value != "all" and value)
        word, _colon, times = str(value).partition(":")
        if word != "cover" or not times.isdecimal() or not 1 <= int(times) <= 1000:
            self.fail(f"{value!r} is neither 'all' nor 'cover:K' with K from 1 to 1000, such as cover:3", param, ctx)
        return int(times)

    def words(self, ctx: click.Context, incomplete: str) -> Iterable[str]:
        """Both forms."""
        return "all", "cover:3"


class FixNumber(Completed[int]):
    """The number of a fix, or ``all``, for which 0 stands."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        if isinstance(value, int) or value == "all":
            return int(value != "all" and value)
        if not (str(value).isascii() and str(value).isdecimal()) or int(value) < 1:
            self.fail(f"{value!r} is neither the number of a fix nor 'all'", param, ctx)
        return int(value)

    def words(self, ctx: click.Context, incomplete: str) -> Iterable[str]:
        """As many as there may be."""
        from netlab.why.fixes import MOST

        return [*map(str, range(1, MOST + 1)), "all"]


class Layers(Completed[tuple[str, ...]]):
    """Comma-separated layer names: ``icmp,tcp``, ``host:icmp``, ``icmp/1472`` or ``tcp/80``."""

    name = "layers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The names, each checked."""
        if isinstance(value, tuple):
            return value
        names = [name.strip() for name in str(value).split(",") if name.strip()]
        if not names:
            self.fail("no layer is named", param, ctx)
        for name in names:
            self._check(name, param, ctx)
        return tuple(names)

    def _check(self, name: str, param: click.Parameter | None, ctx: click.Context | None) -> None:
        from netlab.errors import did_you_mean
        from netlab.spec.layer_names import any_layer
        from netlab.spec.scalars import Wrong

        base = base_layer(name)
        if base not in ALL_LAYERS:
            hint = did_you_mean(base, ALL_LAYERS)
            self.fail(f"no layer '{name}'{hint}; there are {', '.join(ALL_LAYERS)}", param, ctx)
        try:
            any_layer(name)
        except Wrong as wrong:
            self.fail(f"{wrong}: {wrong.hint}", param, ctx)

    def words(self, ctx: click.Context, incomplete: str) -> Iterable[str]:
        """Layer names, also behind a comma."""
        done, comma, _ = incomplete.rpartition(",")
        return [f"{done}{comma}{name}" for name in ALL_LAYERS]


class TopologyFile(Completed[str]):
    """A topology: a path, the name of one that ships, or ``-``; with ``labs`` also that of a lab that is up.

    With ``ends``, and --live on the command line, an end on this machine stands in its place; else nothing does.
    """

    name = "file"

    def __init__(self, *, labs: bool = False, ends: bool = False) -> None:
        self._labs = labs
        self._ends = ends

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name; ``live``, where there is no such file and the command has --live, was meant to be that."""
        options = {one.name for one in ctx.command.params} if ctx is not None else set()
        if value == "live" and "live" in options and not Path("live").exists():
            self.fail("no such file: this machine is --live", param, ctx)
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The topologies that ship, then files."""
        found = super().shell_complete(ctx, param, incomplete)
        return found if ctx.params.get("live") else [*found, CompletionItem(incomplete, type="file")]

    def words(self, ctx: click.Context, incomplete: str) -> Iterable[str]:
        """The labs, where they may be named, and the topologies that ship."""
        from netlab.spec import shipped

        if ctx.params.get("live"):
            return ends_here(incomplete) if self._ends else ()
        return [*(up() if self._labs else ()), *(path.name for path in shipped())]


class ShippedName(Completed[str]):
    """The name of a topology that ships."""

    name = "name"

    def words(self, ctx: click.Context, incomplete: str) -> Iterable[str]:
        """All of them."""
        from netlab.spec import shipped

        return [path.stem for path in shipped()]


class StepName(Completed[str]):
    """A step of the topology named before it on the command line."""

    name = "step"

    def words(self, ctx: click.Context, incomplete: str) -> Iterable[str]:
        """The steps of that topology, as far as it can be read."""
        plan = _plan_of(ctx)
        return [step.name for step in plan.steps] if plan else ()


class EndpointName(Completed[str]):
    """An endpoint of the topology named before it on the command line; with --live, of this machine."""

    name = "endpoint"

    def words(self, ctx: click.Context, incomplete: str) -> Iterable[str]:
        """The endpoints of that topology, as far as it can be read."""
        if ctx.params.get("live"):
            return ends_here(incomplete)
        plan = _plan_of(ctx)
        return [endpoint.id for endpoint in plan.steps[0].state.endpoints] if plan else ()


class RulePattern(Completed[str]):
    """A rule's name, its beginning, or a pattern."""

    name = "pattern"

    def words(self, ctx: click.Context, incomplete: str) -> Iterable[str]:
        """First the parts that rules are of, behind a slash the rules of one."""
        from netlab.model import RULES

        parts = dict.fromkeys(f"{name.partition('/')[0]}/" for name in sorted(RULES))
        return [part for part in parts if part.startswith(incomplete) and part != incomplete] or sorted(RULES)


class SpaceName(Completed[str]):
    """A network namespace of this machine: of ``ip netns``, or of a container."""

    name = "name"

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def words(self, ctx: click.Context, incomplete: str) -> Iterable[str]:
        """Those that there are; no daemon is asked."""
        from netlab.live.machine import names

        return names(self._kind)


class Process(Completed[int]):
    """A process of this machine, by its number."""

    name = "pid"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        return int(click.INT.convert(value, param, ctx))

    def words(self, ctx: click.Context, incomplete: str) -> Iterable[str]:
        """The first process in each namespace but the own one."""
        from netlab.live.machine import names

        return names("pid")


def ends_here(incomplete: str) -> list[str]:
    """The ends that ``why --live`` can be asked about: namespaces of this machine, behind a colon their interfaces."""
    from netlab.live.machine import interfaces, names

    space, colon, _ = incomplete.partition(":")
    return [f"{space}:{one}" for one in interfaces(space)] if colon else names()


def up() -> list[str]:
    """The labs that are up; none where none can be."""
    from netlab.errors import NetlabError

    if not sys.platform.startswith("linux"):
        return []
    from netlab.client import registry

    try:
        return registry.names()
    except NetlabError:
        return []


def _plan_of(ctx: click.Context) -> Any:
    from netlab import plan, spec

    # While a line is still being typed its arguments may not have been taken for parameters yet.
    named = ctx.params.get("files") or ctx.params.get("file") or ctx.args
    files = [named] if isinstance(named, str) else list(named)
    try:
        if files and files[0] in up():
            from netlab.testing.staying import attach

            with attach(files[0]) as lab:
                return lab.plan
        return plan.resolve(spec.load(spec.find(files[0]))) if files else None
    except spec.TopologyError:
        # A file that isn't right yet has nothing to complete with; the command itself will say why.
        return None


class KernelVersion(ParamType[Version]):
    """A version of Linux."""

    name = "version"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Version:
        """The series."""
        try:
            return value if isinstance(value, Version) else parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


AS_JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")
FILES = click.argument("files", metavar="FILE...", nargs=-1, required=True, type=TopologyFile())
FILE = click.argument("file", metavar="FILE", type=TopologyFile())
LAYERS_OPTION = click.option(
    "-l",
    "--layers",
    type=Layers(),
    metavar="LAYERS",
    default=(),
    help="Only these layers, such as icmp,tcp. [default: all that apply]",
)
STEPS_OPTION = click.option(
    "-s", "--step", "steps", multiple=True, type=StepName(), help="Only this step (repeatable)."
)
KERNEL_OPTION = click.option(
    "--kernel-version",
    "kernel",
    type=KernelVersion(),
    metavar="VERSION",
    help="What this version of Linux does, such as 6.1. [default: this machine's]",
)
