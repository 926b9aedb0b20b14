"""One agent on one machine, over the user's own ssh: configuration, keys, jump hosts and ControlMaster all apply."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import threading
from typing import IO

from netlab.client.agent import Agent, Log
from netlab.client.errors import CannotRun, LabDied, LabError
from netlab.client.hosts.inventory import Machine
from netlab.contract.wire import READY, Channel, Closed

#: How long a machine may take to be reached, and to undo everything, in seconds.
CONNECT, UNDO = 15, 30.0
#: What a login shell may print before the agent speaks.
_CHATTER = 1 << 16
#: ssh's exit status for its own failures, and the agent's (sysexits.h).
_SSH_FAILED, _BUSY = 255, 75


class _Stream(Channel):
    """The agent's stream, behind whatever the login shell says."""

    greeted = False

    def receive(self) -> tuple[dict[str, object], list[int]]:
        """The next message. Raises Closed at the end of the stream."""
        while not self.greeted:
            start = self._buffer.find(READY)
            if start >= 0:
                del self._buffer[: start + len(READY)]
                self.greeted = True
            elif len(self._buffer) > _CHATTER:
                raise Closed("no agent speaks there")
            else:
                self._fill(len(self._buffer) + 1)
        return super().receive()


class Remote(Agent):
    """The agent on one machine."""

    substrate = "hosts"

    def __init__(self, machine: Machine, process: subprocess.Popen[bytes], on_log: Log | None) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.machine = machine
        self._stream = _Stream(read_fd=os.dup(process.stdout.fileno()), write_fd=os.dup(process.stdin.fileno()))
        process.stdin.close()
        process.stdout.close()
        self._said: list[str] = []
        self._listener = threading.Thread(target=self._listen, args=(process.stderr,), daemon=True)
        self._listener.start()
        self._closed = False
        super().__init__(self._stream, process, on_log)

    @classmethod
    def reach(cls, machine: Machine, mark: bytes, on_log: Log | None = None) -> Remote:
        """Start an agent there; returns at once. What goes wrong shows with the first answer: CannotRun."""
        command = [machine.python, "-m", "netlab.agent.hosts", "--mark", mark.hex()]
        if not machine.sudo:
            command.append("--no-sudo")
        try:
            process = subprocess.Popen(
                [
                    "ssh", "-T", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT}",
                    "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=4",
                    *machine.options, "--", machine.ssh, shlex.join(command),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise CannotRun("ssh is not installed", "sudo apt-get install openssh-client") from error
        return cls(machine, process, on_log)

    def close(self) -> None:
        """End the agent, and wait until everything on its machine is undone. Raises LabError where that failed."""
        if self._closed:
            return
        self._closed = True
        self._take_leave("the agent was closed")
        self._stream.hang_up()
        try:
            self._process.wait(UNDO)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise LabError(f"{self.machine}: it hasn't said within {UNDO:g} s that everything is undone") from None
        finally:
            self._listener.join(2.0)
            self._reader.join(UNDO)
            self._channel.close()
        left = [line for line in self._said if "could not be undone" in line]
        if left:
            raise LabError(f"{self.machine}: {left[0].removeprefix('netlab: ')}")

    def _listen(self, stderr: IO[bytes]) -> None:
        with stderr:
            for line in stderr:
                self._said.append(line.decode("utf-8", "replace").rstrip())

    def _why_ended(self) -> Exception:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(UNDO)
        self._listener.join(1.0)
        said = [line for line in self._said if line.strip()]
        if self._stream.greeted:
            why = f": {said[-1]}" if said else ""
            return LabDied(f"{self.machine}: the connection to its agent has ended{why}")
        return explain(self.machine, self._process.returncode, "\n".join(said))


def explain(machine: Machine, status: int | None, said: str) -> CannotRun:
    """Why no agent answers, from ssh's messages and exit status, with the line that fixes it."""
    last = said.splitlines()[-1] if said else f"ssh has ended with status {status}"
    there = shlex.join(["ssh", *machine.options, machine.ssh])
    python = machine.python
    if "a password is required" in said or "sudo:" in said or "there is no sudo" in said:
        user = machine.ssh.rpartition("@")[0] or "$USER"
        rule = f"echo '{user} ALL=(ALL) NOPASSWD: ALL' | sudo tee /etc/sudoers.d/netlab"
        return CannotRun(f"{machine}: no root there, and no sudo without a password ({last})", f"there: {rule}")
    if "not root" in said:
        return CannotRun(f"{machine}: that user isn't root, and sudo is switched off", "sudo: true in the hosts file")
    if status == _BUSY:
        return CannotRun(f"{machine}: another netlab is using it", "wait until that has ended")
    if "No module named" in said and "netlab" in said:
        return CannotRun(
            f"{machine}: its {python} has no netlab",
            f"{there} {python} -m pip install netns-lab   (or 'python:' in the hosts file says where it is)",
        )
    if status == 127 or re.search(r"(command not found|not found|No such file)", said):
        return CannotRun(
            f"{machine}: there is no {python} ({last})",
            f"{there} sudo apt-get install python3   (or 'python:' in the hosts file says where it is)",
        )
    if "Permission denied" in said:
        return CannotRun(f"{machine}: ssh may not log in ({last})", there.replace("ssh", "ssh-copy-id", 1))
    if "Host key verification failed" in said:
        return CannotRun(f"{machine}: its host key isn't known ({last})", f"{there} true")
    if status == _SSH_FAILED:
        return CannotRun(f"{machine}: ssh can't reach it ({last})", f"{there} true")
    return CannotRun(f"{machine}: the agent doesn't start there ({last})", f"{there} {python} -m netlab.agent.hosts")
