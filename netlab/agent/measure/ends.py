"""One end of a measurement over plain sockets: a program of its own, so that each end has its own processor time.

``python ends.py CONFIG``, with CONFIG as JSON; the result goes to standard output as one JSON object. The other
end is the same program with the complementary ``role``. Standard library only, and little of it: the start counts.

Throughput (TCP): ``streams`` connections; one end writes for ``duration`` seconds (or until ``bytes`` are
written), the other counts what arrives after ``omit`` seconds. Latency (TCP or UDP): the client sends a request
of ``length`` bytes, the server sends it back, the client notes the time, for ``duration`` seconds or ``count``
round trips; both on the same processor, where they are on one machine.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
import time
from typing import Any

#: Bytes of one write or read, as iperf3's default.
BLOCK = 128 << 10
#: Seconds for a connection, and for an answer before a datagram counts as lost.
PATIENCE = 1.0
LOST_AFTER = 0.2
SO_BINDTODEVICE = 25
TCP_INFO = 11
#: Offset of tcpi_total_retrans in struct tcp_info (include/uapi/linux/tcp.h).
TOTAL_RETRANS = 100
MSG_TRUNC = 0x20

Config = dict[str, Any]
Result = dict[str, Any]


def main(config: Config) -> Result:
    """Play one end; what it saw. Raises OSError."""
    family = socket.AF_INET6 if ":" in config["to"] else socket.AF_INET
    kind = socket.SOCK_STREAM if config["protocol"] == "tcp" else socket.SOCK_DGRAM
    server, latency = config["role"] == "server", config["metric"] == "latency"
    if latency:
        # Both ends on one processor: what is measured is the path, not how long an idle processor takes to wake up.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if kind == socket.SOCK_DGRAM and server:
        return echo_datagrams(bound(family, kind, config))
    if server:
        listener = bound(family, kind, config)
        listener.listen(config["streams"])
        socks = [listener.accept()[0] for _ in range(config["streams"])]
    else:
        socks = [connected(family, kind, config) for _ in range(config["streams"])]
    if latency:
        return echo_stream(socks[0]) if server else round_trips(socks[0], config)
    sends = server == config["reverse"]
    return send(socks, config) if sends else receive(socks, config["omit"])


def bound(family: int, kind: int, config: Config) -> socket.socket:
    """The server's socket, bound to the destination's address."""
    sock = socket.socket(family, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, config["vrf"].encode() + b"\0")
    mss(sock, config)
    sock.bind((config["to"], config["port"]))
    return sock


def connected(family: int, kind: int, config: Config) -> socket.socket:
    """A client's socket, bound to the source's interface and address, connected."""
    sock = socket.socket(family, kind)
    sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, config["device"].encode() + b"\0")
    mss(sock, config)
    sock.settimeout(PATIENCE)
    sock.bind((config["from"], 0))
    sock.connect((config["to"], config["port"]))
    sock.settimeout(None)
    return sock


def mss(sock: socket.socket, config: Config) -> None:
    """The largest segment, where one is asked for."""
    if config["mss"] is not None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, config["mss"])


def send(socks: list[socket.socket], config: Config) -> Result:
    """Write until time or bytes are up, then close and wait for the receiver to close, too."""
    block = memoryview(bytes(config["length"] or BLOCK))
    left = config["bytes"]
    begun, cpu = time.perf_counter(), time.process_time()
    end = begun + config["duration"] + config["omit"] if left is None else float("inf")
    poll = select.epoll()
    for sock in socks:
        sock.setblocking(False)
        poll.register(sock.fileno(), select.EPOLLOUT)
    by_fd = {sock.fileno(): sock for sock in socks}
    sent = 0
    while (now := time.perf_counter()) < end and (left is None or sent < left):
        for fd, _ in poll.poll(min(end - now, PATIENCE)):
            try:
                sent += by_fd[fd].send(block)
            except BlockingIOError:
                continue
    retransmits = 0
    for sock in socks:
        retransmits += struct.unpack_from("=I", sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 192), TOTAL_RETRANS)[0]
        sock.setblocking(True)
        sock.shutdown(socket.SHUT_WR)
    for sock in socks:
        sock.recv(1)
    return {
        "sent": sent,
        "retransmits": retransmits,
        "seconds": time.perf_counter() - begun,
        "cpu": time.process_time() - cpu,
    }


def receive(socks: list[socket.socket], omit: float) -> Result:
    """Count what arrives, from ``omit`` seconds on, until every stream is closed."""
    buffer = bytearray(BLOCK)
    poll = select.epoll()
    for sock in socks:
        poll.register(sock.fileno(), select.EPOLLIN)
    by_fd = {sock.fileno(): sock for sock in socks}
    begun, cpu = time.perf_counter(), time.process_time()
    got, counted_from, last = 0, begun, begun
    while by_fd:
        for fd, _ in poll.poll():
            count = by_fd[fd].recv_into(buffer)
            now = time.perf_counter()
            if not count:
                poll.unregister(fd)
                by_fd.pop(fd).close()
            elif now < begun + omit:
                counted_from = last = now
            else:
                got, last = got + count, now
    return {"bytes": got, "seconds": last - counted_from, "cpu": time.process_time() - cpu}


def echo_datagrams(sock: socket.socket) -> Result:
    """Send every datagram back, until killed."""
    while True:
        data, peer = sock.recvfrom(1 << 16)
        sock.sendto(data, peer)


def echo_stream(sock: socket.socket) -> Result:
    """Send everything back until the client closes."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    cpu = time.process_time()
    while data := sock.recv(1 << 16):
        sock.sendall(data)
    return {"cpu": time.process_time() - cpu}


