"""The half of claim 6 that no layer shows: children in bridge mode send no bridge protocol data units."""

from __future__ import annotations

import socket

from netlab import plan
from netlab.client import Agent
from netlab.contract.types import Veth
from tests.topologies.shipped import FILES

ETH_P_ALL = 0x0003
#: The bridge group address (IEEE 802.1D), to which BPDUs go.
BRIDGES = bytes.fromhex("0180c2000000")
#: A BPDU of our own: 802.3 length, LLC 42 42 03, protocol 0, version 0, topology change notification.
BPDU = BRIDGES + bytes.fromhex("020000000001") + bytes.fromhex("0007 424203 00000080") + bytes(37)


def test_no_bpdu_comes_from_the_children(agent: Agent) -> None:
    """In every step the switch hears what the host sends, but no BPDU until it hears the one sent by hand."""
    [path] = [path for path in FILES if path.stem == "bridge-no-learning"]
    resolved = plan.from_file(path)
    host = resolved.steps[0].state.link("A:eth0")
    assert isinstance(host, Veth)
    with agent.lab(resolved) as lab:
        lab.enter(resolved.steps[0]).result()
        with (
            lab.socket("lan", socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as receiver,
            lab.socket("A", socket.AF_PACKET, socket.SOCK_RAW) as sender,
        ):
            sender.bind((host.ifname, 0))
            for step in resolved.steps:
                if step.name != "baseline":
                    lab.enter(step).result()
                lab.probe(("broadcast",)).result()
                sender.send(BPDU)
                heard = _until_bpdu(receiver, host.port_ifname)
                assert [frame for frame in heard if frame[:6] == BRIDGES] == [BPDU]
                assert len(heard) > 1


def _until_bpdu(receiver: socket.socket, port: str) -> list[bytes]:
    """Every frame that came in by a port, up to and with the BPDU sent by hand."""
    receiver.settimeout(60)
    frames: list[bytes] = []
    while BPDU not in frames:
        data, (ifname, _, kind, *_rest) = receiver.recvfrom(2048)
        if ifname == port and kind != socket.PACKET_OUTGOING:
            frames.append(data)
    return frames
