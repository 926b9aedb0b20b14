"""A machine under pressure: busy processes on every processor, and floods of frames that keep the softirqs busy."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_HOG = "while True: pass"
#: A veth pair in a network namespace of the flood's own: its frames fill the same backlogs as everybody's.
_FLOOD = """
import socket
from netlab.agent import launcher
from netlab.agent.netlink import Socket, link, peer, set_up
launcher.enter_namespaces()
netlink = Socket()
end = peer({"IFLA_IFNAME": "flood1"}, index=71)
pair = {"IFLA_IFNAME": "flood0", "IFLA_LINKINFO": {"IFLA_INFO_KIND": "veth", "IFLA_INFO_DATA": {"VETH_INFO_PEER": end}}}
made = link("add", pair, "", index=70, up=True)
assert not any(answer.errno for answer in netlink.batch([made.message, set_up("flood", 71, "flood1").message]))
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
sock.bind(("flood0", 0))
frame = b"\\xff" * 6 + b"\\x02" + b"\\0" * 5 + b"\\x99\\x99" + b"\\0" * 46
print("on", flush=True)
while True:
    try:
        sock.send(frame)
    except OSError:
        pass
"""


@contextmanager
def pressure(hogs: int = 4, floods: int = 1) -> Iterator[None]:
    """Keep the machine busy while the block runs; every process is ended by its pid afterwards."""
    env = {**os.environ, "PYTHONPATH": os.getcwd()}
    processes = [subprocess.Popen([sys.executable, "-c", _HOG]) for _ in range(hogs)]
    try:
        for _ in range(floods):
            flood = subprocess.Popen([sys.executable, "-c", _FLOOD], stdout=subprocess.PIPE, env=env)
            processes.append(flood)
            assert flood.stdout is not None
            assert flood.stdout.readline() == b"on\n"
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
