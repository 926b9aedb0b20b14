"""``netlab import docker`` of compose files."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from netlab.live.topology import Box
from netlab.spec import TopologyError
from tests.live import imported
from tests.live.samples import COMPOSE

LAN = """\
services:
  web: {networks: {lan: {ipv4_address: 10.0.0.9}}}
  db: {networks: [lan]}
networks:
  lan: {driver: macvlan, driver_opts: {parent: eth0}, ipam: {config: [{subnet: 10.0.0.0/24, gateway: 10.0.0.1}]}}
"""


def test_a_macvlan_of_a_compose_file() -> None:
    """The host doesn't reach a service on a macvlan; services reach each other and the gateway."""
    lab = imported.of("docker", LAN)
    assert lab.letter("host", "host/web") == "U"
    assert lab.letter("host/db", "host/web") == lab.letter("host/web", "gateway") == "R"


def test_addresses_that_are_not_given_are_assumed() -> None:
    """A service without an address gets the lowest that is free, and the file says so."""
    lab = imported.of("docker", LAN)
    assert "db has 10.0.0.2 in lan: the file gives it no address there" in lab.draft.assumed
    assert "host/db:eth0" in lab.endpoints()


def test_a_whole_file() -> None:
    """Merge keys, `scale`, sysctls, MACs, reserved addresses and an internal network are taken over."""
    lab = imported.of("docker", COMPOSE)
    assert {"host/web:eth0", "host/web:eth1", "host/db-1:eth0", "host/db-2:eth0", "printer:eth0"} <= set(
        lab.endpoints()
    )
    assert "mode: private" in lab.text
    assert 'mac: "02:42:c0:a8:01:0a"' in lab.text
    assert "sysctls: {net.ipv4.conf.all.arp_ignore: 1}" in lab.text
    assert lab.left("sysctls.kernel.msgmax") == ["not a sysctl of networks"]
    assert lab.left("services.web.ports") == ["published ports: Docker translates them, and netlab sets no such rules"]
    assert lab.letter("host/web", "host/db-1") == "R"
    assert lab.letter("gateway", "host/db-1") == "U"


def test_services_without_networks_share_the_default_one() -> None:
    """A file without networks has a bridge called default, on which all services are."""
    lab = imported.of("docker", "services: {a: {image: x}, b: {image: y}}\n")
    assert lab.letter("host/a", "host/b") == "R"
    assert any(one.startswith("default has the subnet 172.18.0.0/16") for one in lab.draft.assumed)


def test_an_external_network_is_left_out() -> None:
    """What the file doesn't describe is told, with what would describe it, and who is on it."""
    said = LAN + "  out: {external: true}\n"
    lab = imported.of("docker", said.replace("[lan]", "[lan, out]"))
    assert lab.left("networks.out") == ["out is made elsewhere: import 'docker network inspect' of it"]
    assert lab.left("services.db.networks[1]") == ["the network out was left out"]


def test_a_service_in_the_hosts_namespace_is_left_out() -> None:
    """`network_mode: host` makes no container of its own."""
    lab = imported.of("docker", LAN.replace("networks: [lan]", "network_mode: host"))
    assert lab.left("services.db.network_mode") == ["the service db has no network of its own here"]
    assert "host/db:eth0" not in lab.endpoints()


def test_ipv6_of_a_compose_file() -> None:
    """Both families of a network are given out."""
    both = "[{subnet: 172.20.0.0/16}, {subnet: 'fd20::/64'}]"
    said = f"""\
services: {{a: {{networks: [n]}}, b: {{networks: [n]}}}}
networks: {{n: {{enable_ipv6: true, ipam: {{config: {both}}}}}}}
"""
    lab = imported.of("docker", said)
    assert [lab.letter("host/a", "host/b", layer) for layer in ("icmp", "icmp6")] == ["R", "R"]


#: The program itself.
PROGRAM = os.environ.get("DOCKER_COMPOSE", "docker-compose")
#: Every address is given, and names are sorted: which are assumed depends on the order, and `config` sorts.
WHOLE = """\
x-common: &common
  image: nginx
  sysctls: {net.ipv4.conf.all.arp_ignore: 1}
services:
  web:
    <<: *common
    ports: ["80:80"]
    networks: {lan: {ipv4_address: 192.168.1.10}, back: {ipv4_address: 10.44.0.10, aliases: [here]}}
  db: {<<: *common, networks: {back: {ipv4_address: 10.44.0.11, ipv6_address: "fd44::11"}, out: {}}}
  agent: {image: agent, network_mode: host}
networks:
  back: {internal: true, ipam: {config: [{subnet: 10.44.0.0/24}, {subnet: "fd44::/64"}]}}
  lan:
    driver: macvlan
    driver_opts: {parent: "${NIC:-eth0}", macvlan_mode: private}
    ipam:
      config: [{subnet: 192.168.1.0/24, gateway: 192.168.1.1, aux_addresses: {printer: 192.168.1.9}}]
  out: {external: true}
"""


def _config(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "compose.yaml").write_text(text)
    return subprocess.run(
        [PROGRAM, "-f", "compose.yaml", "config"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="apt-get install --no-install-recommends docker-compose")
def test_what_compose_itself_makes_of_a_file_is_the_same(tmp_path: Path) -> None:
    """What `docker-compose config` prints of a file, imported, has the file's containers, switches and addresses."""
    done = _config(WHOLE, tmp_path)
    assert done.returncode == 0, done.stderr
    ours = imported.of("docker", WHOLE.replace("${NIC:-eth0}", "eth0")).draft
    theirs = imported.of("docker", done.stdout).draft

    def told(hosts: dict[str, Box]) -> dict[str, object]:
        return {
            name: (box.interfaces, sorted(map(str, box.routes)), box.sysctls, told(box.containers))
            for name, box in hosts.items()
        }

    assert told(theirs.hosts) == told(ours.hosts)
    assert theirs.switches == ours.switches
    assert {one.why for one in theirs.left if one.loses} == {one.why for one in ours.left if one.loses}


@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="apt-get install --no-install-recommends docker-compose")
@pytest.mark.parametrize(
    ("old", "new"),
    [("back: {internal", "back: {intern"), ("[{subnet: 192", "[{192")],
)
def test_what_compose_itself_refuses_is_no_topology_without_a_word(old: str, new: str, tmp_path: Path) -> None:
    """A network that isn't described and a key that isn't known: an error here too, or a warning that names it."""
    wrong = WHOLE.replace(old, new)
    assert _config(wrong, tmp_path).returncode != 0
    try:
        left = imported.of("docker", wrong).draft.left
    except TopologyError:
        return
    assert [one.path for one in left if one.unknown]
