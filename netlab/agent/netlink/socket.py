"""One NETLINK_ROUTE socket: many requests in one system call, each with its own answer."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple

from netlab.agent import sockets
from netlab.agent.netlink.constants import NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_REQUEST, NLMSGHDR

# include/uapi/linux/netlink.h
SOL_NETLINK = 270
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11
NLMSG_ERROR = 2
NLMSG_DONE = 3
NLMSGERR_ATTR_MSG = 1

_SEQUENCE = struct.Struct("=L")
_FLAGS = struct.Struct("=H")
_ERROR = struct.Struct("=i")
_ATTRIBUTE = struct.Struct("=HH")
#: NLA_F_NESTED and NLA_F_NET_BYTEORDER stand above it.
NLA_TYPE_MASK = 0x3FFF
#: So many requests are sent at once that are answered one by one.
BATCH = 64
#: Bytes of answers that are read at once; the kernel fills 32 KiB at most (netlink_recvmsg, max_recvmsg_len).
ROOM = 1 << 17
#: An answer takes so much of the receive buffer (truesize; measured on 6.18: an error or an acknowledgement 832 bytes,
#: a link 2,304 or 4,352). All answers of a batch must fit: they wait there until its last request is done.
ANSWER, TELLING = 2048, 4608
#: How rtnetlink numbers requests: each kind is NEW, DEL, GET or SET (rtnetlink_rcv_msg).
_VERBS, _GET = 4, 2
#: Errors of a request that was done before: the thing exists already, or is gone.
_DONE = frozenset({errno.EEXIST, errno.ENOENT, errno.ENODEV, errno.ESRCH, errno.EADDRNOTAVAIL})


class Answer(NamedTuple):
    """The kernel's answer to one request: an errno (0: done) and its own words, where it had any."""

    errno: int
    message: str


