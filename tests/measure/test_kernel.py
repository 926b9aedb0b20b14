"""Measurements on the real kernel: paths of a known speed, and everything that can go wrong on the way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netlab import plan
from netlab.client import Agent, Cancelled, Lab, LabError
from netlab.contract.measures import Traffic
from netlab.contract.observed import Sample
from netlab.contract.types import Endpoint
from netlab.measure import Lock
from tests.measure.conftest import HOSTS
from tests.ordinary import needs_another_user

pytestmark = pytest.mark.xdist_group("measure")

needs_iperf3 = pytest.mark.skipif(shutil.which("iperf3") is None, reason="iperf3 is not installed")
NFT = shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin")
needs_nft = pytest.mark.skipif(NFT is None, reason="nft is not installed")


def labelled(lab: Lab) -> dict[str, Endpoint]:
    """The endpoints of a lab's baseline by id."""
    return {endpoint.id: endpoint for endpoint in lab.plan.steps[0].state.endpoints}


@pytest.fixture(scope="module")
def shaped(agent: Agent) -> Iterator[Lab]:
    """A lab in which what A sends is shaped to 100 Mbit/s, and what A/c1 sends to 50 Mbit/s by the other kind."""
    text = HOSTS.replace('"fd00::1/64"]}', '"fd00::1/64"], limit: 100mbit}').replace(
        "addresses: [10.0.0.11/24]", "addresses: [10.0.0.11/24], limit: {rate: 50mbit, kind: htb}"
    )
    resolved = plan.from_file(text, "f")
    with agent.lab(resolved) as lab:
        lab.enter(resolved.steps[0]).result()
        yield lab


@pytest.fixture(scope="module")
def plain(agent: Agent) -> Iterator[Lab]:
    """A lab without limits."""
    resolved = plan.from_file(HOSTS, "f")
    with agent.lab(resolved) as lab:
        lab.enter(resolved.steps[0]).result()
        yield lab


def once(lab: Lab, source: str, destination: str, **how: Any) -> Sample:
    """One measurement, alone on this machine."""
    ends = labelled(lab)
    how.setdefault("metric", "throughput")
    with Lock():
        return lab.measure(ends[source], ends[destination], Traffic(**how)).result()


def nothing_runs(lab: Lab) -> None:
    """No process of a measurement is left in the agent's namespaces."""
    with lab.spawn("A", ["pgrep", "-c", "-f", "iperf3|ends.py"]) as found:
        out, _ = found.communicate()
    assert out.strip() == b"0"


# --- figures that are known beforehand ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "destination", "least", "most", "how"),
    [
        pytest.param("A:eth0", "B:eth0", 90, 100, {}, id="tbf", marks=needs_iperf3),
        pytest.param("A:eth0", "B:eth0", 90, 100, {"engine": "sockets"}, id="tbf-sockets"),
        pytest.param("B:eth0", "A:eth0", 90, 100, {"reverse": True}, id="reverse", marks=needs_iperf3),
        pytest.param("B:eth0", "A:eth0", 90, 100, {"reverse": True, "engine": "sockets"}, id="reverse-sockets"),
        pytest.param("A:eth0", "B:eth0", 90, 100, {"family": 6}, id="ipv6", marks=needs_iperf3),
        pytest.param("A:eth0", "B:eth0", 90, 100, {"streams": 3}, id="streams", marks=needs_iperf3),
        pytest.param("A:eth0", "B:eth0", 90, 100, {"streams": 3, "engine": "sockets"}, id="streams-sockets"),
        pytest.param("A:eth0", "B:eth0", 85, 100, {"protocol": "udp"}, id="udp", marks=needs_iperf3),
        pytest.param("A/c1:eth0", "A/c2:eth0", 44, 50, {}, id="htb", marks=needs_iperf3),
        pytest.param("A/c1:eth0", "B:eth0", 44, 50, {"omit": 1.0}, id="omit", marks=needs_iperf3),
        pytest.param("A/c1:eth0", "B:eth0", 44, 50, {"omit": 0.3, "engine": "sockets"}, id="omit-sockets"),
        pytest.param("A/c2:eth0", "B:eth0", 90, 100, {}, id="parent", marks=needs_iperf3),
        pytest.param(
            "B:eth0", "A:eth0", 19, 20.5, {"protocol": "udp", "bitrate": 20_000_000}, id="bitrate", marks=needs_iperf3
        ),
    ],
)
def test_a_path_of_known_speed(
    shaped: Lab, source: str, destination: str, least: float, most: float, how: dict[str, Any]
) -> None:
    """A path that is shaped to so many megabits carries nearly as many, less its headers, and no more."""
    sample = once(shaped, source, destination, **how)
    assert sample.ok, sample.detail
    assert sample.value is not None
    assert least <= sample.value / 1e6 <= most


def test_a_number_of_bytes(shaped: Lab) -> None:
    """Five megabytes are sent, and no more: the duration does not count."""
    sample = once(shaped, "A:eth0", "B:eth0", bytes=5_000_000, engine="sockets")
    assert sample.bytes is not None
    assert 5_000_000 <= sample.bytes < 6_000_000


