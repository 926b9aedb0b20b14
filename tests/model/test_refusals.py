"""What the kernel refuses, with its errno."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from netlab.contract import types as plan
from netlab.model import predict_refusal
from tests.model.lab import Lab
from tests.model.scene_labs import bridged

PARENT = "02:00:00:00:00:aa"
SIBLING = "02:00:00:00:00:bb"


def base(mode: str = "bridge", **options: Any) -> plan.State:
    """A parent with one child."""
    lab = Lab().veth("h:eth0", mac=PARENT, mtu=1400)
    options = {"mac": SIBLING, "mtu": 1400} | options
    return lab.child("h/a:eth0", "h:eth0", mode, **options).state()


def new(**options: Any) -> plan.AddLink:
    """A second child."""
    fields: dict[str, Any] = {
        "namespace": "h/b", "name": "eth0", "ifname": "eth0", "ifindex": 99, "mac": "02:00:00:00:00:cc",
        "mtu": 1400, "parent": "h:eth0", "mode": "bridge",
    }  # fmt: skip
    return plan.AddLink(link=plan.Macvlan(**fields | options))


@pytest.mark.parametrize(
    ("state", "options", "expected"),
    [
        (base(), {}, None),
        (base("passthru"), {}, ("EINVAL", "create")),
        (base("passthru"), {"mode": "passthru"}, ("EINVAL", "create")),
        (base(), {"mode": "passthru"}, ("EINVAL", "create")),
        (base(), {"mtu": 1500}, ("EINVAL", "create")),
        (base(), {"mac": "01:00:00:00:00:01"}, ("EADDRNOTAVAIL", "create")),
        (base(), {"mac": "00:00:00:00:00:00"}, ("EADDRNOTAVAIL", "create")),
        (base(), {"mac": SIBLING}, ("EADDRINUSE", "up")),
        (base(up=False), {"mac": SIBLING}, None),
        (base(), {"mac": PARENT}, ("EADDRINUSE", "up")),
        (base(), {"mac": None}, None),
        (base(), {"allowed_macs": (PARENT,)}, ("EINVAL", "create")),
        (base(), {"allowed_macs": (PARENT,), "mode": "source"}, None),
        # On a child the new one hangs on the child's parent.
        (base(), {"parent": "h/a:eth0", "mode": "passthru"}, ("EINVAL", "create")),
    ],
)
def test_creation(state: plan.State, options: dict[str, Any], expected: tuple[str, str] | None) -> None:
    """A second child is refused, or not, with the errno and at the moment that were measured."""
    refused = predict_refusal(state, new(**options))
    assert (refused[:2] if refused else None) == expected


def changed(state: plan.State, link_id: str, **values: Any) -> plan.SetLink:
    """A change of a link."""
    before = state.link(link_id)
    return plan.SetLink(before=before, after=dataclasses.replace(before, **values))


@pytest.mark.parametrize(
    ("mode", "options", "values", "expected"),
    [
        ("bridge", {}, {"mode": "vepa"}, None),
        ("bridge", {}, {"mode": "passthru"}, "EINVAL"),
        ("passthru", {}, {"mode": "bridge"}, "EINVAL"),
        ("passthru", {}, {"mac": "02:00:00:00:00:dd"}, None),
        ("bridge", {}, {"mtu": 1401}, "EINVAL"),
        ("bridge", {}, {"mtu": 1300}, None),
        ("bridge", {}, {"mac": PARENT}, "EADDRINUSE"),
        ("bridge", {"up": False}, {"mac": PARENT}, "EADDRINUSE"),
        ("bridge", {}, {"mac": "03:00:00:00:00:01"}, "EADDRNOTAVAIL"),
        ("bridge", {}, {"allowed_macs": (PARENT,)}, "EINVAL"),
        ("bridge", {}, {"allowed_macs": (PARENT,), "mode": "source"}, None),
        ("source", {}, {"allowed_macs": (PARENT,)}, None),
        ("bridge", {"up": False, "mac": PARENT}, {"up": True}, "EADDRINUSE"),
    ],
)
def test_changes_of_a_child(mode: str, options: dict[str, Any], values: dict[str, Any], expected: str | None) -> None:
    """A live change of a child is refused, or not, with the errno that was measured."""
    state = base(mode, **options)
    refused = predict_refusal(state, changed(state, "h/a:eth0", **values))
    assert refused is None if expected is None else refused is not None and refused[:2] == (expected, "set")


def test_changes_of_a_port() -> None:
    """STP owns its ports' states, and a dead port takes no state but disabled."""
    for stp, up, wanted, expected in (
        (False, True, "learning", None),
        (True, True, "learning", "EBUSY"),
        (False, False, "learning", "ENETDOWN"),
        (False, False, "disabled", None),
    ):
        state = Lab(stp=stp).veth("h:eth0", up=up).state()
        refused = predict_refusal(state, changed(state, "h:eth0", port=plan.Port(state=wanted)))
        assert (refused[0] if refused else None) == expected


@pytest.mark.parametrize(("stp", "expected"), [(True, "EBUSY"), (False, None)])
def test_a_port_of_a_hosts_own_bridge(stp: bool, expected: str | None) -> None:
    """Of a bridge inside a host, too, STP owns the states of ports."""
    lab = bridged()
    lab.text = lab.text.replace("{type: bridge", f"{{type: bridge, stp: {str(stp).lower()}")
    state = lab.state()
    refused = predict_refusal(state, changed(state, "h/c1:eth0", port=plan.Port(state="learning")))
    assert (refused[0] if refused else None) == expected


def test_other_changes_are_not_refused() -> None:
    """Namespaces, deletions and sysctls are never refused."""
    assert predict_refusal(base(), plan.DeleteLink(id="h/a:eth0")) is None
