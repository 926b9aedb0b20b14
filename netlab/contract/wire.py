"""What travels between front and agent: framed JSON messages, with file descriptors beside them.

A frame is a 4-byte big-endian length, one byte that says how many descriptors belong to it, and a JSON
object. Descriptors ride as SCM_RIGHTS where the stream is a Unix socket (unix(7)); over a pair of
pipes (ssh, a serial port) there are none.

The codec turns the frozen dataclasses of `netlab.contract.types` and `netlab.contract.observed` into plain JSON values
and back. Fields at their default are left out; a class that inherits from another dataclass is one of
several that may stand in a place, so its name is written as ``"type"``.
"""

from __future__ import annotations

import array
import dataclasses
import errno
import json
import os
import socket
import struct
import threading
import types
import typing
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin

#: What comes before the first message of an agent over ssh: a login shell may have printed something of its own.
READY = b"\0netlab agent\n"
#: The longest piece of a pipe or file that is read or passed on at once, in bytes: what a pipe holds.
PIECE = 1 << 16

#: The length of what follows, and how many descriptors go with it; where none can go, another small number.
HEADER = struct.Struct("!IB")
#: The kernel's limit of descriptors in one message (SCM_MAX_FD).
MAX_FDS = 253
#: The bits of a request's id that count the requests of one front; those above are the front's number.
CLIENT_BITS = 32
#: A message longer than this is not ours: a stray print on a pipe, say.
MAX_MESSAGE = 1 << 30

T = TypeVar("T")


class Closed(EOFError):
    """The other side has gone."""


def frame(message: dict[str, Any], descriptors: int = 0) -> bytes:
    """A message as it travels, with the number of descriptors beside it."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return HEADER.pack(len(body), descriptors) + body


class Channel:
    """One end of the stream. Any thread may send, always whole messages. One thread receives, and blocks until a whole
    message is there. Sending and receiving don't wait for each other.
    """

    def __init__(self, sock: socket.socket | None = None, *, read_fd: int = -1, write_fd: int = -1) -> None:
        self._sock = sock
        self._read_fd = sock.fileno() if sock else read_fd
        self._write_fd = sock.fileno() if sock else write_fd
        self._buffer = bytearray()
        self._fds: deque[int] = deque()
        self._sending = threading.Lock()

    def fileno(self) -> int:
        """The descriptor to poll for incoming messages."""
        return self._read_fd

    def send(self, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """Send one message. Raises Closed where the other side has gone, OSError where nothing of it could be sent."""
        if fds and self._sock is None:
            raise ValueError("descriptors cannot travel over this stream")
        self._send(frame(message, len(fds)), fds)

    def _send(self, framed: bytes, fds: Sequence[int] = ()) -> None:
        data = memoryview(framed)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        with self._sending:
            if self._write_fd < 0:
                raise Closed("this end is closed")
            whole = len(data)
            try:
                while data:
                    sent = self._sock.sendmsg([data], rights) if self._sock else os.write(self._write_fd, data)
                    data, rights = data[sent:], []
            except (BrokenPipeError, ConnectionResetError) as error:
                raise Closed("the other side has gone") from error
            except BaseException as error:
                # Of a refused message nothing has left. Half a one would swallow those that come after it.
                if not (isinstance(error, OSError) and len(data) == whole):
                    self._hang_up()
                raise

    def receive(self) -> tuple[dict[str, Any], list[int]]:
        """The next message and its descriptors.

        Raises Closed at the end of the stream, OSError (EMFILE) where there was no room for its descriptors: the
        channel is of no use then.
        """
        message, count = self._receive()
        return message, [self._fds.popleft() for _ in range(count)]

    def _receive(self) -> tuple[dict[str, Any], int]:
        """The next message, and the number of its header."""
        self._fill(HEADER.size)
        length, number = HEADER.unpack_from(self._buffer)
        if length > MAX_MESSAGE:
            raise Closed(f"not a netlab message: {bytes(self._buffer[:64])!r}")
        self._fill(HEADER.size + length)
        body = bytes(self._buffer[HEADER.size : HEADER.size + length])
        del self._buffer[: HEADER.size + length]
        return json.loads(body), number

    @property
    def has_buffered(self) -> bool:
        """Whether bytes of a further message have already been read."""
        return bool(self._buffer)

    def shut_down(self) -> None:
        """Wake a reader of this end with the end of the stream."""
        if self._sock is not None:
            self._sock.shutdown(socket.SHUT_RDWR)

    def hang_up(self) -> None:
        """Send no more: the other side sees the end of the stream, what it still says can be read."""
        if self._sock is not None:
            # At once: it also wakes a thread that is sending.
            self._hang_up()
        else:
            with self._sending:
                self._hang_up()

    def _hang_up(self) -> None:
        if self._sock is not None:
            self._sock.shutdown(socket.SHUT_WR)
        elif self._write_fd >= 0:
            os.close(self._write_fd)
            self._write_fd = -1

    def close(self) -> None:
        """Close this end, and descriptors that were received but not taken."""
        with self._sending:
            for fd in self._fds:
                os.close(fd)
            self._fds.clear()
            if self._sock is not None:
                self._sock.close()
                self._write_fd = -1
            else:
                os.close(self._read_fd)
                self._hang_up()

    def _fill(self, size: int) -> None:
        while len(self._buffer) < size:
            try:
                if self._sock is not None:
                    data, fds, flags, _address = socket.recv_fds(self._sock, 1 << 18, MAX_FDS, socket.MSG_CMSG_CLOEXEC)
                    self._fds.extend(fds)
                    if flags & socket.MSG_CTRUNC:
                        # The kernel has dropped descriptors that found no room: it isn't known which messages they
                        # belong to.
                        raise OSError(errno.EMFILE, "no room for the descriptors that came along")
                else:
                    data = self._read()
            except ConnectionResetError as error:
                raise Closed("the other side has gone") from error
            if not data:
                raise Closed("the other side has gone")
            self._buffer += data

    def _read(self) -> bytes:
        """What has come over a stream that is no socket; nothing at its end."""
        return os.read(self._read_fd, 1 << 18)


# --- codec ------------------------------------------------------------------------------------------


@cache
def _layout(cls: Any) -> tuple[str | None, tuple[tuple[str, Any], ...]]:
    """The class's tag, and each field's name and default (MISSING where it has none)."""
    tagged = any(dataclasses.is_dataclass(base) for base in cls.__mro__[1:])
    layout = []
    for field in dataclasses.fields(cls):
        default = field.default
        if default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        layout.append((field.name, default))
    return (cls.__name__ if tagged else None), tuple(layout)


def to_plain(value: Any) -> Any:
    """A dataclass (or tuple, dict, scalar) as plain JSON values; fields at their default are left out."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    cls: Any = type(value)
    tag, layout = _layout(cls)
    plain: dict[str, Any] = {} if tag is None else {"type": tag}
    for name, default in layout:
        item = getattr(value, name)
        if default is dataclasses.MISSING or item != default:
            plain[name] = to_plain(item)
    return plain


