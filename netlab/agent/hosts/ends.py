"""One end of a measurement whose other end is on another machine."""

from __future__ import annotations

import time
from threading import Event
from typing import Any

from netlab.agent.jobs import Job
from netlab.agent.measure.driver import (
    AFTERMATH,
    BEAT,
    CONNECT,
    GRACE,
    READY,
    Ends,
    Running,
    await_server,
    commands,
    end_of,
    killed,
    longest,
    start,
)
from netlab.contract.measures import Traffic

#: How often the server's job looks whether it is still needed, in seconds.
LOOK = 0.05


def serve(job: Job, ends: Ends, traffic: Traffic, tool: str, port: int, released: Event) -> dict[str, Any]:
    """Serve until the client is done, which the front says by ``released``. Calls ``listening`` when it is ready."""
    argv, _ = commands(tool, ends, traffic, port)
    server = start(job, ends, ends.server, argv)
    try:
        if why := await_server(job, ends, traffic, tool, port, server.child):
            return _told(job, server, "failed", why)
        job.tell(phase="listening")
        patience = time.monotonic() + 2 * (CONNECT + GRACE) + traffic.omit + longest(traffic)
        job.wait(lambda: released.is_set() or killed(server.child), patience, every=LOOK)
        if killed(server.child):
            return _told(job, server, "server-died", end_of("server", server.child))
        if not (tool == "sockets" and traffic.protocol == "udp"):
            # Most servers end by themselves; one of datagrams never does.
            job.wait(lambda: server.child.status is not None, time.monotonic() + AFTERMATH, every=LOOK)
        return _told(job, server, "ok", "")
    finally:
        job.end(server.child)
        server.close()


def connect(job: Job, ends: Ends, traffic: Traffic, tool: str, port: int) -> dict[str, Any]:
    """Be the client, to its end."""
    _, argv = commands(tool, ends, traffic, port)
    client = start(job, ends, ends.client, argv)
    begun = time.monotonic()
    deadline = begun + CONNECT + GRACE + traffic.omit + longest(traffic)
    try:
        while not job.wait(lambda: client.child.status is not None, min(deadline, time.monotonic() + BEAT)):
            elapsed = time.monotonic() - begun
            if time.monotonic() >= deadline:
                return _told(job, client, "timed-out", f"not over after {elapsed:.1f} s")
            job.tell(phase="running", elapsed=round(elapsed, 3))
        if killed(client.child):
            return _told(job, client, "client-died", end_of("client", client.child))
        return _told(job, client, "ok", "")
    finally:
        job.end(client.child)
        client.close()


def _told(job: Job, process: Running, status: str, detail: str) -> dict[str, Any]:
    """How it went, and what the tool said, once it is over."""
    job.end(process.child)
    job.wait(lambda: process.child.status is not None, time.monotonic() + READY)
    out, err = process.texts()
    end = {"status": process.child.status, "cpu": process.child.cpu, "out": out, "err": err}
    return {"status": status, "detail": detail, "end": end}
