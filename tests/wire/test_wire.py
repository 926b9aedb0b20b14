"""The frames between front and agent, and the codec."""

from __future__ import annotations

import errno
import os
import resource
import select
import signal
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlab.contract.types import Address, Endpoint, Macvlan, Nexthop, Route, Step, Veth
from netlab.contract.wire import Channel, Closed, from_plain, to_plain
from netlab.plan import from_file
from netlab.spec import shipped

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def pair() -> tuple[Channel, Channel]:
    left, right = socket.socketpair()
    return Channel(left), Channel(right)


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=8))
def test_messages_arrive_whole_and_in_order(messages: list[dict[str, object]]) -> None:
    """Whatever JSON objects go in at one end come out at the other, one by one, unchanged."""
    left, right = pair()
    sender = threading.Thread(target=lambda: [left.send(message) for message in messages])
    sender.start()
    assert [right.receive()[0] for _ in messages] == messages
    sender.join()
    left.close()
    right.close()


def test_descriptors_arrive_with_their_own_message(tmp_path: Path) -> None:
    """Each descriptor comes out with the message it was sent beside, even where messages lie back to back."""
    left, right = pair()
    files = []
    for number in range(3):
        path = tmp_path / str(number)
        path.write_text(f"file {number}")
        files.append(os.open(path, os.O_RDONLY))
    left.send({"n": 0}, files[:1])
    left.send({"n": "none"})
    left.send({"n": 1}, files[1:])
    got = [right.receive() for _ in range(3)]
    texts = [[os.read(fd, 99).decode() for fd in fds] for _, fds in got]
    assert texts == [["file 0"], [], ["file 1", "file 2"]]
    for fd in (*files, *(fd for _, fds in got for fd in fds)):
        os.close(fd)
    left.close()
    right.close()


def test_a_message_of_many_megabytes_passes() -> None:
    """A message far larger than any socket buffer arrives whole."""
    left, right = pair()
    message = {"data": "x" * (8 << 20)}
    sender = threading.Thread(target=left.send, args=(message,))
    sender.start()
    assert right.receive()[0] == message
    sender.join()
    left.close()
    right.close()


def test_a_closed_stream_says_so() -> None:
    """Receiving from, and sending to, an end that has gone raises Closed."""
    left, right = pair()
    right.close()
    with pytest.raises(Closed):
        left.receive()

    def keep_sending() -> None:
        for _ in range(100):
            left.send({"data": "x" * 100_000})

    with pytest.raises(Closed):
        keep_sending()
    left.close()


def test_pipes_carry_messages_without_descriptors() -> None:
    """Over two pipes (as over ssh) messages pass, and a descriptor is refused instead of lost."""
    read, write = os.pipe()
    channel = Channel(read_fd=read, write_fd=write)
    channel.send({"over": "a pipe"})
    assert channel.receive() == ({"over": "a pipe"}, [])
    with pytest.raises(ValueError, match="cannot travel"):
        channel.send({}, [0])
    channel.close()


def test_a_stray_print_is_no_message() -> None:
    """Text on the stream, as a chatty login shell sends it, is told apart from a message."""
    read, write = os.pipe()
    channel = Channel(read_fd=read, write_fd=write)
    os.write(write, b"Welcome to Debian GNU/Linux 12!\n")
    with pytest.raises(Closed, match="Welcome to Debian"):
        channel.receive()
    channel.close()


def test_messages_of_several_threads_stay_whole() -> None:
    """What four threads send at once, each larger than the socket's buffer, comes out message by message."""
    left, right = pair()

    def send(word: str) -> None:
        for _ in range(10):
            left.send({word: word * 500_000})

    senders = [threading.Thread(target=send, args=(word,)) for word in "abcd"]
    for sender in senders:
        sender.start()
    got = [right.receive()[0] for _ in range(40)]
    for sender in senders:
        sender.join()
    assert sorted(next(iter(message)) for message in got) == sorted("abcd" * 10)
    assert all(text == word * 500_000 for message in got for word, text in message.items())
    left.close()
    right.close()


def test_descriptors_that_find_no_room_are_an_error() -> None:
    """Where this process can have one more descriptor and two come along, the receiver is told so."""
    left, right = pair()
    left.send({"two": "of them"}, [0, 1])
    last = os.dup(0)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (last + 1, limits[1]))
    os.close(last)
    try:
        with pytest.raises(OSError, match="no room for the descriptors") as caught:
            right.receive()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert caught.value.errno == errno.EMFILE
    left.close()
    right.close()
    # The one that did find room was not left behind.
    again = os.dup(0)
    os.close(again)
    assert again <= last


def test_half_a_message_ends_the_stream() -> None:
    """A sender that is interrupted (Ctrl-C) within a message sends no more: nobody waits for the other half."""
    left, right = pair()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def wait_and_kill() -> None:
        select.select([right.fileno()], [], [])
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        threading.Thread(target=wait_and_kill).start()
        with pytest.raises(KeyboardInterrupt):
            left.send({"data": "x" * (8 << 20)})
    finally:
        signal.signal(signal.SIGUSR1, before)
    with pytest.raises(Closed):
        right.receive()
    with pytest.raises(Closed):
        left.send({"more": "of it"})
    left.close()
    right.close()


def test_a_refused_message_leaves_the_stream_as_it_was() -> None:
    """A descriptor that isn't open is the sender's error; the next message arrives."""
    left, right = pair()
    with pytest.raises(OSError, match="Bad file descriptor"):
        left.send({"with": "nothing"}, [99_999])
    left.send({"with": "none"})
    assert right.receive() == ({"with": "none"}, [])
    left.close()
    right.close()


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_every_shipped_plan_survives_the_codec(path: Path) -> None:
    """Each step of each shipped topology comes back from JSON equal to what went in."""
    for step in from_file(path).steps:
        assert from_plain(Step, to_plain(step)) == step


def test_the_kind_of_a_link_is_written_only_where_it_matters() -> None:
    """A macvlan names its type, an address doesn't, and fields at their default are left out."""
    child = Macvlan(
        namespace="A", name="c", ifname="c", ifindex=5, parent="A:eth0", addresses=(Address("10.0.0.1", 8),)
    )
    assert to_plain(child) == {
        "type": "Macvlan",
        "namespace": "A",
        "name": "c",
        "ifname": "c",
        "ifindex": 5,
        "parent": "A:eth0",
        "addresses": [{"ip": "10.0.0.1", "prefixlen": 8}],
    }
    assert Veth.kind == "veth"
    assert from_plain(
        Endpoint, {"id": "A:c", "namespace": "A", "link": "A:c", "ifname": "c", "ifindex": 5, "mac": None}
    )


def test_a_field_may_be_called_type() -> None:
    """A route's type survives the wire, though the codec itself tells classes apart by a word of that name."""
    route = Route("10.0.0.0/8", type="blackhole", nexthops=(Nexthop("10.1.0.1", weight=2),))
    assert from_plain(Route, to_plain(route)) == route
