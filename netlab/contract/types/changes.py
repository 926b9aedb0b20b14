"""What the agent is asked to do, in order."""

from __future__ import annotations

from typing import Literal

from netlab.contract.dataclass import dataclass
from netlab.contract.types.links import AnyLink
from netlab.contract.types.parts import GivenFile, Namespace, Program
from netlab.contract.where import Where

#: Where the file gives what is named by a path.
Places = tuple[tuple[str, Where], ...]
RefusedAt = Literal["create", "up", "set"]
Verb = Literal["start", "stop", "restart", "kill"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The author expects the kernel to refuse a change with this errno (its name, ``EINVAL``)."""

    errno: str
    at: RefusedAt


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing to do. ``where`` is the line of the file that asked for it."""

    where: Where | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddNamespace(Change):
    """Make a namespace, write its sysctls, bring ``lo`` up (hosts and containers).

    ``places`` says where in the file its sysctls stand; those without a place are defaults of the plan.
    """

    namespace: Namespace
    places: Places = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteNamespace(Change):
    """Delete a namespace and every link in it."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddLink(Change):
    """Make a link with everything it has; ``sysctls`` are written while it is still down."""

    link: AnyLink
    sysctls: tuple[tuple[str, str], ...] = ()
    places: Places = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteLink(Change):
    """Delete a link (RTM_DELLINK); children of a parent go with it."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLink(Change):
    """Change a link from ``before`` to ``after``; only what differs is asked for.

    The kernel throws some things away by itself on the way: static neighbours and IPv6 addresses of a link that goes
    down or gets another MAC, a port's state. These are missing in ``before`` already.

    ``via`` says by which tool port options are set: netlink itself, or for the sake of the article
    the ``ip`` or ``brctl`` binary or sysfs.
    """

    before: AnyLink
    after: AnyLink
    via: Literal["netlink", "ip", "brctl", "sysfs"] = "netlink"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSysctl(Change):
    """Write one sysctl of a namespace."""

    namespace: str
    path: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRouting(Change):
    """Change a namespace's routes and rules from ``before`` to ``after``.

    ``route_places`` and ``rule_places`` are those of ``after``, in the same order, where it has new ones.
    """

    before: Namespace
    after: Namespace
    route_places: tuple[Where, ...] = ()
    rule_places: tuple[Where, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetNftables(Change):
    """Replace all of a namespace's nftables by ``ruleset`` (empty: none at all).

    ``text`` is where the ruleset's first character stands in the file, where its lines stand there as they are.
    """

    namespace: str
    ruleset: str
    text: Where | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFiles(Change):
    """Write files into a private host."""

    namespace: str
    files: tuple[GivenFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetProgram(Change):
    """Start, stop, restart or kill a program, after the lab has settled."""

    namespace: str
    program: Program
    verb: Verb = "start"


AnyChange = (
    AddNamespace
    | DeleteNamespace
    | AddLink
    | DeleteLink
    | SetLink
    | SetSysctl
    | SetRouting
    | SetNftables
    | SetFiles
    | SetProgram
)
