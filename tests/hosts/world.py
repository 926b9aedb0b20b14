"""A program: two machines and the network between them, in namespaces of its own; they end with it.

``unshare --mount --net --pid --fork --kill-child --mount-proc python world.py FOLDER``. Each machine is a network
namespace with an sshd, reached by its ``eth0`` (10.99.1.2, 10.99.2.2); its ``eth1`` is a port of a bridge that stands
for the network. Prints ``ready``, then stays until its standard input is closed.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

MACHINES = ("a", "b")

#: bash reads ~/.bashrc where it serves ssh, and the user's own may do anything there: a home without any.
SSHD = """\
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
UseDNS no
PasswordAuthentication yes
SetEnv HOME={folder}
"""


def run(*argv: str) -> None:
    """Run a command, which must succeed."""
    subprocess.run(argv, check=True)


def build(folder: Path) -> None:
    """The machines, their NICs, the network."""
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    for path in ("/run/netns", "/run/sshd"):
        Path(path).mkdir()
    run("ip", "link", "set", "dev", "lo", "up")
    run("ip", "netns", "add", "lan")
    run("ip", "-n", "lan", "link", "add", "dev", "br0", "type", "bridge")
    run("ip", "-n", "lan", "link", "set", "dev", "br0", "up")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host_key"))
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key"))
    config = folder / "sshd_config"
    config.write_text(SSHD.format(folder=folder))
    for number, name in enumerate(MACHINES, 1):
        ip = ("ip", "-n", name)
        run("ip", "netns", "add", name)
        for key in ("all", "default"):
            run("ip", "netns", "exec", name, "sysctl", "-qw", f"net.ipv6.conf.{key}.accept_dad=0")
        run(*ip, "link", "set", "dev", "lo", "up")
        run("ip", "link", "add", "dev", f"m{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "address", "add", f"10.99.{number}.1/24", "dev", f"m{name}")
        run("ip", "link", "set", "dev", f"m{name}", "up")
        run(*ip, "address", "add", f"10.99.{number}.2/24", "dev", "eth0")
        run(*ip, "link", "set", "dev", "eth0", "up")
        run(*ip, "route", "add", "default", "via", f"10.99.{number}.1")
        lan = ("ip", "-n", "lan", "link")
        run(*lan, "add", "dev", f"p{name}", "type", "veth", "peer", "name", "eth1", "netns", name)
        run(*lan, "set", "dev", f"p{name}", "master", "br0", "up")
        run(*ip, "link", "set", "dev", "eth1", "address", f"52:54:00:26:00:0{number}", "up")
        subprocess.Popen(["ip", "netns", "exec", name, "/usr/sbin/sshd", "-D", "-e", "-f", str(config)])


def wait() -> None:
    """Until both machines answer, and their NICs have all that the kernel gives them by itself."""
    for name in MACHINES:
        for nic in ("eth0", "eth1"):
            while b"fe80:" not in subprocess.check_output(["ip", "-n", name, "-6", "address", "show", "dev", nic]):
                time.sleep(0.02)
    for number in range(1, len(MACHINES) + 1):
        while True:
            try:
                with socket.create_connection((f"10.99.{number}.2", 22), timeout=5) as sock:
                    sock.recv(4)
                    break
            except ConnectionRefusedError:
                # It is still starting; the caller's own deadline ends this.
                time.sleep(0.02)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
    wait()
    print("ready", flush=True)
    sys.stdin.read()