@needs_iperf3
@pytest.mark.parametrize(
    ("how", "tool"), [({}, "sockets"), ({"engine": "iperf3"}, "iperf3"), ({"protocol": "udp"}, "iperf3")]
)
def test_all_end_with_the_bytes(shaped: Lab, how: dict[str, Any], tool: str) -> None:
    """Whatever measures ends by itself; iperf3, which is late from 3.16 on, is taken only where nothing else can."""
    sample = once(shaped, "A:eth0", "B:eth0", bytes=2_000_000, **how)
    assert sample.status == "ok", sample
    assert tool in (sample.tool or "")


@needs_iperf3
def test_a_smaller_segment_size_is_used(shaped: Lab) -> None:
    """With an MSS of 536 the headers take more of the same path, so less gets through."""
    small = once(shaped, "A:eth0", "B:eth0", mss=536)
    assert small.value is not None
    assert 80 <= small.value / 1e6 <= 94.5


def test_processor_time_is_that_of_both_ends(shaped: Lab) -> None:
    """A measured gigabyte has its price, and either end has used some of it."""
    sample = once(shaped, "A:eth0", "B:eth0", engine="sockets")
    assert sample.cpu is not None
    assert sample.cpu_client is not None
    assert sample.cpu_server is not None
    assert sample.cpu > 0
    assert 0 < sample.cpu_client < 1.5
    assert 0 < sample.cpu_server < 1.5
    assert sample.tool == "plain sockets"


@needs_iperf3
def test_iperf3_is_named_with_its_version(shaped: Lab) -> None:
    """The report can say what measured, and what iperf3 itself says of the processors."""
    sample = once(shaped, "A:eth0", "B:eth0")
    assert sample.tool.startswith("iperf3 3.")
    assert sample.reported is not None
    assert sample.retransmits is not None
    assert sample.congestion


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
@pytest.mark.parametrize("family", [4, 6])
def test_round_trips(plain: Lab, protocol: str, family: int) -> None:
    """Times of round trips are ordered, and one over a veth takes microseconds, not milliseconds."""
    sample = once(plain, "A:eth0", "B:eth0", metric="latency", protocol=protocol, family=family, count=300)
    assert sample.ok, sample.detail
    assert sample.count == 300
    times = sample.times
    assert 1e-6 < times["min"] <= times["p50"] <= times["p90"] <= times["p99"] <= times["max"]
    assert times["min"] < 1e-3
    assert sample.value == times["p50"]


def test_larger_requests_take_longer_where_the_path_is_narrow(agent: Agent) -> None:
    """Fourteen hundred bytes wait for their turn at 1 Mbit/s, once the burst is used up; few bytes don't."""
    old, count = "addresses: [10.0.0.11/24]", 50
    resolved = plan.from_file(HOSTS.replace(old, f"{old}, limit: {{rate: 1mbit, kind: htb}}"), "f")
    limit = resolved.steps[0].state.link("A/c1:eth0").limit
    assert limit
    # Who is kept from the processor for a while finds the burst filled again: only all of them together must wait.
    at_least = (count * 1400 - limit.burst) * 8 / limit.rate / count
    with agent.lab(resolved) as lab:
        lab.enter(resolved.steps[0]).result()
        small, large = (
            once(lab, "A/c1:eth0", "B:eth0", metric="latency", protocol="udp", length=length, count=count).times
            for length in (64, 1400)
        )
    # Milliseconds: far more than a round trip takes on however slow a machine.
    assert small["p50"] < at_least / 2
    assert large["mean"] > at_least


# --- what can go wrong --------------------------------------------------------------------------------


def test_nobody_reaches(plain: Lab) -> None:
    """A path that swallows everything ends in a time-out, with nothing left running."""
    sample = once(plain, "A:eth0", "A/c1:eth0", engine="sockets")
    assert (sample.status, sample.value) == ("timed-out", None)
    nothing_runs(plain)


@needs_nft
@pytest.mark.parametrize("engine", [pytest.param("iperf3", marks=needs_iperf3), "sockets"])
def test_a_port_that_refuses(plain: Lab, engine: str) -> None:
    """Where a firewall answers with a reset the connection is refused, and that is said."""
    rules = b"table inet t { chain i { type filter hook input priority 0; tcp flags syn reject with tcp reset; }; }"
    path = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    with plain.spawn("B", ["nft", "-f", "-"], env=path) as nft:
        _, error = nft.communicate(rules)
        if nft.returncode:
            pytest.skip(f"this kernel has no such filter: {error.decode()[:80]}")
    try:
        sample = once(plain, "A:eth0", "B:eth0", engine=engine)
        assert sample.status == "refused"
        assert "onnection refused" in sample.detail
        nothing_runs(plain)
    finally:
        with plain.spawn("B", ["nft", "delete", "table", "inet", "t"], env=path) as nft:
            assert nft.wait(60) == 0


