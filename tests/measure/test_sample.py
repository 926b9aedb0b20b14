"""What the two ends left behind, as a sample."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from netlab.client import LabError
from netlab.contract.measures import Traffic
from netlab.measure.sample import sample

Raw = dict[str, Any]
TCP = Traffic(metric="throughput")
UDP = Traffic(metric="throughput", protocol="udp")


def end(out: Any = "", status: int = 0, cpu: float = 0.5, err: str = "") -> Raw:
    """What one end left."""
    return {"status": status, "cpu": cpu, "out": out if isinstance(out, str) else json.dumps(out), "err": err}


def raw(tool: str, client: Raw, server: Raw | None = None, status: str = "ok", detail: str = "") -> Raw:
    """A whole measurement."""
    return {"tool": tool, "status": status, "detail": detail, "client": client, "server": server or end()}


def report(protocol: str, **sums: Any) -> Raw:
    """A report of iperf3, as short as `iperf3.TestResult` can read it."""
    test = {"protocol": protocol, "num_streams": 1, "blksize": 1, "omit": 0, "duration": 1, "reverse": 0}
    connected = {"local_host": "a", "local_port": 1, "remote_host": "b", "remote_port": 2}
    cpu = dict.fromkeys(("host_user", "host_system", "remote_user", "remote_system"), 0.0)
    start = {
        "timestamp": {"time": "t", "timesecs": 0}, "system_info": "", "version": "iperf 3.12", "connected": [connected],
        "tcp_mss_default": 1448, "test_start": test,
    }  # fmt: skip
    ended = {**sums, "cpu_utilization_percent": {"host_total": 40.0, "remote_total": 60.0, **cpu}}
    return {"start": start, "end": ended}


def test_tcp_by_iperf3() -> None:
    """The receiver's rate counts, processor time is for a gigabyte received, retransmits are the sender's."""
    sent = {"bytes": 2_100_000_000, "bits_per_second": 16.8e9, "retransmits": 7}
    received = {"bytes": 2_000_000_000, "bits_per_second": 16e9, "seconds": 1.0}
    sums = {"sum_sent": sent, "sum_received": received, "sender_tcp_congestion": "cubic"}
    found = sample(raw("iperf3", end(report("TCP", **sums), cpu=0.4), end(cpu=0.8)), TCP)
    assert (found.status, found.tool, found.value, found.bytes) == ("ok", "iperf3 3.12", 16e9, 2_000_000_000)
    assert found.cpu == pytest.approx(0.6)
    assert (found.retransmits, found.congestion, found.reported) == (7, "cubic", (40.0, 60.0))


def test_what_was_omitted_has_cost_its_share() -> None:
    """Half of the time was left out of the bytes, so half of the processor time is left out, too."""
    received = {"bytes": 10**9, "bits_per_second": 8e9, "seconds": 1.0}
    sums = {"sum_sent": {"bytes": 1, "bits_per_second": 1.0}, "sum_received": received}
    omitting = Traffic(metric="throughput", omit=1.0)
    found = sample(raw("iperf3", end(report("TCP", **sums), cpu=0.5), end(cpu=0.5)), omitting)
    assert found.cpu == pytest.approx(0.5)


def test_udp_by_iperf3() -> None:
    """What arrived counts, and how much was lost of what was sent."""
    total = {
        "bytes": 1000, "bits_per_second": 8000.0, "jitter_ms": 0.25, "packets": 10, "lost_packets": 4,
        "lost_percent": 40.0, "seconds": 1.0,
    }  # fmt: skip
    received = {"bytes": 600, "bits_per_second": 4800.0, "seconds": 1.0}
    found = sample(raw("iperf3", end(report("UDP", sum=total, sum_received=received)), end()), UDP)
    assert (found.value, found.lost, found.packets, found.jitter) == (4800.0, 4, 10, 0.00025)
    assert found.retransmits is None


@pytest.mark.parametrize("reverse", [False, True])
def test_tcp_by_plain_sockets(reverse: bool) -> None:
    """The end that receives says how much, the end that sends how often again, each its own processor time."""
    sender = {"sent": 2000, "retransmits": 3, "seconds": 1.0, "cpu": 0.1}
    receiver = {"bytes": 1000, "seconds": 2.0, "cpu": 0.3}
    client, server = (receiver, sender) if reverse else (sender, receiver)
    traffic = Traffic(metric="throughput", engine="sockets", reverse=reverse)
    found = sample(raw("sockets", end(client), end(server)), traffic)
    assert (found.tool, found.value, found.retransmits) == ("plain sockets", 4000.0, 3)
    assert found.cpu == pytest.approx(0.4 / 1e-6)


def test_round_trips() -> None:
    """The median is the value, and the other quantiles are kept."""
    times = {"min": 1e-5, "p50": 2e-5, "p90": 3e-5, "p99": 4e-5, "max": 5e-5, "mean": 2.1e-5}
    told = {"times": times, "count": 9, "lost": 1, "packets": 10, "seconds": 1.0, "cpu": 0.1}
    found = sample(raw("sockets", end(told)), Traffic(metric="latency"))
    assert (found.value, found.count, found.lost, found.times) == (2e-5, 9, 1, times)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("unable to connect to server: Connection refused", "refused"),
        ("unable to connect to server: No route to host", "unreachable"),
        ("unable to connect to server: Connection timed out", "timed-out"),
        ("unable to create a new stream: Bad luck", "failed"),
    ],
)
def test_the_client_says_what_went_wrong(error: str, status: str) -> None:
    """iperf3 exits with 0 all the same; its words decide."""
    found = sample(raw("iperf3", end({"start": {}, "end": {}, "error": error})), TCP)
    assert (found.status, found.detail, found.value, found.ok) == (status, error, None, False)


def test_a_report_that_is_none() -> None:
    """Half a report, or another program's, is a failure in words, never an exception."""
    for out in ('{"start": ', '{"start": {}, "end": {}}', "[]", "hello"):
        found = sample(raw("iperf3", end(out)), TCP)
        assert found.status == "failed"
        assert found.detail


