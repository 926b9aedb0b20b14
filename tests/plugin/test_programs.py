"""Programs and sockets of a lab in a test."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import netlab
from netlab import Lab
from tests.plugin.project import TWO_HOSTS
from tests.plugin.test_lab import two_hosts


@two_hosts
def test_run(lab: Lab) -> None:
    """A command runs inside its namespace; its outputs, its status and what it is fed are the caller's."""
    names = {line.split()[1].rstrip(":") for line in lab["A"].run("ip", "-o", "link").stdout.splitlines()}
    assert {name.partition("@")[0] for name in names} == {"lo", "eth0"}
    assert lab["A"].run("cat", input="fed").stdout == "fed"
    assert lab["A"].run("false", check=False).returncode == 1
    assert lab["A"].run("sh", "-c", "echo $WORD $PWD", env={"WORD": "given"}, cwd="/usr").stdout == "given /usr\n"
    assert lab["A"].run("kill", "-9", "0", check=False).returncode == -9


@two_hosts
def test_a_command_that_fails(lab: Lab) -> None:
    """The error names the place, the command as a person would type it, the status, and what was printed."""
    with pytest.raises(netlab.CommandFailed) as caught:
        lab["A"].run("sh", "-c", "echo out; echo err >&2; exit 3")
    assert str(caught.value) == (
        "A: sh -c 'echo out; echo err >&2; exit 3' ended with 3\n--- stdout ---\nout\n--- stderr ---\nerr"
    )
    with pytest.raises(netlab.SpawnError, match=r"^no-such-command: No such file or directory$"):
        # Not by a PATH with folders that this user may not look into: there the kernel says so (execve(2)).
        lab["A"].run("no-such-command", env={"PATH": os.defpath})
    with pytest.raises(subprocess.TimeoutExpired):
        lab["A"].run("sleep", "100", timeout=0.05)


@two_hosts
@pytest.mark.timeout(200)
def test_a_command_that_does_not_listen(lab: Lab) -> None:
    """The time that a command may take is all the time there is, also for what it is fed and what it has started."""
    with pytest.raises(subprocess.TimeoutExpired):
        lab["A"].run("sleep", "1000", input="x" * 1_000_000, timeout=0.1)
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        lab["A"].run("sh", "-c", "sleep 1000 & echo started", timeout=5)
    assert caught.value.output == b"started\n"
    gone = lab["A"].popen("sh", "-c", "sleep 1000 >/dev/null & exit 3")
    with gone, pytest.raises(EOFError, match=r"has ended \(3\): no word on stderr"):
        gone.line(timeout=5)
    silent = lab["A"].popen("sh", "-c", "exec >&-; exec sleep 1000")
    with silent, pytest.raises(subprocess.TimeoutExpired):
        silent.line(timeout=1)


@two_hosts
def test_a_conversation(lab: Lab, tmp_path: Path) -> None:
    """A process that is fed and heard at once says it all, after its first line, and also after a time-out."""
    long = b"".join(b"%d\n" % number for number in range(200_000))
    with lab["A"].popen("sh", "-c", "echo ready; cat; echo done >&2") as process:
        assert process.line() == "ready"
        assert process.communicate(long, timeout=60) == (long, b"done\n")
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with lab["A"].popen("sh", "-c", f"printf 'one\\ntwo\\n'; read word < {gate}; echo three") as process:
        assert process.line() == "one"
        with pytest.raises(subprocess.TimeoutExpired):
            process.communicate(timeout=0.1)
        gate.write_text("go\n")
        assert process.communicate(timeout=60) == (b"two\nthree\n", b"")
    assert lab["A"].run("true", input="x" * 1_000_000).stdout == ""


@two_hosts
def test_nothing_reaches_a_shell(lab: Lab, tmp_path: Path) -> None:
    """Words that look like shell are words."""
    evil = f"$(touch {tmp_path}/made); touch {tmp_path}/made | `touch {tmp_path}/made`"
    assert lab["A"].run("printf", "%s", evil).stdout == evil
    assert list(tmp_path.iterdir()) == []


@two_hosts
def test_popen(lab: Lab) -> None:
    """A process goes on while the test does, is talked to by pipes, and ends with its block."""
    with lab["A"].popen("cat") as cat:
        cat.stdin.write(b"line\n")
        assert cat.stdout.readline() == b"line\n"
        assert cat.poll() is None
    assert cat.wait() == -9
    asleep = lab["B"].popen("sleep", "1000")
    asleep.terminate()
    assert asleep.wait(60) == -15


@two_hosts
def test_sockets(lab: Lab) -> None:
    """Sockets opened inside talk across the lab, in threads of this process."""
    server = lab["B"].socket()
    server.bind(("10.0.0.2", 7))
    server.listen()

    def echo() -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(connection.recv(100).upper())

    thread = threading.Thread(target=echo)
    thread.start()
    client = lab["A"].socket(socket.AF_INET, socket.SOCK_STREAM)
    client.connect(("10.0.0.2", 7))
    client.sendall(b"hello")
    assert client.recv(100) == b"HELLO"
    thread.join()
    assert client.getsockname()[0] == "10.0.0.1"


@two_hosts
def test_asyncio(lab: Lab) -> None:
    """Streams and datagrams of asyncio run over sockets of the lab."""

    async def both() -> bytes:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()

        listening = lab["B"].socket()
        listening.bind(("10.0.0.2", 7))
        server = await asyncio.start_server(serve, sock=listening)
        client = lab["A"].socket()
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("10.0.0.2", 7))
        reader, writer = await asyncio.open_connection(sock=client)
        writer.write(b"hello\n")
        answer = await reader.readline()
        writer.close()
        server.close()
        return answer

    assert asyncio.run(both()) == b"HELLO\n"


def test_sockets_are_closed_with_the_lab(lab_factory: Callable[..., Lab]) -> None:
    """A socket that a test forgets does not keep its namespace."""
    with lab_factory(TWO_HOSTS) as lab:
        forgotten = lab["A"].socket(socket.AF_INET, socket.SOCK_DGRAM)
    assert forgotten.fileno() == -1


@two_hosts
def test_a_socket_that_the_kernel_refuses(lab: Lab) -> None:
    """The kernel's word for it is the error."""
    with pytest.raises(netlab.LabError, match="Address family not supported"):
        lab["A"].socket(255, socket.SOCK_STREAM)
