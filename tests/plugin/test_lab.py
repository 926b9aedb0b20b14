"""A lab in a test, with the fixtures that everybody gets."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from ipaddress import ip_interface
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.utils import PcapNgReader

import netlab
from netlab import Lab, Topology, pair
from netlab.errors import UsageError
from tests.plugin.project import TWO_HOSTS

CHILD = (
    Topology("child")
    .switch("lan")
    .host("A")
    .interface("eth0", switch="lan", addresses="10.0.0.1/24")
    .macvlan("mv0", parent="eth0", mode="bridge", addresses="10.0.0.3/24")
    .container("c1")
    .macvlan("eth0", parent="eth0", mode="bridge", addresses=["10.0.0.4/24"])
    .host("B")
    .interface("eth0", switch="lan", addresses=["10.0.0.2/24", "fd00::2/64"])
)
two_hosts = pytest.mark.topology(TWO_HOSTS)
child = pytest.mark.topology(CHILD)


# --- who is there -----------------------------------------------------------------------------------


@child
def test_names_and_addresses(lab: Lab) -> None:
    """Namespaces, interfaces, addresses and MACs are those of the topology and of the kernel."""
    assert [namespace.name for namespace in lab] == ["A", "A/c1", "B", "lan"]
    assert [interface.id for interface in lab["A"].interfaces] == ["A:eth0", "A:mv0"]
    assert lab["B"].addresses == (ip_interface("10.0.0.2/24"), ip_interface("fd00::2/64"))
    assert (lab["A"].ip, lab["A/c1"].ip, lab["B"].ip) == ("10.0.0.1", "10.0.0.4", "10.0.0.2")
    mv0 = lab["A"].interface("mv0")
    shown = lab["A"].run("ip", "-o", "link", "show", "dev", mv0.ifname).stdout
    assert mv0.mac in shown
    assert shown.startswith(f"{mv0.ifindex}: ")
    assert lab["A"].mac == lab["A"].interface("eth0").mac != mv0.mac
    assert mv0.up


@child
def test_wrong_names(lab: Lab) -> None:
    """A name that isn't there is an error that says what is."""
    with pytest.raises(KeyError, match=r"no namespace 'A/c2' in child .did you mean 'A/c1'.*A, A/c1, B, lan"):
        lab["A/c2"]
    with pytest.raises(KeyError, match=r"no interface 'eth1' in A .did you mean 'eth0'.*eth0, mv0"):
        lab["A"].interface("eth1")
    with pytest.raises(netlab.TopologyError, match=r"test_lab.py:\d+:1: no host 'C'"):
        lab.must_reach("A", "C")
    with pytest.raises(netlab.TopologyError, match=r"'icpm' is not a layer; did you mean 'icmp'"):
        lab.must_reach("A", "B", ["icpm"])
    with pytest.raises(KeyError, match=r"no endpoint 'A:eth1' .did you mean 'A:eth0'"):
        lab.ping("A:eth1", "B")
    with pytest.raises(KeyError, match=r"no interface 'port.B:eth1.'"):
        lab.capture("port(B:eth1)")


# --- steps ------------------------------------------------------------------------------------------


@child
def test_set(lab: Lab) -> None:
    """A setting is a step: prediction, proof and read-back go by it."""
    lab.must_reach("B", "A:mv0")
    lab["A"].interface("eth0").set(state="down")
    assert lab.links["A:eth0"]["up"] is False
    assert lab.predicted["icmp", "B", "A:mv0"] == "U"
    lab.must_not_reach("B", "A:mv0")
    lab["A"].interface("eth0").set(state="up", mtu=1400)
    assert "mtu 1400" in lab["A"].run("ip", "link", "show", "dev", "eth0").stdout
    lab.must_reach("B", "A:mv0")