def round_trips(sock: socket.socket, config: Config) -> Result:
    """Requests, one after the other, each answered before the next; the times in seconds, sorted."""
    length = max(config["length"] or 64, 8)
    stream = sock.type == socket.SOCK_STREAM
    if stream:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A receive timeout of the kernel's own costs nothing; Python's would poll before each receive.
    seconds = PATIENCE if stream else LOST_AFTER
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(seconds), int(seconds % 1 * 1e6)))
    request, buffer = bytearray(length), bytearray(length)
    view, clock = memoryview(buffer), time.perf_counter_ns
    count = config["count"] or (1 << 62)
    times: list[int] = []
    number = lost = 0
    cpu = time.process_time()
    begun = clock()
    # The first round trip resolves neighbours and warms caches: it is made, and not counted.
    end = begun + int((config["omit"] + config["duration"]) * 1e9) if config["count"] is None else 1 << 62
    counted_from = begun + int(config["omit"] * 1e9)
    while number <= count:
        struct.pack_into("!Q", request, 0, number)
        start = clock()
        if start >= end:
            break
        try:
            sock.send(request)
            got = sock.recv_into(buffer)
            while stream and got and got < length:
                got += sock.recv_into(view[got:])
            while not stream and buffer[:8] != request[:8]:  # an answer that came too late, of a request before
                got = sock.recv_into(buffer)
        except BlockingIOError:
            if stream:
                raise TimeoutError("no answer") from None
            lost += 1
            number += 1
            continue
        if not got:
            raise ConnectionResetError("the server has closed the connection")
        if number and start >= counted_from:
            times.append(clock() - start)
        number += 1
    seconds = (clock() - begun) / 1e9
    times.sort()
    return {
        "times": times_of(times),
        "count": len(times),
        "lost": lost,
        "packets": number,
        "seconds": seconds,
        "cpu": time.process_time() - cpu,
    }


def times_of(ordered: list[int]) -> dict[str, float]:
    """Quantiles of sorted nanoseconds, in seconds: the smallest value that is not below so many of them."""
    if not ordered:
        return {}
    size = len(ordered)
    at = {"min": 1, "p50": -(-size // 2), "p90": -(-size * 90 // 100), "p99": -(-size * 99 // 100), "max": size}
    found = {name: ordered[rank - 1] / 1e9 for name, rank in at.items()}
    return {**found, "mean": sum(ordered) / size / 1e9}


if __name__ == "__main__":
    try:
        print(json.dumps(main(json.loads(sys.argv[1]))))
    except OSError as error:
        print(json.dumps({"error": error.strerror or str(error), "errno": error.errno}))
        sys.exit(1)
