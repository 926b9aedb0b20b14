"""From what the two ends of a measurement left behind to a `Sample`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from netlab.client.errors import LabError
from netlab.contract.measures import Traffic
from netlab.contract.observed import Sample

Raw = dict[str, Any]
#: What iperf3 and the sockets say where nothing listens, and where no route leads (strerror(3)).
_REFUSED = "connection refused"
_NO_WAY = ("no route to host", "network is unreachable", "host is unreachable")
_LATE = ("timed out", "no answer")


def sample(raw: Raw, traffic: Traffic) -> Sample:
    """The sample of one measurement; `netlab.agent.measure.driver.measure` says what is in ``raw``.

    Raises LabError: the package that reads iperf3's reports is missing.
    """
    tool = {"iperf3": "iperf3", "sockets": "plain sockets"}.get(raw["tool"], "")
    client, server = raw.get("client", {}), raw.get("server", {})
    known = {"tool": tool, "cpu_client": client.get("cpu"), "cpu_server": server.get("cpu")}
    if raw["status"] != "ok":
        said = _said(client) or _said(server)
        detail = f"{raw['detail']} ({said})" if said else raw["detail"]
        return Sample(status=raw["status"], detail=detail, **known)
    if error := _said(client) or _ended_badly(client):
        return Sample(status=_status(error), detail=error, **known)
    read: Callable[[Raw, Raw, Traffic], Raw] = _latency
    if traffic.metric == "throughput":
        read = _iperf3 if raw["tool"] == "iperf3" else _throughput
    try:
        found = Sample(**{**known, **read(client, server, traffic)})
    except (KeyError, ValueError, TypeError, ZeroDivisionError) as error:
        return Sample(status="failed", detail=f"its report can't be understood: {error!r}", **known)
    if found.ok and not found.value:
        return replace(found, status="failed", detail="nothing arrived", value=None)
    return found


def _said(end: Raw) -> str:
    """The error in an end's own words."""
    try:
        error = json.loads(end.get("out") or "{}").get("error", "")
    except (ValueError, AttributeError):
        error = ""
    return str(error or end.get("err", "").strip().removeprefix("iperf3: error - ").partition("\n")[0])


def _ended_badly(end: Raw) -> str:
    return f"it ended with status {end['status']}" if end.get("status") else ""


def _status(error: str) -> str:
    words = error.lower()
    if _REFUSED in words:
        return "refused"
    if any(way in words for way in _NO_WAY):
        return "unreachable"
    return "timed-out" if any(word in words for word in _LATE) else "failed"


def _per_gigabyte(seconds: float | None, count: int) -> float | None:
    return seconds / (count / 1e9) if seconds is not None and count else None


def _iperf3(client: Raw, server: Raw, traffic: Traffic) -> Raw:
    """iperf3's own report, by `iperf3.TestResult`, and what that leaves out."""
    try:
        from iperf3 import TestResult
    except ModuleNotFoundError as error:
        raise LabError(
            "the Python package iperf3, which reads iperf3's reports, is missing", "pip install iperf3"
        ) from error

    result = TestResult(client["out"])
    received = result.json["end"]["sum_received"]
    seconds, count = float(received["seconds"]), int(received["bytes"])
    # The processes ran through the omitted time as well, the bytes are those after it.
    cpu = (client["cpu"] + server["cpu"]) * seconds / (seconds + traffic.omit)
    found: Raw = {
        "tool": result.version.replace("iperf ", "iperf3 "),
        "value": float(received["bits_per_second"]),
        "seconds": seconds,
        "bytes": count,
        "cpu": _per_gigabyte(cpu, count),
        "reported": (result.local_cpu_total, result.remote_cpu_total),
    }
    if result.protocol == "TCP":
        return found | {
            "retransmits": result.retransmits,
            "congestion": result.json["end"].get("sender_tcp_congestion"),
        }
    return found | {
        "lost": result.lost_packets,
        "packets": result.packets,
        "jitter": result.jitter_ms / 1000,
    }


def _throughput(client: Raw, server: Raw, traffic: Traffic) -> Raw:
    """The report of `netlab.agent.measure.ends`; each end counts its own time, without its start."""
    ends = json.loads(client["out"]), json.loads(server["out"])
    sender, receiver = ends[::-1] if traffic.reverse else ends
    seconds, count = float(receiver["seconds"]), int(receiver["bytes"])
    cpu = (sender["cpu"] + receiver["cpu"]) * seconds / (seconds + traffic.omit)
    return {
        "value": count * 8 / seconds,
        "seconds": seconds,
        "bytes": count,
        "cpu": _per_gigabyte(cpu, count),
        "retransmits": sender["retransmits"],
    }


def _latency(client: Raw, server: Raw, traffic: Traffic) -> Raw:
    found = json.loads(client["out"])
    if not found["count"]:
        return {"status": "failed", "detail": f"none of {found['packets']} requests was answered"}
    return {
        "value": found["times"]["p50"],
        "seconds": found["seconds"],
        "count": found["count"],
        "lost": found["lost"],
        "packets": found["packets"],
        "times": found["times"],
    }
