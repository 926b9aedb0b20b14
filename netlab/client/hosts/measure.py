"""A measurement between two machines: the server on one, the client on the other, the front in between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from netlab.client.errors import LabError
from netlab.client.hosts.ssh import Remote
from netlab.client.reply import Progress, Reply
from netlab.contract.measures import Traffic
from netlab.contract.observed import Sample
from netlab.contract.types import Endpoint
from netlab.contract.wire import to_plain
from netlab.measure.sample import sample

#: How often the front looks whether a server that doesn't listen yet has ended, in seconds.
LOOK = 0.05
#: Told what is under way, so that it can be cancelled: the machine and the request.
Begun = Callable[[Remote, Reply[Any]], None]


def measure(
    client: tuple[Remote, Endpoint], server: tuple[Remote, Endpoint], traffic: Traffic, on_progress: Progress | None,
    begun: Begun,
) -> Sample:  # fmt: skip
    """Measure once. Raises LabError, Cancelled."""
    (near, source), (far, destination) = client, server
    addresses = [endpoint.address(traffic.family) for endpoint in (source, destination)]
    for endpoint, address in zip((source, destination), addresses, strict=True):
        if address is None:
            raise LabError(f"{endpoint.id} has no IPv{traffic.family} address")
    here, there = (address.ip for address in addresses if address is not None)
    values: dict[str, Any] = {
        "traffic": to_plain(traffic),
        "device": source.ifname,
        "source": here,
        "destination": there,
    }
    tool = _tool(near, far, traffic)
    if not tool:
        detail = "iperf3 is not installed on both machines, and nothing else will do"
        return sample({"status": "no-tool", "detail": detail, "tool": ""}, traffic)
    values |= {"tool": tool, "port": traffic.port or _ask(far, "port", ns=destination.namespace, ip=there)}
    listening = threading.Event()
    serving = far.request("serve", on_progress=lambda _said: listening.set(), ns=destination.namespace, **values)
    begun(far, serving)
    while not listening.wait(LOOK):
        try:
            told = serving.result(0)
        except TimeoutError:
            continue
        return sample({**told, "tool": tool, "server": told["end"]}, traffic)
    connecting = near.request("connect", on_progress=on_progress, ns=source.namespace, **values)
    begun(near, connecting)
    try:
        did = connecting.result()
    finally:
        far.request("release", request=serving.number)
    served = serving.result()
    worse = next((one for one in (served, did) if one["status"] != "ok"), did)
    raw = {"status": worse["status"], "detail": worse["detail"], "tool": tool}
    return sample({**raw, "client": did["end"], "server": served["end"]}, traffic)


def _tool(near: Remote, far: Remote, traffic: Traffic) -> str:
    """What both machines have of what the file allows."""
    tools = [_ask(remote, "tool", traffic=to_plain(traffic)) for remote in (near, far)]
    if tools[0] == tools[1]:
        return str(tools[0])
    allowed = traffic.engine == "auto" and traffic.protocol == "tcp"
    return "sockets" if allowed and all(tools) else ""


def _ask(remote: Remote, op: str, **values: Any) -> Any:
    return remote.request(op, **values).result()
