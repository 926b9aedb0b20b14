"""The command: where it writes to, what it tells on stderr, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Netlab, netlab
from tests.live.samples import bridge, docker

__all__ = ["netlab"]


def test_a_file_is_written_that_check_accepts(netlab: Netlab, tmp_path: Path) -> None:
    """`import … -o FILE`, then `check FILE` and `why FILE host host/web`."""
    (tmp_path / "lan.json").write_text(json.dumps([docker(Options={"parent": "eth0", "frob": "1"})], indent=2))
    done = netlab("import", "docker", "lan.json", "-o", "lan.yaml")
    assert (done.returncode, done.stdout) == (0, "")
    assert "warning: unknown: [0].Options.frob: netlab doesn't know this key" in done.stderr
    assert "told at the head of the file" in done.stderr
    line = int(done.stderr.partition("lan.json:")[2].partition(":")[0])
    assert '"frob"' in (tmp_path / "lan.json").read_text().splitlines()[line - 1]
    assert netlab("check", "lan.yaml", "--strict").returncode == 0
    assert "shim" in netlab("why", "lan.yaml", "host", "host/web").stdout


def test_standard_input_to_standard_output(netlab: Netlab) -> None:
    """`docker network inspect lan | netlab import docker -` prints the file, with the host's name."""
    done = netlab("import", "docker", "-", "--host", "nuc", input=json.dumps([docker()]))
    assert done.returncode == 0
    assert done.stdout.startswith("# Written by netlab import from <stdin>.")
    assert "\n  nuc:  # the machine itself\n" in done.stdout


def test_what_is_wrong_ends_with_2_and_writes_nothing(netlab: Netlab, tmp_path: Path) -> None:
    """The place of the fault is told, and no file is made."""
    done = netlab("import", "docker", "-", "-o", "out.yaml", input='[{"Name": "lan"}]')
    assert done.returncode == 2
    assert done.stderr == "<stdin>:1:2: 'Driver' is missing; macvlan, bridge, …\n"
    assert not (tmp_path / "out.yaml").exists()


def test_a_network_that_netlab_refuses_is_written_and_told(netlab: Netlab, tmp_path: Path) -> None:
    """Two bridges with one address make a file, with its faults told by their places in it, and exit code 2."""
    (tmp_path / "two.json").write_text(json.dumps([bridge(), bridge("front")]))
    done = netlab("import", "docker", "two.json", "-o", "two.yaml")
    assert done.returncode == 2
    assert "two.yaml:" in done.stderr
    assert "172.18.0.1" in done.stderr
    assert (tmp_path / "two.yaml").exists()


def test_formats_and_hosts_are_checked(netlab: Netlab) -> None:
    """An unknown format, a file that isn't there, and a name that no host may have end with 2."""
    done = netlab("import", "dokcer", "-")
    assert done.returncode == 2
    assert "no format 'dokcer' (did you mean 'docker'?); there are live, docker, " in done.stderr
    assert "cannot be read" in netlab("import", "docker", "none.json").stderr
    assert "cannot stand in the name" in netlab("import", "docker", "-", "--host", "a b").stderr


def test_another_tools_text_is_told_whose_it_is(netlab: Netlab) -> None:
    """A text that is of another format ends with 2, and names the command for it."""
    for form, said, other in (
        ("nmstate", "network: {ethernets: {eth0: {}}}", "netplan"),
        ("netplan", "interfaces: []", "nmstate"),
        ("containerlab", "services: {}", "docker"),
        ("docker", "topology: {}", "containerlab"),
    ):
        done = netlab("import", form, "-", input=said)
        assert (done.returncode, f"netlab import {other}" in done.stderr) == (2, True), done.stderr


def test_a_folder_of_other_things_is_none_of_networkd(netlab: Netlab, tmp_path: Path) -> None:
    """What is called like a unit but isn't one is passed over."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "issue.net").write_text("Debian")
    done = netlab("import", "networkd", "etc")
    assert (done.returncode, done.stderr) == (2, "netlab: etc: there is no .netdev or .network file in it\n")


def test_what_is_not_there_is_told_in_a_line(netlab: Netlab) -> None:
    """A process and a namespace that aren't there; of those that are, not more than can be read."""
    assert netlab("import", "live", "--pid", "99999999").stderr == "netlab: there is no process 99999999\n"
    done = netlab("import", "live", "--netns", "no-such-one")
    assert "no network namespace or container 'no-such-one'" in done.stderr
    assert done.stderr.count(",") <= 12
