"""What the model takes as neutral is what the sweep has shown to be so, on this kernel, too."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from netlab.client import Agent
from netlab.contract.types import Namespace
from netlab.model import neutral
from netlab.model.sysctls import Settings, followed
from netlab.plan import sysctls
from netlab.spec.sysctls import MACHINE_WIDE
from tests.sysctls.measure import LABS, SmallLab
from tests.sysctls.settings import Setting, existing, known

TABLE = neutral.table()


def strange(path: str, value: str) -> set[int]:
    """The address families of which nothing is said where a host has a sysctl set so."""
    told = Settings(Namespace("A", "host", sysctls=((path.replace("*", "eth0"), value),)))
    return {family for family, paths in told.strange.items() if paths}


def test_what_every_host_is_given_is_known() -> None:
    """The values that the plan writes everywhere leave no pair unknown."""
    for path, value in {**sysctls.defaults(), **sysctls.BRIDGE}.items():
        assert not strange(path, value), path


@pytest.mark.parametrize("path", TABLE)
def test_only_what_was_shown_to_be_neutral_is_taken_so(path: str) -> None:
    """A value that changed no letter is neutral; one that did, or was refused, makes its family's pairs unknown."""
    row = TABLE[path]
    families = {4} if path.startswith("net/ipv4/conf/") else {6} if path.startswith("net/ipv6/") else {4, 6}
    for value in row.neutral:
        assert not strange(path, value) or path.startswith("net/bridge/"), value
    for value in {*row.changing, *row.refused}:
        assert strange(path, value) & families, value
    assert strange(path, "9" * 30) & families, "far beyond what was tried"
    assert strange(path, "x") & families, "no number"


def test_a_number_between_two_that_were_tried_is_neutral() -> None:
    """Where none of the values that were tried changes a letter, those between them don't; elsewhere they may."""
    assert not strange("net/ipv4/tcp_keepalive_time", "100")
    assert strange("net/ipv4/ip_default_ttl", "3") == {4, 6}
    assert strange("net/ipv4/neigh/eth0/app_solicit", "3") == {4}


def test_what_is_not_in_the_table_is_unknown() -> None:
    """A sysctl that a newer kernel may have, or that the sweep couldn't try, makes its pairs unknown."""
    assert strange("net/ipv4/conf/all/new_in_7_0", "1") == {4}
    assert strange("net/ipv6/conf/eth0/new_in_7_0", "1") == {6}
    assert strange("net/core/new_in_7_0", "1") == {4, 6}
    assert strange("net/bridge/bridge-nf-filter-vlan-tagged", "1") == {4, 6}


def test_the_table_has_what_no_rule_is_for() -> None:
    """Of what this kernel has, nothing is both followed and in the table, and nothing of the whole machine is there."""
    assert not [path for path in TABLE if followed(path) or path in MACHINE_WIDE]
    assert len(existing().keys() & TABLE.keys()) > 200


def test_nothing_else_is_the_whole_machines() -> None:
    """What is written in one namespace is not seen in another, of all that a file may set."""
    assert not [path for path, one in known().items() if one.wide]


@pytest.fixture(scope="module")
def lab() -> Iterator[SmallLab]:
    """The quickest of the labs."""
    with Agent.start() as agent:
        yield SmallLab(agent, LABS / "static.yaml")


def test_neutral_is_neutral_on_this_kernel(lab: SmallLab) -> None:
    """A sample of what the table has as neutral changes no letter, many at once; one that it hasn't does."""
    rng = random.Random(1)
    # An ordinary user's lab has not all groups of the machine (ipv4_ping_group_range).
    there = existing().keys() - ({"net/ipv4/ping_group_range"} if os.geteuid() else set())
    settings = [
        Setting(path, rng.choice(row.neutral[1:])) for path, row in TABLE.items()
        if path in there and row.neutral[1:] and "/bridge/" not in path
    ]  # fmt: skip
    for setting in (settings[start::6] for start in range(6)):
        assert not lab.notices(setting), setting
    assert lab.notices([*settings[::6], Setting("net/ipv4/conf/*/drop_unicast_in_l2_multicast", "1")]) & {"icmp", "udp"}
