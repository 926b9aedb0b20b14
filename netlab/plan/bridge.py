"""A Linux bridge inside a host: an interface. Its ports are veths of containers, and members in its namespace."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netlab.contract.types import AnyLink, Bridge
from netlab.plan.request import BuildContext, LinkRequest

if TYPE_CHECKING:
    from netlab.plan.file import Path
    from netlab.plan.lab import Lab
    from netlab.spec.schema import Settings

OPTIONS = ("stp", "ageing_time", "mcast_snooping", "fdb_max_learned")
KEYS = frozenset(OPTIONS)
MTU = 1500


def build(context: BuildContext, request: LinkRequest) -> Bridge | None:
    """The bridge; its ports say by themselves that they are its ports."""
    if request.mac == "auto":
        message = "the kernel changes a bridge's own MAC with its ports"
        context.problem(request, "mac", message, "leave 'mac' out, or give one")
        return None
    given = request.given
    options: dict[str, Any] = {key: value for key in OPTIONS if (value := getattr(given, key)) is not None}
    return Bridge(**context.common(request, given.mtu or MTU), **options)


def change(
    lab: Lab, before: AnyLink, after: AnyLink, settings: Settings, path: Path, refused: bool
) -> tuple[AnyLink, AnyLink]:
    """The options that are set."""
    given: dict[str, Any] = {key: value for key in OPTIONS if (value := getattr(settings, key)) is not None}
    return before, replace(after, **given)
