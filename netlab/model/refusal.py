"""What the kernel refuses to make or to change, and with which errno."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.contract import types as plan
from netlab.contract.types import stack
from netlab.model.device import BAD_MAC, Refused, bad_mac
from netlab.model.kinds import KINDS
from netlab.model.rules import rule

NO_PORT = rule(
    "refuse/not-a-port",
    "A bridge can't be a port of a bridge (ELOOP), and an ipvlan child neither (EINVAL).",
    "br_add_if",
    "net/bridge/br_if.c",
)
ABOVE = rule(
    "refuse/member-of-what-it-sits-on",
    "A link can't be a member of one that it sits on (EBUSY).",
    "__netdev_upper_dev_link",
    "net/core/dev.c",
)


def predict_refusal(state_before: plan.State, change: plan.Change) -> Refused | None:
    """What the kernel refuses of a change to a state: errno, when, rule; None where it takes all of it."""
    if isinstance(change, plan.AddLink):
        return next(_creation(state_before, change.link), None)
    if isinstance(change, plan.SetLink):
        return next(_change(state_before, change.before, change.after), None)
    return None


def _creation(state: plan.State, link: plan.AnyLink) -> Iterator[Refused]:
    if bad_mac(link.mac):
        yield "EADDRNOTAVAIL", "create", BAD_MAC
    if link.member == "port" and link.no_port:
        yield link.no_port, "create", NO_PORT
    if link.master in {one.id for one in stack(link, state.link)}:
        yield "EBUSY", "create", ABOVE
    yield from KINDS[type(link)].refuses(state, link)


def _change(state: plan.State, before: plan.AnyLink, after: plan.AnyLink) -> Iterator[Refused]:
    if before.mac != after.mac and bad_mac(after.mac):
        yield "EADDRNOTAVAIL", "set", BAD_MAC
    yield from KINDS[type(after)].refuses_change(state, before, after)
