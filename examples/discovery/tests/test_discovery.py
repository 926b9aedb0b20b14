"""The daemon on real networks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import Running

import netlab

Start = Callable[[str], Running]


def lan(*names: str, **port: object) -> netlab.Topology:
    """Machines on one switch, the last of them behind a port with these options."""
    built = netlab.Topology("lan").switch("lan")
    for k, name in enumerate(names, 1):
        options = {"port": port} if port and name == names[-1] else {}
        built.host(name).interface("eth0", switch="lan", addresses=f"10.1.0.{k}/24", **options)
    return built


two = pytest.mark.topology(lan("one", "two"))


@two
def test_two_find_each_other(start: Start) -> None:
    """Who starts last greets, who was there answers: both have found each other."""
    one, two = start("one"), start("two")
    assert one.says() == "found two 10.1.0.2"
    assert two.says() == "found one 10.1.0.1"


@two
def test_goodbye(start: Start) -> None:
    """Who ends says goodbye, once."""
    one, two = start("one"), start("two")
    assert one.says() == "found two 10.1.0.2"
    two.stop()
    assert one.says() == "lost two"


@two
def test_the_port_is_open_while_it_runs(lab: netlab.Lab, start: Start) -> None:
    """A datagram to the daemon's port is refused before it starts, and arrives while it runs."""
    lab.must_not_reach("one", "two", udp=5670)
    start("two")
    lab.must_reach("one", "two", udp=5670)


@pytest.mark.topology(lan("one", "two", "three", "four", "five"))
def test_everybody_finds_everybody(start: Start) -> None:
    """Five daemons, started one after the other, all know the four others in the end."""
    daemons = [start(name) for name in ("one", "two", "three", "four", "five")]
    for daemon in daemons:
        found = {daemon.says().split()[1] for _ in range(4)}
        assert found == {"one", "two", "three", "four", "five"} - {daemon.place.name}


@pytest.mark.topology(lan("one", "two", bcast_flood=False))
def test_a_switch_without_broadcasts(lab: netlab.Lab, start: Start) -> None:
    """Behind a port that floods no broadcasts a daemon finds nobody, though it is found: ARP can't reach it either."""
    lab.must_not_reach("one", "two", ["broadcast", "arp", "udp"])
    lab.must_reach("two", "one", ["broadcast"])
    one = start("one")
    with lab.capture("two:eth0") as capture:
        two = start("two")
        assert one.says() == "found two 10.1.0.2"
        two.stop()
    assert one.says() == "lost two"
    assert [frame.outgoing for frame in capture.frames if b"discovery" in frame.data] == [True, True]


@two
def test_a_cable_that_is_pulled(lab: netlab.Lab, start: Start) -> None:
    """Without a link the daemon goes on and says so; with the link back it is found again."""
    one = start("one")
    lab["two"].interface("eth0").set(state="down")
    lab.must_not_reach("one", "two")
    lonely = start("two")
    assert b"nobody hears: Network is unreachable" in lonely.process.stderr.readline()
    lonely.stop()
    lab["two"].interface("eth0").set(state="up")
    start("two")
    assert one.says() == "found two 10.1.0.2"


@pytest.mark.topology("topologies/macvlan.yaml")
def test_containers(lab: netlab.Lab, start: Start) -> None:
    """Containers on one machine find each other and the machine beside, but not their own host; and the model knew."""
    assert lab.predicted["broadcast", "server/web", "server"] == "U"
    host, web, db, desk = (start(name) for name in ("server", "server/web", "server/db", "desk"))
    assert {web.says().split()[1] for _ in range(2)} == {"server/db", "desk"}
    assert {db.says().split()[1] for _ in range(2)} == {"server/web", "desk"}
    assert {desk.says().split()[1] for _ in range(3)} == {"server", "server/web", "server/db"}
    assert host.says().split()[1] == "desk"
    desk.stop()
    assert [one.says() for one in (host, web, db)] == ["lost desk"] * 3