def test_steps_of_the_topology_and_of_the_test(lab_factory: Callable[..., Lab]) -> None:
    """Steps of the file are gone to by name, in order; steps that the test makes up come between them."""
    text = TWO_HOSTS + "steps:\n  - {name: one, set: {A:eth0: {state: down}}}\n  - {name: two, delete: [B]}\n"
    with lab_factory(text) as lab:
        lab.step("one")
        lab.must_not_reach("A", "B")
        lab.step(set={"A:eth0": {"state": "up"}})
        lab.must_reach("A", "B")
        with pytest.raises(UsageError, match="step 'one' has been passed; still to come: two"):
            lab.step("one")
        lab.step("two")
        assert [namespace.name for namespace in lab] == ["A", "lan"]
        lab.step("more", add={"hosts": {"C": {"interfaces": {"e": {"switch": "lan", "addresses": ["10.0.0.9/24"]}}}}})
        lab.must_reach("A", "C")
        assert lab.current.name == "more"
        with pytest.raises(netlab.TopologyError, match=r"test_lab.py:\d+:1: no interface"):
            lab.step(set={"C:f": {"state": "down"}})
        lab.must_reach("C", "A")
        again = lab.topology
    with lab_factory(again) as lab:
        lab.step("more")
        lab.must_reach("A", "C")


def test_what_the_kernel_refuses(lab_factory: Callable[..., Lab]) -> None:
    """A change that the kernel refuses is a BuildError with errno and command; a lab that is built so never is up."""
    lab = lab_factory(CHILD)
    with pytest.raises(netlab.BuildError) as caught:
        lab["A"].interface("mv0").set(mode="passthru")
    assert caught.value.errno == "EINVAL"
    assert "ip -n A link set dev mv0 type macvlan mode passthru" in caught.value.command
    with pytest.raises(netlab.LabClosed, match="could not be built"):
        lab["A"].run("true")


# --- questions --------------------------------------------------------------------------------------


@child
def test_reach(lab: Lab) -> None:
    """What reaches is reached, what does not does not; sides may be patterns, layers may be named."""
    lab.must_reach("A", "B")
    lab.must_reach("any:mv0", "B", ["arp", "icmp", "tcp"])
    lab.must_not_reach("A:eth0", "A:mv0", "icmp")
    lab.must_not_reach("A:eth0", "A/c1")
    lab.expect("B -> A:mv0 [icmp]: reachable")
    lab.expect("A:eth0 -> B [icmp]: on-wire")
    lab.expect("A:mv0 -> A/c1 [unicast]: not-on-wire")
    lab.expect({"B:eth0 [broadcast]": {"heard-by": ["A:eth0", "A:mv0", "A/c1:eth0"]}})
    lab.expect({"A:eth0": {"promiscuity": 1, "state": "up"}})
    assert lab.ping("A", "B")
    assert not lab.ping("A:eth0", "A/c1")
    assert lab.ping("A/c1", "B").evidence["entered"] == ["B:eth0"]


@child
def test_a_failure_tells_all(lab: Lab) -> None:
    """A failed question shows both letters, the kernel's rule, the matrix, and the frames, by interface."""
    with pytest.raises(netlab.ExpectationFailed) as caught:
        lab.must_reach("A:eth0", "A:mv0", ["icmp"])
    told = str(caught.value)
    assert told.startswith("A:eth0 -> A:mv0 [icmp]: reachable: does not hold\n")
    assert "icmp A:eth0 -> A:mv0: U, not reached" in told
    assert "the model says U, by macvlan/parent-tx-skips-children (" in told
    assert " ".join(told.split()).count("A host can't reach its own macvlan child") == 1
    assert "__dev_queue_xmit, net/core/dev.c" in told
    assert "  1 A:eth0     .   U" in told
    asked = [line for line in told.splitlines() if "ARP who has 10.0.0.3? tell 10.0.0.1" in line]
    places = [" ".join(line.split()[1:3]) for line in asked]
    assert places[0] == "A:eth0 out"
    assert {"port(A:eth0) in", "port(B:eth0) out", "B:eth0 in"} <= {*places}
    with pytest.raises(netlab.ExpectationFailed, match=r"A -> B .icmp.: unreachable: does not hold"):
        lab.must_not_reach("A", "B", ["icmp"])
    with pytest.raises(netlab.ExpectationFailed, match=r"promiscuity: 5.: does not hold \(promiscuity is 1\)"):
        lab.expect({"A:eth0": {"promiscuity": 5}})