class Socket:
    """A NETLINK_ROUTE socket of the network namespace in which the calling thread is. Raises OSError.

    ``place`` names that namespace in errors.
    """

    def __init__(self, place: str = "") -> None:
        self._place = place
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        try:
            self._socket.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
            self._socket.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
            self._takes = sockets.make_room(self._socket, 1 << 20, force=False)
            # netlink_sendmsg refuses what is longer.
            self._sends = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) - 32
            self._socket.bind((0, 0))
        except OSError:
            self._socket.close()
            raise
        self._sequence = 0
        #: Answers come in here: to allocate as much for each would take longer than to read it.
        self._room = bytearray(ROOM)

    def close(self) -> None:
        self._socket.close()

    def batch(self, messages: Sequence[bytearray]) -> list[Answer]:
        """Send encoded requests (each with NLM_F_ACK), in order; one answer each. One that fails stops none."""
        answers: list[Answer] = []
        size = min(BATCH, self._fitting(messages, ANSWER))
        for start in range(0, len(messages), size):
            part = messages[start : start + size]
            first = self._sequence + 1
            for message in part:
                self._sequence += 1
                _SEQUENCE.pack_into(message, 8, self._sequence)
            found, whole = self._exchange(b"".join(part))
            got = dict(found)
            for sequence, message in enumerate(part if not whole else (), first):
                # All were done, and some of the answers are lost.
                if sequence not in got:
                    got[sequence] = self._again(message)
            answers += (got[sequence] for sequence in range(first, first + len(part)))
        return answers

    def failures(self, messages: Sequence[bytes | bytearray]) -> list[Answer]:
        """Send encoded requests without NLM_F_ACK, many more at once than `batch` can; only the errors come back.

        They must be of one kind, and repeatable: where the kernel had no room for its answers, they are sent once more,
        fewer at a time.
        """
        failed: list[Answer] = []
        telling = bool(messages) and NLMSGHDR.unpack_from(messages[0])[1] % _VERBS == _GET
        size = self._fitting(messages, TELLING if telling else ANSWER)
        start = 0
        while start < len(messages):
            part = messages[start : start + size]
            # Only the last has to be known again: it is answered in any case.
            final = bytearray(part[-1])
            self._sequence += 1
            _SEQUENCE.pack_into(final, 8, self._sequence)
            _FLAGS.pack_into(final, 6, NLM_F_REQUEST | NLM_F_ACK | _FLAGS.unpack_from(final, 6)[0])
            found, whole = self._exchange(b"".join([*part[:-1], final]))
            if whole:
                failed += (answer for _, answer in found if answer.errno)
                start += len(part)
            elif len(part) > 1:
                size = len(part) // 2
            else:
                raise self._no_room()
        return failed

    def carry_out(
        self, messages: Sequence[bytes | bytearray], failed: str = "", *, allowed: Container[int] = ()
    ) -> None:
        """The same, but any errno that isn't ``allowed`` raises OSError; ``failed`` says what could not be done."""
        for failure in self.failures(messages):
            if failure.errno not in allowed:
                words = failure.message or os.strerror(failure.errno)
                raise OSError(failure.errno, f"{failed}: {words}" if failed else words)

    def _fitting(self, messages: Sequence[bytes | bytearray], answer: int) -> int:
        """How many of these requests, and of their answers, fit our buffers at once."""
        return max(1, min(self._takes // answer, self._sends // max(map(len, messages), default=1)))

    def _exchange(self, requests: bytes | bytearray) -> tuple[list[tuple[int, Answer]], bool]:
        """Send requests; returns errors and acknowledgements, each with its request's number, and whether none is lost.

        When sending returns, the kernel has done and answered all requests (netlink_unicast_kernel). Where an answer
        had no room, or there was no memory, the first read fails, and the next ones return the other answers
        (netlink_overrun, sock_error).
        """
        self._socket.send(requests)
        found: list[tuple[int, Answer]] = []
        lost = 0
        while not found or found[-1][0] != self._sequence or lost:
            try:
                size = self._socket.recv_into(self._room, 0, lost)
            except OSError as error:
                if lost and error.errno == errno.EAGAIN:
                    return found, False
                if error.errno != errno.ENOBUFS:
                    raise
                lost = socket.MSG_DONTWAIT
                continue
            for kind, flags, sequence, body in _split(bytes(memoryview(self._room)[:size])):
                if kind == NLMSG_ERROR:
                    found.append((sequence, _answer(flags, body)))
        return found, True

    def _again(self, message: bytearray) -> Answer:
        """Ask once more for what was done already, since its answer is lost. Raises OSError."""
        self._sequence += 1
        _SEQUENCE.pack_into(message, 8, self._sequence)
        found, whole = self._exchange(message)
        if not whole:
            raise self._no_room()
        answer = found[-1][1]
        return Answer(0, "") if answer.errno in _DONE else answer

    def _no_room(self) -> OSError:
        where = f" in {self._place}" if self._place else ""
        return OSError(errno.ENOBUFS, f"no room or memory for the kernel's answer to a netlink request{where}")

    def dump(self, request: bytes) -> list[memoryview]:
        """Send one NLM_F_DUMP request; whole messages, headers included. Raises OSError.

        It fits any buffer: the kernel continues when the last part was read (netlink_dump).
        """
        self._sequence += 1
        self._socket.send(request[:8] + _SEQUENCE.pack(self._sequence) + request[12:])
        found: list[memoryview] = []
        while True:
            data = memoryview(bytes(memoryview(self._room)[: self._socket.recv_into(self._room)]))
            offset = 0
            while offset < len(data):
                length, kind, flags, sequence, _port = NLMSGHDR.unpack_from(data, offset)
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
    return NLMSGHDR.pack(16 + len(body), kind, flags, 0, 0) + body


def nla(kind: int, data: bytes) -> bytes:
    """One attribute, padded."""
    return _ATTRIBUTE.pack(4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def attributes(data: memoryview | bytes, offset: int) -> Iterator[tuple[int, memoryview | bytes]]:
    """The attributes of a message from ``offset`` on: type, without its flags, and value."""
    while offset + 4 <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        yield kind & NLA_TYPE_MASK, data[offset + 4 : offset + length]
        offset += max(4, (length + 3) & ~3)


def _split(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    offset = 0
    while offset < len(data):
        length, kind, flags, sequence, _port = NLMSGHDR.unpack_from(data, offset)
        yield kind, flags, sequence, data[offset + 16 : offset + length]
        offset += (length + 3) & ~3


def _answer(flags: int, body: bytes | memoryview) -> Answer:
    errno = -_ERROR.unpack_from(body)[0]
    if not flags & NLM_F_ACK_TLVS:
        return Answer(errno, "")
    # The error number is followed by our request's header, and by all of the request where it isn't capped.
    offset = 4 + (16 if flags & NLM_F_CAPPED else int.from_bytes(body[4:8], "little"))
    for kind, value in attributes(body, offset):
        if kind == NLMSGERR_ATTR_MSG:
            return Answer(errno, bytes(value).rstrip(b"\0").decode("utf-8", "replace"))
    return Answer(errno, "")