@pytest.mark.parametrize(
    ("pattern", "status", "how"),
    [
        pytest.param("iperf3 --server", "server-died", {"engine": "iperf3"}, marks=needs_iperf3, id="iperf3-server"),
        pytest.param("iperf3 --client", "client-died", {"engine": "iperf3"}, marks=needs_iperf3, id="iperf3-client"),
        pytest.param('"role": "server"', "server-died", {"engine": "sockets"}, id="sockets-server"),
        pytest.param('"role": "client"', "client-died", {"engine": "sockets"}, id="sockets-client"),
        pytest.param('"role": "server"', "server-died", {"metric": "latency", "protocol": "udp"}, id="latency-server"),
        pytest.param('"role": "server"', "server-died", {"metric": "latency"}, id="latency-tcp-server"),
        pytest.param("iperf3 --server", "server-died", {"protocol": "udp"}, marks=needs_iperf3, id="udp-server"),
    ],
)  # fmt: skip
def test_an_end_is_killed(plain: Lab, pattern: str, status: str, how: dict[str, Any]) -> None:
    """A ``kill -9`` in the middle of a long measurement is told at once for what it is, and the other end goes, too."""
    ends = labelled(plain)
    traffic = Traffic(**{"metric": "throughput", "duration": 30.0, **how})
    running: list[dict[str, Any]] = []
    with Lock():
        reply = plain.measure(ends["A:eth0"], ends["B:eth0"], traffic, running.append)
        deadline = time.monotonic() + 60
        while not any(message["phase"] == "running" for message in running):
            assert time.monotonic() < deadline
            with pytest.raises(TimeoutError):
                reply.result(0.05)
        with plain.spawn("A", ["pkill", "-9", "-f", "--", pattern]) as killer:
            assert killer.wait(60) == 0
        sample = reply.result(60)
    assert sample.status == status
    assert "SIGKILL" in sample.detail
    assert sample.value is None
    nothing_runs(plain)


def test_a_measurement_is_cancelled(plain: Lab) -> None:
    """A measurement that nobody wants any more ends at once, and the lab can be used."""
    ends = labelled(plain)
    with Lock():
        reply = plain.measure(ends["A:eth0"], ends["B:eth0"], Traffic(metric="latency", protocol="udp", duration=60.0))
        plain.cancel(reply)
        with pytest.raises(Cancelled):
            reply.result(60)
    nothing_runs(plain)
    assert once(plain, "A:eth0", "B:eth0", metric="latency", protocol="udp", count=10).ok


def test_the_agent_goes_on_answering(plain: Lab) -> None:
    """While something is measured processes can be started, and what would disturb it is refused."""
    ends = labelled(plain)
    with Lock():
        reply = plain.measure(ends["A:eth0"], ends["B:eth0"], Traffic(metric="latency", protocol="udp", duration=8.0))
        with plain.spawn("A", ["true"]) as process:
            assert process.wait(60) == 0
        with pytest.raises(LabError, match="a measurement is going on"):
            plain.probe(("icmp",)).result()
        assert reply.result(60).ok


def test_closing_a_lab_ends_its_measurement(agent: Agent) -> None:
    """Nobody waits for the measurement of a lab that is gone."""
    resolved = plan.from_file(HOSTS, "f")
    lab = agent.lab(resolved)
    lab.enter(resolved.steps[0]).result()
    ends = labelled(lab)
    with Lock():
        reply = lab.measure(ends["A:eth0"], ends["B:eth0"], Traffic(metric="latency", protocol="udp", duration=60.0))
        lab.close()
        with pytest.raises((Cancelled, LabError)):
            reply.result(60)
        agent.info()


def test_without_iperf3(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """TCP is then measured by plain sockets, which the sample names; UDP can't be, and that is said."""
    monkeypatch.setenv("PATH", str(tmp_path))
    resolved = plan.from_file(HOSTS, "f")
    with Agent.start() as agent, agent.lab(resolved) as lab:
        lab.enter(resolved.steps[0]).result()
        sample = once(lab, "A:eth0", "B:eth0")
        assert (sample.status, sample.tool) == ("ok", "plain sockets")
        for how in ({"protocol": "udp"}, {"engine": "iperf3"}, {"bitrate": 10**6}):
            sample = once(lab, "A:eth0", "B:eth0", **how)
            assert sample.status == "no-tool"
            assert "iperf3 is not installed" in sample.detail


# --- an ordinary user --------------------------------------------------------------------------------


@pytest.fixture
def everyones() -> Iterator[Path]:
    """A folder that any user may enter (pytest's own are for the user who runs it)."""
    with tempfile.TemporaryDirectory(prefix="netlab-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


@needs_another_user
def test_an_ordinary_user_measures_too(everyones: Path) -> None:
    """Without any privilege the same command gives the same kinds of figures."""
    file = everyones / "t.yaml"
    file.write_text(
        HOSTS.replace('"fd00::1/64"]}', '"fd00::1/64"], limit: 100mbit}')
        + "throughput: ['A -> B: 20 to 100 Mbit/s']\nlatency: [A -> B: {count: 100}]\n"
    )
    run = "import sys; from netlab.cli import main; sys.argv = ['netlab', 'run', '--no-report', '-q', 't.yaml']; main()"
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", run],
        cwd=everyones,
        env={**os.environ, "HOME": str(everyones)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "PASS" in done.stdout
