"""The Vagrantfile, evaluated by Vagrant's own Ruby, against the topology that it is made for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from netlab.contract.types import Plan, Veth
from netlab.plan import from_file

ROOT = Path(__file__).parents[2]
DUMP = Path(__file__).with_name("dump.rb")
PROVIDERS = ("virtualbox", "libvirt")


def has_vagrant() -> bool:
    """Whether Vagrant's library is there for Ruby."""
    return (
        shutil.which("vagrant") is not None
        and shutil.which("ruby") is not None
        and subprocess.run(["ruby", "-e", "require 'vagrant'"], capture_output=True, check=False).returncode == 0
    )


needs_vagrant = pytest.mark.skipif(not has_vagrant(), reason="vagrant is not installed (sudo apt-get install vagrant)")


def dump(folder: Path, home: Path, **env: str) -> dict[str, Any]:
    """What the Vagrantfile in a folder declares."""
    done = subprocess.run(
        ["ruby", str(DUMP), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "VAGRANT_HOME": str(home), "VAGRANT_DOTFILE_PATH": str(home / "dot"), **env},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What our Vagrantfile declares, by machine and provider."""
    return dump(ROOT, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def demo() -> Plan:
    """The topology that the machines are for."""
    return from_file(ROOT / "topologies" / "bridge-two-node.yaml")


@needs_vagrant
def test_machines_are_the_hosts_of_the_demo(declared: dict[str, Any], demo: Plan) -> None:
    """There is a machine for each host, with the address that the topology gives its NIC, on every provider."""
    nics = {link.namespace: link for link in demo.steps[0].state.links if isinstance(link, Veth)}
    assert set(declared) == set(nics)
    for name, nic in nics.items():
        for provider in PROVIDERS:
            machine = declared[name][provider]
            [network] = [one for one in machine["networks"] if one["kind"] == "private_network"]
            [address] = nic.addresses
            assert network["ip"] == address.ip
            assert machine["hostname"] == f"netlab-{name.lower()}"
            [provisioner] = machine["provisioners"]
            assert provisioner["env"]["NETLAB_IP"] == str(address)
            assert provisioner["env"]["NETLAB_MAC"] == network["mac"]


@needs_vagrant
def test_no_name_may_be_an_id(declared: dict[str, Any]) -> None:
    """No machine's name is the beginning of an id: Vagrant would take another machine that has such an id for it."""
    assert not [name for name in declared if re.fullmatch("[0-9a-f]+", name)]


@needs_vagrant
def test_nics_are_on_one_network_with_macs_of_their_own(declared: dict[str, Any]) -> None:
    """The lab's NICs share one isolated network, and their MACs are different unicast ones."""
    networks = [
        next(one for one in machine["virtualbox"]["networks"] if one["kind"] == "private_network")
        for machine in declared.values()
    ]
    macs = [network["mac"] for network in networks]
    assert len(set(macs)) == len(macs)
    assert all(re.fullmatch(r"[0-9A-F]{12}", mac) and int(mac[:2], 16) % 2 == 0 for mac in macs)
    assert {network["virtualbox__intnet"] for network in networks} == {"netlab-lan"}
    assert {network["libvirt__network_name"] for network in networks} == {"netlab-lan"}
    assert {network["libvirt__forward_mode"] for network in networks} == {"none"}


@needs_vagrant
def test_virtualbox_lets_foreign_macs_in(declared: dict[str, Any]) -> None:
    """The second adapter's promiscuous policy is allow-all: without it no frame for a child arrives."""
    for machine in declared.values():
        calls = machine["virtualbox"]["options"]["customizations"]
        assert [call[1][2:] for call in calls if "--nicpromisc2" in call[1]] == [["--nicpromisc2", "allow-all"]]


@needs_vagrant
def test_provisioner_and_folder(declared: dict[str, Any]) -> None:
    """One provisioner that is there and runs at every boot, and the project's folder by rsync."""
    for machine in declared.values():
        for provider in PROVIDERS:
            [provisioner] = machine[provider]["provisioners"]
            assert (provisioner["type"], provisioner["run"]) == ("shell", "always")
            assert (ROOT / provisioner["path"]).is_file()
            folder = machine[provider]["folders"]["/vagrant"]
            assert folder["type"] == "rsync"
            assert ".git/" in folder["rsync__exclude"]


@needs_vagrant
def test_no_setting_is_misspelt(declared: dict[str, Any]) -> None:
    """Vagrant knows every setting, those of the provider that isn't in use as well."""
    for machine in declared.values():
        for provider in PROVIDERS:
            assert machine[provider]["unknown"] == []
        calls = [call[1] for call in machine["virtualbox"]["options"]["customizations"]]
        assert ["modifyvm", "id", "--memory", "768"] in [list(map(str, call)) for call in calls]


@needs_vagrant
def test_boxes_and_emulation_by_environment(tmp_path: Path) -> None:
    """NETLAB_BOX replaces the box of every provider, NETLAB_TCG=1 asks libvirt for emulation."""
    plain = dump(ROOT, tmp_path)
    other = dump(ROOT, tmp_path, NETLAB_BOX="mine", NETLAB_TCG="1")
    for name in plain:
        assert plain[name]["virtualbox"]["box"] == "bento/debian-12"
        assert plain[name]["libvirt"]["box"] == "cloud-image/debian-12"
        assert {other[name][provider]["box"] for provider in PROVIDERS} == {"mine"}
        if other[name]["libvirt"]["options"] is not None:
            assert other[name]["libvirt"]["options"]["driver"] == "qemu"


@needs_vagrant
def test_misspelt_settings_are_found(tmp_path: Path) -> None:
    """A misspelt setting of VirtualBox, which `vagrant validate` doesn't see, is seen by this look."""
    text = (ROOT / "Vagrantfile").read_text().replace("vb.memory", "vb.memroy")
    (tmp_path / "Vagrantfile").write_text(text)
    found = dump(tmp_path, tmp_path)
    assert found["A"]["virtualbox"]["unknown"] == ["memroy"]


@needs_vagrant
def test_vagrant_validates(tmp_path: Path) -> None:
    """`vagrant validate` has nothing to say against it."""
    done = subprocess.run(
        ["vagrant", "validate", "--ignore-provider"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "VAGRANT_HOME": str(tmp_path), "VAGRANT_DOTFILE_PATH": str(tmp_path / "dot")},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_provisioner_is_a_shell_script() -> None:
    """The provisioner parses as a plain POSIX shell script."""
    done = subprocess.run(["sh", "-n", str(ROOT / "vagrant" / "provision.sh")], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
