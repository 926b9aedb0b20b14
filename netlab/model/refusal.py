"""What the kernel refuses to make or to change, and with which errno."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.contract import types as plan
from netlab.model.device import BAD_MAC, Refused, bad_mac
from netlab.model.kinds import KINDS


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
    yield from KINDS[type(link)].refuses(state, link)


def _change(state: plan.State, before: plan.AnyLink, after: plan.AnyLink) -> Iterator[Refused]:
    if before.mac != after.mac and bad_mac(after.mac):
        yield "EADDRNOTAVAIL", "set", BAD_MAC
    yield from KINDS[type(after)].refuses_change(state, before, after)
