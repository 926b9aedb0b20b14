"""A private sshd on loopback, with keys of its own, that leaves no trace."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: bash reads ~/.bashrc where it serves ssh, and the user's own may do anything there: a home without any.
CONFIG = """\
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
SetEnv HOME={folder}
"""
#: sshd wants /run/sshd (its privilege separation directory): it gets one that nobody else sees.
START = 'mount -t tmpfs tmpfs /run && mkdir -m 0755 /run/sshd && exec "$@"'


@dataclass(frozen=True)
class Sshd:
    """Where it listens; ``options`` are what ssh needs to log in."""

    port: int
    folder: Path

    @property
    def options(self) -> str:
        """Options and host for ssh's command line."""
        return (
            f"-F none -p {self.port} -i {self.folder}/user -o IdentitiesOnly=yes -o BatchMode=yes "
            f"-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
            f"{getpass.getuser()}@127.0.0.1"
        )


def missing() -> str:
    """Why no sshd can be started here; empty where it can."""
    if shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin") is None or shutil.which("ssh") is None:
        return "sshd and ssh are not installed (openssh-server, openssh-client)"
    return "" if getpass.getuser() == "root" else "sshd is started by root only"


@contextmanager
def private_sshd(folder: Path) -> Iterator[Sshd]:
    """Start it, wait until it answers, and end it."""
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    (folder / "config").write_text(CONFIG.format(folder=folder))
    sshd = str(shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin"))
    for _ in range(5):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        argv = [sshd, "-D", "-e", "-f", str(folder / "config"), "-p", str(port)]
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", START, "sh", *argv], stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        said = ""
        while "Server listening" not in said and (line := process.stderr.readline()):
            said += line
        if "Server listening" in said:
            break
        # Somebody else took the port meanwhile.
        process.wait()
    else:
        raise RuntimeError(f"sshd did not start: {said}")
    try:
        yield Sshd(port, folder)
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()