@child
def test_no_proof_is_no_answer(lab: Lab) -> None:
    """Where an end isn't proved alive (its port's queue has no room, which no file can say) silence proves nothing."""
    port = lab.state.link("B:eth0").port_ifname
    lab["lan"].run("tc", "qdisc", "replace", "dev", port, "root", "pfifo", "limit", "0")  # type: ignore[list-item]
    with pytest.raises(netlab.Inconclusive, match="can be proved neither way"):
        lab.must_not_reach("A", "B")
    with pytest.raises(netlab.Inconclusive, match="neither reached nor not"):
        bool(lab.ping("A", "B"))


def test_what_settles_late(lab_factory: Callable[..., Lab]) -> None:
    """While a spanning tree still listens nothing is proved, by whatever question; once it forwards, everything is."""
    with pytest.warns(RuntimeWarning, match="not yet what the topology says: A:eth0, B:eth0, lan"):
        lab = lab_factory(TWO_HOSTS.replace("lan: {}", "lan: {stp: true}"))
    with lab:
        assert lab.ping("A", "B").letter == "?"
        with pytest.raises(netlab.Inconclusive, match="neither reached nor not: unsettled: A:eth0, B:eth0, lan"):
            bool(lab.ping("A", "B"))
        assert pair.observe(lab.handle.agent, lab.plan, "icmp", "A:eth0", "B:eth0") == "?"
        ports = [lab.state.link(f"{host}:eth0").port_ifname for host in "AB"]  # type: ignore[union-attr]
        bridge = lab.state.link("lan").ifname
        sooner = [f"link set dev {bridge} type bridge forward_delay 200"]
        again = [f"link set dev {port} {state}" for state in ("down", "up") for port in ports]
        lab["lan"].run("ip", "-batch", "-", input="\n".join([*sooner, *again]))
        watch = "for i in $(seq 300); do bridge link | grep -vq 'state forwarding' || exit 0; sleep 0.1; done; exit 1"
        lab["lan"].run("sh", "-c", watch)
        assert lab.ping("A", "B").letter == "R"
        lab.must_reach("A", "B", ["icmp"])
        assert lab.matrix(["icmp"])["icmp", "A", "B"] == "R"


@child
def test_matrix_and_prediction(lab: Lab) -> None:
    """The whole matrix, observed, has the letters that the model predicts, and prints as the report does."""
    matrix = lab.matrix(["icmp", "arp"])
    assert matrix.verdict == "pass"
    assert matrix.layers == ("arp", "icmp")
    assert matrix["icmp", "A:mv0", "A/c1"] == "R"
    assert matrix["icmp", "A", "A:mv0"] == matrix.expected("icmp", "A:eth0", "A:mv0") == "U"
    predicted = lab.predicted
    for layer in matrix.layers:
        for seen, said in zip(matrix.rows(layer), predicted.rows(layer), strict=True):
            assert all(letter == model or model == "B" for letter, model in zip(seen, said, strict=True))
    rule = predicted.rule("icmp", "A:eth0", "A/c1")
    assert rule is not None
    assert rule.id == "macvlan/parent-tx-skips-children"
    assert "PASS" in str(matrix)
    with pytest.raises(KeyError, match="layer 'tcp' was not probed; there are arp, icmp"):
        matrix["tcp", "A", "B"]


# --- captures ---------------------------------------------------------------------------------------


