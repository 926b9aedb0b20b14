"""A Linux bridge inside a host: an interface. Its ports are veths of containers, and members in its namespace."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netlab.contract.types import AnyLink, Bridge, Port
from netlab.plan import members
from netlab.plan.request import BuildContext, LinkRequest

if TYPE_CHECKING:
    from netlab.plan.file import Path
    from netlab.plan.lab import Lab
    from netlab.spec.schema import Settings

#: What can be set of a bridge, and what can only be given when it is made (br_vlan_set_default_pvid: EPERM).
OPTIONS = ("stp", "ageing_time", "mcast_snooping", "fdb_max_learned", "vlan_filtering")
GIVEN = (*OPTIONS, "default_pvid")
KEYS = frozenset(GIVEN)
MTU = 1500


def build(context: BuildContext, request: LinkRequest) -> Bridge | None:
    """The bridge; its ports say by themselves that they are its ports."""
    if request.mac == "auto":
        message = "the kernel changes a bridge's own MAC with its ports"
        context.problem(request, "mac", message, "leave 'mac' out, or give one")
        return None
    given = request.given
    options: dict[str, Any] = {key: value for key in GIVEN if (value := getattr(given, key)) is not None}
    if given.own_port is not None:
        options["own_port"] = members.own_port(context.lab.file, Port(), given.own_port, (*request.path, "own_port"))
    return Bridge(**context.common(request, given.mtu or MTU), **options)


def change(
    lab: Lab, before: AnyLink, after: AnyLink, settings: Settings, path: Path, refused: bool
) -> tuple[AnyLink, AnyLink]:
    """The options that are set."""
    given: dict[str, Any] = {key: value for key in OPTIONS if (value := getattr(settings, key)) is not None}
    return before, replace(after, **given)
