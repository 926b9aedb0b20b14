"""Real Docker: containers on a macvlan and on bridges, imported live and by what `docker network inspect` prints."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from netlab import model, plan, spec
from tests.live import imported
from tests.live.world import World, world

BUSYBOX = os.environ.get("BUSYBOX", "/bin/busybox")
#: Another machine at a real bridge, in namespaces of their own; the machine that runs Docker is the world itself.
WIRE = """
netns add lan
netns add far
-n far link set lo up
-n lan link add br0 type bridge mcast_snooping 0
-n lan link set br0 up
link add eth0 type veth peer name p0 netns lan
-n far link add eth0 type veth peer name p1 netns lan
-n lan link set p0 master br0 up
-n lan link set p1 master br0 up
address add 192.168.26.10/24 dev eth0
link set eth0 up
-n far address add 192.168.26.20/24 dev eth0
-n far link set eth0 up
"""
START = """
mount -t tmpfs none /var/lib
mount -t tmpfs none /run/lock
dockerd --exec-root /run/lock/docker -p /run/lock/docker.pid -H unix:///run/lock/docker.sock --storage-driver vfs \
  >/run/lock/log 2>&1 &
for i in $(seq 300); do docker version >/dev/null 2>&1 && exit 0; sleep 0.1; done
tail -3 /run/lock/log; exit 1
"""
CONTAINERS = """
docker network create -d macvlan -o parent=eth0 --subnet 192.168.26.0/24 --ip-range 192.168.26.128/25 lan
docker network create -d bridge --internal --subnet 10.60.0.0/24 back
tar -C {0} -c . | docker import - busybox
docker run -d --network lan --name web busybox /bin/busybox sleep 600
docker run -d --network lan --ip 192.168.26.200 --mac-address 02:42:c0:a8:1a:c8 --name db busybox /bin/busybox sleep 600
docker run -d --network back --name inner busybox /bin/busybox sleep 600
docker run -d --name plain busybox /bin/busybox sleep 600
docker network connect back web
"""

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root starts dockerd"),
    pytest.mark.skipif(shutil.which("dockerd") is None, reason="apt-get install docker.io"),
]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A machine with a daemon and four containers of its own."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/lock/docker.sock")
    (tmp_path / "bin").mkdir()
    shutil.copy(BUSYBOX, tmp_path / "bin")
    if subprocess.run(["chroot", str(tmp_path), "/bin/busybox", "true"], check=False).returncode:
        pytest.skip("apt-get install busybox-static")
    with world() as made:
        made.ip(WIRE)
        started = made.run("sh", "-c", START, ok=False)
        if started.returncode:
            pytest.skip(f"dockerd doesn't start here: {started.stdout}")
        done = made.run("sh", "-e", "-c", CONTAINERS.format(tmp_path), ok=False)
        assert done.returncode == 0, done.stderr
        yield made


def test_pings_agree_and_so_does_what_inspect_says(machine: World) -> None:
    """Each container by its name; a plain ping between any two ends is answered where the import of the kernel says so;
    by what `docker network inspect` prints each container reaches the others as by that."""
    text = machine.netlab("import", "live", "--all", "--host", "this").stdout
    state = plan.resolve(spec.load(text, "live.yaml")).steps[0].state
    letters = model.predict(state, ("host:icmp",)).letters["host:icmp"]
    names = {"this", "far", *(f"this/{name}" for name in ("web", "db", "inner", "plain"))}
    assert names <= {asker.id for asker in state.askers}
    said = json.loads(machine.run("docker", "network", "inspect", "lan", "back", "bridge").stdout)
    inspected = imported.of("docker", said, "this")
    differ, asked = [], 0
    for i, asker in enumerate(state.askers):
        for j, endpoint in enumerate(state.endpoints):
            if asker.id not in names or endpoint.v4 is None or letters[i][j] == "?":
                continue
            asked += 1
            expected = letters[i][j] in "RAB"
            answered = _pings(machine, asker.id, endpoint.v4.ip, expected)
            if answered != expected:
                differ.append(f"{asker.id} -> {endpoint.id}: predicted {letters[i][j]}, ping says {answered}")
            both = {asker.id, endpoint.namespace} <= {asker.id for asker in state.askers if "/" in asker.id}
            if both and (other := inspected.letter(asker.id, endpoint.v4.ip)) != letters[i][j]:
                differ.append(f"{asker.id} -> {endpoint.id}: {letters[i][j]}, by inspect {other}")
    assert differ == []
    assert asked >= 30


def _pings(machine: World, source: str, address: str, expected: bool) -> bool:
    ping = ("ping", "-c", "1", "-W", "5" if expected else "1", address)
    inside = {"this": (), "far": ("ip", "netns", "exec", "far")}
    argv = inside.get(source, ("docker", "exec", source.partition("/")[2], "/bin/busybox"))
    return machine.run(*argv, *ping, ok=False).returncode == 0