@two_hosts
def test_capture(lab: Lab, tmp_path: Path) -> None:
    """Everything sent while the block ran is in the capture, both ways, with the same bytes at both ends of a wire."""
    path = tmp_path / "ping.pcapng"
    with lab.capture("A:eth0", "port(A:eth0)", path=path) as capture:
        lab["A"].run("ping", "-c", "1", lab["B"].ip)
    mine = [frame for frame in capture.frames if frame.interface == "A:eth0"]
    port = [frame for frame in capture.frames if frame.interface == "port(A:eth0)"]
    echo = [frame for frame in mine if frame.ethertype == 0x0800]
    assert [(frame.outgoing, Ether(frame.data)[ICMP].type) for frame in echo] == [(True, 8), (False, 0)]
    assert [frame.data for frame in mine] == [frame.data for frame in port]
    assert {frame.outgoing for frame in mine} == {True, False}
    assert [frame.outgoing for frame in port] == [not frame.outgoing for frame in mine]
    assert capture.dropped == 0
    read = [bytes(packet) for packet in PcapNgReader(str(path))]
    assert read == [frame.data for frame in capture.frames]
    assert "A:eth0 > B:eth0  IP 10.0.0.1 > 10.0.0.2 ICMP echo request" in str(capture)


@two_hosts
def test_captures_are_read_by_others(lab: Lab, tmp_path: Path) -> None:
    """tcpdump reads the file; names, nanoseconds and directions are those of pcapng."""
    tcpdump = shutil.which("tcpdump", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if tcpdump is None:
        pytest.skip("tcpdump is not installed")
    with lab["A"].interface("eth0").capture() as capture:
        sock = lab["A"].socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.sendto(b"x" * 10, ("10.0.0.2", 9))
    capture.save(tmp_path / "udp.pcapng")
    done = subprocess.run([tcpdump, "-nr", tmp_path / "udp.pcapng"], capture_output=True, text=True, check=True)
    assert "10.0.0.1" in done.stdout
    assert "UDP, length 10" in done.stdout
    packets = list(PcapNgReader(str(tmp_path / "udp.pcapng")))
    assert [packet[UDP].dport for packet in packets if UDP in packet and ICMP not in packet] == [9]
    assert {packet.direction for packet in packets} <= {1, 2}
    assert b"A:eth0" in capture.data


@two_hosts
def test_a_burst_is_whole(lab: Lab) -> None:
    """Of a burst of frames every one is in the capture at the moment the block ends."""
    with lab.capture("B:eth0") as capture:
        sock = lab["A"].socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(("10.0.0.2", 9))
        for number in range(500):
            with contextlib.suppress(ConnectionRefusedError):
                sock.send(number.to_bytes(2, "big"))
    frames = [Ether(frame.data) for frame in capture.frames if not frame.outgoing]
    numbers = [int.from_bytes(bytes(packet[UDP].payload)[:2], "big") for packet in frames if UDP in packet]
    assert numbers == [number for number in range(500) if number in set(numbers)]
    assert len(numbers) + capture.dropped >= 500 - _refused(capture.frames)
    assert any(ARP in packet for packet in frames)
    assert {packet[IP].src for packet in frames if IP in packet} == {"10.0.0.1"}


def _refused(frames: list[netlab.Frame]) -> int:
    """A datagram is not sent where the answer to an earlier one ("port unreachable") is told instead."""
    return sum(frame.outgoing and ICMP in Ether(frame.data) for frame in frames)


@child
def test_watching_changes_nothing(lab: Lab) -> None:
    """A capture sets no promiscuity: what is read back is the same with it as without."""
    before = lab["B"].run("ip", "-d", "link", "show", "dev", "eth0").stdout
    with lab.capture():
        during = lab["B"].run("ip", "-d", "link", "show", "dev", "eth0").stdout
    assert before == during
    assert "promiscuity 0" in during


def test_descriptors_come_back(lab_factory: Callable[..., Lab]) -> None:
    """A hundred labs leave this process with the descriptors that it had."""

    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    with lab_factory(TWO_HOSTS):
        pass
    before = count()
    for _ in range(100):
        with lab_factory(TWO_HOSTS) as lab:
            with lab.capture("A:eth0"):
                lab["A"].run("true")
            lab["A"].socket()
    assert count() <= before + 3
