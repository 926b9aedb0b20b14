"""What kind of link is asked for, whether its keys fit, and what the kernel would surely refuse."""

from __future__ import annotations

from netlab.contract.types.links import loopback
from netlab.plan import values
from netlab.plan.kinds import COMMON, KINDS
from netlab.plan.request import BuildContext, LinkRequest
from netlab.plan.veth import ENDS
from netlab.spec.problems import did_you_mean


def type_of(request: LinkRequest) -> str:
    """The kind that is asked for, or ''."""
    given = request.given
    plugged = given.switch is not None or given.bridge is not None or given.peer is not None
    return given.type or ("veth" if plugged else loopback.Loopback.kind if request.name == loopback.NAME else "")


def fits(context: BuildContext, request: LinkRequest) -> bool:
    """Whether the interface is of a known kind, and has no keys of another."""
    lab, given = context.lab, request.given
    name = type_of(request)
    if not name:
        hint = (
            "add 'type: macvlan'" if given.parent is not None else "add 'switch: …', or 'type: macvlan' and 'parent: …'"
        )
        lost = bool(lab.file.spec.pruned & {"type", *ENDS})
        lab.file.problems.add(
            request.where, f"{request.id} is neither plugged into a switch nor of a type", hint, follows=lost
        )
        lab.file.broken.add(request.id)
        return False
    if request.name == loopback.NAME and name != loopback.Loopback.kind:
        lab.file.problems.add(request.where, f"{request.id} is the loopback, and no {name}", "another name")
        lab.file.broken.add(request.id)
        return False
    kind = KINDS.get(name)
    if kind is None:
        context.problem(request, "type", f"no link kind {name!r}", did_you_mean(name, KINDS, "known"))
        lab.file.broken.add(request.id)
        return False
    for key in sorted(given.model_fields_set - COMMON - kind.keys):
        if getattr(given, key) is not None:
            where = lab.file.where(*request.path, key)
            owners = ", ".join(other.type for other in KINDS.values() if key in other.keys)
            lab.file.problems.add(where, f"{key!r} means nothing on a {name}", f"it belongs to {owners}")
    return True


def check(context: BuildContext, request: LinkRequest) -> None:
    """Report values that the kernel surely refuses, unless the file expects the refusal."""
    values.check_mac(context.lab.file, request.mac, (*request.path, "mac"))
    KINDS[type_of(request)].check(context, request)
    if request.given.mtu is not None:
        check_mtu(context, request, "mtu", request.given.mtu, "not")


def check_mtu(context: BuildContext, request: LinkRequest, key: str, mtu: int, words: str) -> None:
    """Report an MTU that is too small for IPv6; ``words`` say whose it is."""
    if mtu < 1280 and any(address.family == 6 for address in request.addresses):
        context.problem(request, key, f"IPv6 needs an MTU of at least 1280, {words} {mtu}")
