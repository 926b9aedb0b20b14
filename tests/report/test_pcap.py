"""Captures of a real lab, read by an independent decoder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP
from scapy.utils import PcapNgReader

from netlab import spec
from netlab.client import Agent
from netlab.pipeline import Options, run


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    """An agent for this module."""
    with Agent.start() as one:
        yield one


@pytest.fixture(scope="module")
def folder(agent: Agent, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The captures of the article's demo, pings only."""
    base = tmp_path_factory.mktemp("pcap")
    run(spec.find("bridge-two-node"), agent, Options(layers=("icmp",), pcap=base))
    return base / "bridge-two-node"


def test_a_file_for_each_parent_and_port(folder: Path) -> None:
    """Each parent and each switch port has its file, named after it."""
    assert sorted(path.name for path in folder.iterdir()) == [
        "A~ens160.pcapng",
        "B~ens160.pcapng",
        "port~A~ens160.pcapng",
        "port~B~ens160.pcapng",
    ]


def test_the_pings_are_there(folder: Path) -> None:
    """B's echo request for the child's address enters A by the parent, and the reply leaves by it."""
    packets = list(PcapNgReader(str(folder / "A~ens160.pcapng")))
    kinds = {(p[IP].src, p[IP].dst, p[ICMP].type) for p in packets if IP in p and ICMP in p}
    assert ("192.168.26.106", "192.168.26.141", 8) in kinds
    assert ("192.168.26.141", "192.168.26.106", 0) in kinds
    assert any(ARP in p and p[ARP].pdst == "192.168.26.141" for p in packets)


def test_both_ends_of_a_wire_saw_the_same(folder: Path) -> None:
    """What left the host by its wire came in at the switch's port, frame by frame."""
    host = [bytes(p) for p in PcapNgReader(str(folder / "B~ens160.pcapng"))]
    port = [bytes(p) for p in PcapNgReader(str(folder / "port~B~ens160.pcapng"))]
    assert host
    assert sorted(host) == sorted(port)


def test_times_are_of_this_hour_and_in_order(folder: Path) -> None:
    """Time stamps are nanoseconds of the wall clock, and none is before the one before it."""
    stamps = [float(p.time) for p in PcapNgReader(str(folder / "port~A~ens160.pcapng"))]
    written = (folder / "port~A~ens160.pcapng").stat().st_mtime
    assert stamps == sorted(stamps)
    assert written - 3600 < stamps[0] <= written + 1


def test_other_readers_take_it(folder: Path) -> None:
    """tcpdump reads the file without a complaint."""
    tcpdump = shutil.which("tcpdump", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if tcpdump is None:
        pytest.skip("tcpdump is not installed")
    done = subprocess.run([tcpdump, "-nr", str(folder / "A~ens160.pcapng")], capture_output=True, text=True, check=True)
    assert "ICMP echo request" in done.stdout
    assert "EN10MB" in done.stderr


def test_captures_go_on_through_every_step(agent: Agent, tmp_path: Path) -> None:
    """A link that is deleted and made again is captured in both lives, one that comes later too."""
    text = """\
name: twice
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
steps:
  - {name: gone, delete: [B]}
  - name: back
    add:
      hosts:
        B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.3/24]}}}
        C: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.4/24]}}}
"""
    run(text, agent, Options(layers=("icmp",), pcap=tmp_path))
    folder = tmp_path / "twice"
    sources = {p[IP].src for p in PcapNgReader(str(folder / "B~eth0.pcapng")) if ICMP in p}
    assert {"10.0.0.2", "10.0.0.3"} <= sources
    assert any(ICMP in p for p in PcapNgReader(str(folder / "port~C~eth0.pcapng")))


def test_full_disk(tmp_path: Path) -> None:
    """Captures for which there is no room end in an error that names their folder, and in exit code 3."""
    unshare = ["unshare", *(["-m"] if os.geteuid() == 0 else ["-Urm"])]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], capture_output=True).returncode:
        pytest.skip("no mount namespace to be had here")
    small = tmp_path / "pcap"
    small.mkdir()
    netlab = str(Path(sys.executable).with_name("netlab"))
    argv = [netlab, "run", "bridge-two-node", "--no-report", "--layers", "icmp", "--pcap", str(small)]
    mount = 'mount -t tmpfs -o size=4k none "$0" && exec "$@"'
    done = subprocess.run(
        [*unshare, "sh", "-c", mount, str(small), *argv], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 3
    folder = small / "bridge-two-node"
    assert f"{folder}: the captures are not whole: No space left on device" in done.stderr


def test_the_command(tmp_path: Path) -> None:
    """`--pcap DIR` captures without a change of the verdict; a folder that can't be made is an error."""
    netlab = str(Path(sys.executable).with_name("netlab"))
    argv = [netlab, "run", "bridge-two-node", "--no-report", "--layers", "icmp", "--pcap"]
    assert subprocess.run([*argv, "here"], cwd=tmp_path, capture_output=True).returncode == 0
    assert len(list((tmp_path / "here" / "bridge-two-node").iterdir())) == 4
    (tmp_path / "file").write_text("")
    done = subprocess.run([*argv, "file"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "this folder can't be made" in done.stderr
