"""A Linux bridge inside a host: an interface. Its ports are veths of containers, and wires of the host."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netlab.contract.types import AnyLink, Bridge
from netlab.plan.wanted import Kin, Wanted

if TYPE_CHECKING:
    from netlab.plan.file import Path
    from netlab.plan.lab import Lab
    from netlab.spec.schema import Settings

OPTIONS = ("stp", "ageing_time", "mcast_snooping", "fdb_max_learned")
KEYS = frozenset(OPTIONS)
MTU = 1500


def build(kin: Kin, wanted: Wanted) -> Bridge | None:
    """The bridge; its ports say by themselves that they are its ports."""
    if wanted.mac == "auto":
        message = "the kernel changes a bridge's own MAC with its ports"
        kin.problem(wanted, "mac", message, "leave 'mac' out, or give one")
        return None
    given = wanted.given
    options: dict[str, Any] = {key: value for key in OPTIONS if (value := getattr(given, key)) is not None}
    return Bridge(**kin.common(wanted, given.mtu or MTU), **options)


def change(
    lab: Lab, before: AnyLink, after: AnyLink, settings: Settings, path: Path, refused: bool
) -> tuple[AnyLink, AnyLink]:
    """The options that are set."""
    given: dict[str, Any] = {key: value for key in OPTIONS if (value := getattr(settings, key)) is not None}
    return before, replace(after, **given)


def find(kin: Kin, wanted: Wanted, key: str, name: str) -> Bridge | None:
    """The bridge that an interface names, in its own host; what is wrong is noted."""
    host = wanted.host if key == "bridge" else wanted.namespace
    link: AnyLink | None = kin.lab.links.get(f"{host}:{name}")
    if isinstance(link, Bridge):
        return link
    there = kin.wanted.get(f"{host}:{name}")
    if link is not None or (there is not None and there.given.type != "bridge"):
        kin.problem(wanted, key, f"{host}:{name} is no bridge", "name an interface with 'type: bridge'")
    elif there is None:  # one that is wanted, but could not be made, is reported there
        known = [one.name for one in kin.lab.links_of(host) if isinstance(one, Bridge)]
        known += [one.name for one in kin.wanted.values() if one.namespace == host and one.given.type == "bridge"]
        kin.unknown(wanted, key, "bridge", name, list(dict.fromkeys(known)), f" in {host}")
    return None