def from_plain(cls: type[T], plain: Any) -> T:
    """The value of type ``cls`` that `to_plain` was given. Raises TypeError, KeyError on anything else."""
    hint: Any = cls
    return typing.cast(T, _decoder(hint)(plain))


def _identity(value: Any) -> Any:
    return value


@cache
def _decoder(hint: Any) -> Callable[[Any], Any]:
    if dataclasses.is_dataclass(hint):
        return _dataclass_decoder(typing.cast(type, hint))
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _union_decoder(args)
    if origin is tuple:
        return _tuple_decoder(args)
    if origin is dict:
        item = _decoder(args[1])
        return _identity if item is _identity else lambda plain: {k: item(v) for k, v in plain.items()}
    if isinstance(hint, type) and issubclass(hint, tuple):
        return lambda plain: hint(*plain)
    if origin is Literal or hint in (str, int, float, bool, type(None), Any):
        return _identity
    raise TypeError(f"no codec for {hint!r}")


def _tuple_decoder(args: tuple[Any, ...]) -> Callable[[Any], Any]:
    if len(args) == 2 and args[1] is Ellipsis:
        item = _decoder(args[0])
        return tuple if item is _identity else lambda plain: tuple(map(item, plain))
    items = [_decoder(arg) for arg in args]
    return lambda plain: tuple(decode(value) for decode, value in zip(items, plain, strict=True))


def _union_decoder(args: tuple[Any, ...]) -> Callable[[Any], Any]:
    classes: dict[str, Any] = {
        cls.__name__: cls for cls in args if isinstance(cls, type) and dataclasses.is_dataclass(cls)
    }
    tuples = [arg for arg in args if get_origin(arg) is tuple]

    def decode(plain: Any) -> Any:
        if isinstance(plain, dict):
            cls: Any = classes[plain["type"]] if "type" in plain else next(iter(classes.values()))
            return _decoder(cls)(plain)
        if isinstance(plain, list) and tuples:
            return _decoder(tuples[0])(plain)
        return plain

    return decode


def _dataclass_decoder(cls: type) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(cls)
    names = {field.name for field in dataclasses.fields(cls)}
    # The tag of one of several classes, unless it has a field of that name.
    passed_over = {"type"} - names
    # The decoders of fields are looked up at the first use: a class may hold its own kind.
    decoders: dict[str, Callable[[Any], Any]] = {}

    def decode(plain: dict[str, Any]) -> Any:
        if not decoders:
            decoders.update(
                (name, _decoder(hint))
                for name, hint in hints.items()
                if name in names and get_origin(hint) is not ClassVar
            )
        return cls(**{name: decoders[name](value) for name, value in plain.items() if name not in passed_over})

    return decode