def test_nothing_arrived() -> None:
    """A rate of zero is no figure."""
    told = {"bytes": 0, "seconds": 1.0, "cpu": 0.1}, {"sent": 5, "retransmits": 0, "seconds": 1.0, "cpu": 0.1}
    found = sample(raw("sockets", end(told[1]), end(told[0])), TCP)
    assert (found.status, found.detail, found.value) == ("failed", "nothing arrived", None)


def test_how_it_ended_comes_before_what_was_said() -> None:
    """Of a killed server the client says that its connection was closed; the sample says why."""
    client = end({"error": "control socket has closed unexpectedly"})
    found = sample(raw("iperf3", client, status="server-died", detail="the server was ended by SIGKILL"), TCP)
    assert found.status == "server-died"
    assert found.detail == "the server was ended by SIGKILL (control socket has closed unexpectedly)"


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package that reads iperf3's reports is missing it is named, with what fixes it and exit code 3."""
    monkeypatch.setitem(sys.modules, "iperf3", None)
    with pytest.raises(LabError, match="the Python package iperf3") as caught:
        sample(raw("iperf3", end(report("TCP"))), TCP)
    assert (caught.value.exit_code, caught.value.fix) == (3, "pip install iperf3")
    assert sample(raw("sockets", end({"error": "timed out"})), TCP).status == "timed-out"


def test_it_is_imported_only_where_something_is_measured() -> None:
    """Neither the front nor the agent imports it before."""
    ask = "import sys, netlab.cli.group, netlab.cli.run, netlab.pipeline, netlab.measure.session, netlab.agent.server"
    done = subprocess.run(
        [sys.executable, "-c", f"{ask}; print('iperf3' in sys.modules)"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
