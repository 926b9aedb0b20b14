"""One NETLINK_ROUTE socket: many requests in one system call, each with its own answer."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# include/uapi/linux/netlink.h
SOL_NETLINK = 270
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11
NLMSG_ERROR = 2
NLMSG_DONE = 3
NLM_F_REQUEST = 0x1
NLM_F_ACK = 0x4
NLM_F_CAPPED = 0x100
NLM_F_ACK_TLVS = 0x200
NLM_F_DUMP = 0x300
NLMSGERR_ATTR_MSG = 1

_HEADER = struct.Struct("=LHHLL")
_SEQUENCE = struct.Struct("=L")
_FLAGS = struct.Struct("=H")
_ERROR = struct.Struct("=i")
_ATTRIBUTE = struct.Struct("=HH")
#: NLA_F_NESTED and NLA_F_NET_BYTEORDER stand above it.
NLA_TYPE_MASK = 0x3FFF
#: Acks wait in our receive buffer while the kernel works through a batch: keep a batch well below its size.
BATCH = 64
#: Bytes of answers that are read at once; the kernel fills 32 KiB at most (netlink_recvmsg, max_recvmsg_len).
ROOM = 1 << 17
#: Where only errors come back, what is sent must fit the send buffer (net.core.wmem_default, 208 KiB).
QUIET_BATCH = 1024


class Answer(NamedTuple):
    """The kernel's answer to one request: an errno (0: done) and its own words, where it had any."""

    errno: int
    message: str


class Socket:
    """A NETLINK_ROUTE socket of the network namespace in which the calling thread is. Raises OSError."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        try:
            self._socket.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
            self._socket.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            self._socket.bind((0, 0))
        except OSError:
            self._socket.close()
            raise
        self._sequence = 0
        #: Answers come in here: to allocate as much for each would take longer than to read it.
        self._room = bytearray(ROOM)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def batch(self, messages: Sequence[bytearray]) -> list[Answer]:
        """Send encoded requests (each with NLM_F_ACK), in order; one answer each. One that fails stops none."""
        answers: list[Answer] = []
        for start in range(0, len(messages), BATCH):
            part = messages[start : start + BATCH]
            first = self._sequence + 1
            for message in part:
                self._sequence += 1
                _SEQUENCE.pack_into(message, 8, self._sequence)
            self._socket.send(b"".join(part))
            got: dict[int, Answer] = {}
            while len(got) < len(part):
                for kind, flags, sequence, body in _split(self._receive()):
                    if kind == NLMSG_ERROR:
                        got[sequence] = _answer(flags, body)
            answers += (got[sequence] for sequence in range(first, first + len(part)))
        return answers

    def failures(self, messages: Sequence[bytes | bytearray]) -> list[Answer]:
        """Send encoded requests without NLM_F_ACK, many more at once than `batch` can; only the errors come back."""
        found: list[Answer] = []
        for start in range(0, len(messages), QUIET_BATCH):
            part = messages[start : start + QUIET_BATCH]
            # Only the last has to be known again: it is answered in any case.
            final = bytearray(part[-1])
            self._sequence += 1
            _SEQUENCE.pack_into(final, 8, self._sequence)
            _FLAGS.pack_into(final, 6, NLM_F_REQUEST | NLM_F_ACK | _FLAGS.unpack_from(final, 6)[0])
            self._socket.send(b"".join([*part[:-1], final]))
            last = False
            while not last:
                for kind, flags, sequence, body in _split(self._receive()):
                    if kind == NLMSG_ERROR:
                        answer = _answer(flags, body)
                        found += [answer] if answer.errno else []
                        last = last or sequence == self._sequence
        return found

    def _receive(self) -> bytes:
        """What the kernel has to say, at most ``ROOM`` bytes of it."""
        return bytes(memoryview(self._room)[: self._socket.recv_into(self._room)])

    def dump(self, request: bytes) -> list[memoryview]:
        """Send one NLM_F_DUMP request; whole messages, headers included. Raises OSError."""
        self._sequence += 1
        self._socket.send(request[:8] + _SEQUENCE.pack(self._sequence) + request[12:])
        found: list[memoryview] = []
        while True:
            data = memoryview(self._receive())
            offset = 0
            while offset < len(data):
                length, kind, flags, sequence, _port = _HEADER.unpack_from(data, offset)
                if sequence == self._sequence:
                    if kind == NLMSG_DONE:
                        return found
                    if kind == NLMSG_ERROR:
                        answer = _answer(flags, data[offset + 16 : offset + length])
                        raise OSError(answer.errno, answer.message or os.strerror(answer.errno))
                    found.append(data[offset : offset + length])
                offset += (length + 3) & ~3


def header(kind: int, flags: int, body: bytes) -> bytes:
    """A whole request with sequence number 0."""
    return _HEADER.pack(16 + len(body), kind, flags, 0, 0) + body


def nla(kind: int, data: bytes) -> bytes:
    """One attribute, padded."""
    return _ATTRIBUTE.pack(4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def attributes(data: memoryview | bytes, offset: int) -> Iterator[tuple[int, memoryview | bytes]]:
    """The attributes that stand in a message from ``offset`` on: kind, less the flags it carries, and value."""
    while offset + 4 <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        yield kind & NLA_TYPE_MASK, data[offset + 4 : offset + length]
        offset += max(4, (length + 3) & ~3)


def _split(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    offset = 0
    while offset < len(data):
        length, kind, flags, sequence, _port = _HEADER.unpack_from(data, offset)
        yield kind, flags, sequence, data[offset + 16 : offset + length]
        offset += (length + 3) & ~3


def _answer(flags: int, body: bytes | memoryview) -> Answer:
    errno = -_ERROR.unpack_from(body)[0]
    if not flags & NLM_F_ACK_TLVS:
        return Answer(errno, "")
    # Behind the error number stands the header of our request, all of it only where it wasn't capped.
    offset = 4 + (16 if flags & NLM_F_CAPPED else int.from_bytes(body[4:8], "little"))
    for kind, value in attributes(body, offset):
        if kind == NLMSGERR_ATTR_MSG:
            return Answer(errno, bytes(value).rstrip(b"\0").decode("utf-8", "replace"))
    return Answer(errno, "")
