"""A fix as commands: pasted into machines that look so they make the ping work, and the undo lines end that."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from netlab import Lab, Labs
from netlab.why import Fix
from netlab.why.commands import Run

from .test_fixes import ask, siblings
from .test_questions import BRIDGE_NF, CLOSED, HOLE, NOARP, RACE, RULED, SAME_MAC, TABLE, asked

SHIM = """\
name: shim
switches: {lan: {}}
hosts:
  h:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}
    routes: [{to: default, via: 10.0.0.4}]
    containers:
      web: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.2/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.4/24]}}}
"""
ROUTED = """\
name: routed
switches: {s1: {}, s2: {}}
hosts:
  A: {interfaces: {eth0: {switch: s1, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: s2, addresses: [10.0.1.2/24]}}}
  R:
    interfaces:
      eth0: {switch: s1, addresses: [10.0.0.254/24]}
      eth1: {switch: s2, addresses: [10.0.1.254/24]}
"""
#: B answers by eth1, and its strict filter takes nothing by eth0.7 then.
FILTERED = """\
name: filtered
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B:
    interfaces:
      eth1: {switch: lan, addresses: [10.0.0.3/24]}
      eth0.7: {switch: lan, addresses: [10.0.0.2/24]}
    sysctls: {net.ipv4.conf.eth0/7.rp_filter: 1, net.ipv4.conf.all.arp_ignore: 1}
"""
DEAF = """\
name: deaf
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}
    sysctls: {net.ipv4.conf.all.arp_ignore: 8}
"""


@pytest.fixture(scope="module")
def labs() -> Iterator[Labs]:
    with Labs() as made:
        yield made


def fix(text: str, pair: str, word: str, **more: str) -> Fix:
    """The first fix whose title has the word."""
    fixes = ask(text, *pair.split(), **more).fixes
    return next(one for one in fixes if word in one.title)


class Machines:
    """A lab as one finds machines: a shell on each, where ``ip netns`` knows the containers by name."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.pids = {}
        for namespace in lab:
            process = namespace.popen("sh", "-c", "echo $$; exec sleep 1000")
            assert process.stdout is not None
            self.pids[namespace.name] = process.stdout.readline().decode().strip()

    def paste(self, runs: tuple[Run, ...], *then: str, check: bool = True) -> int:
        """Run the lines, and then a command, in one shell for each run."""
        status = 0
        for run in runs:
            lines = ["mount -t tmpfs none /run"]
            lines += (f"ip netns attach {name} {self.pids[f'{run.on}/{name}']}" for name in run.named)
            done = self.lab[run.on].run(
                "unshare", "-m", "bash", "-ec", "\n".join([*lines, *run.lines, *then]), check=check
            )
            status = status or done.returncode
        return status

    def ping(self, line: str, patience: int = 1) -> bool:
        """Whether a ping from cold is answered within so many seconds: ``A -I eth0 10.0.0.2``."""
        place, *words = line.split()
        for namespace in self.lab:
            namespace.run("ip", "neigh", "flush", "all")
        done = self.lab[place].run("ping", "-n", "-c", "1", "-W", str(patience), *words, check=False)
        assert done.returncode in (0, 1, 2), done.stderr
        return done.returncode == 0

    def looks(self) -> dict[str, list[str]]:
        """What the commands may have changed, as ip and bridge tell it."""
        asked = (
            "ip -br address",
            "ip route show table all",
            "ip rule",
            "ip neigh show nud permanent",
            "ip -br -d link",
            "bridge -d link",
        )
        return {
            f"{namespace.name}: {line}": sorted(namespace.run(*line.split()).stdout.splitlines())
            for namespace in self.lab
            for line in asked
        }


@pytest.mark.parametrize(
    ("text", "pair", "word", "ping"),
    [
        (SHIM, "h h/web", "shim", "h 10.0.0.2"),
        (SHIM, "h h/web", "hairpin", "h 10.0.0.2"),
        (SHIM, "h h/web", "second network", "h 172.30.0.2"),
        (siblings("vepa"), "A/web A/db", "bridge mode", "A/web 10.0.0.3"),
        (siblings("vepa"), "A/web A/db", "hairpin", "A/web 10.0.0.3"),
        (siblings("source"), "B A/web", "hear", "B 10.0.0.2"),
        (siblings("private"), "A/web A/db", "by hand", "A/web 10.0.0.3"),
        (siblings("bridge", ", port: {attached: off}"), "B A/web", "bring up", "B 10.0.0.2"),
        (siblings("bridge", ", port: {locked: on, learning: off}"), "B A/web", "admit", "B 10.0.0.2"),
        (ROUTED, "A B", "routes", "A 10.0.1.2"),
        (FILTERED, "A B:eth0.7", "rp_filter", "A -I eth0 10.0.0.2"),
        (DEAF, "A B", "arp_ignore", "A 10.0.0.2"),
        (asked(HOLE.replace("TYPE", "blackhole")), "A B", "blackhole", "A 10.0.0.2"),
        (asked(CLOSED), "A B", "pass: icmp", "A 10.0.0.2"),
        (asked(RULED), "A B", "the rule 'ip daddr", "A 10.0.0.2"),
        (asked(BRIDGE_NF), "h/vm1 h/vm2", "pass: icmp", "h/vm1 10.0.0.2"),
        (asked(NOARP), "B h/web", "arp on", "B 10.0.0.2"),
        (asked(TABLE), "A B", "the rule", "A 10.0.0.2"),
        (asked(RACE), "A/web S", "metric 99", "A/web 192.0.2.2"),
        (asked(SAME_MAC), "n1 n2", "a MAC of its own", "n1 10.0.0.2"),
    ],
)  # fmt: skip
def test_pasted_it_works(labs: Labs, text: str, pair: str, word: str, ping: str) -> None:
    """The system's own ping fails before the lines, is answered after them, and fails again after the undo lines."""
    made = fix(text, pair, word)
    with labs.open(text) as lab:
        machines = Machines(lab)
        before = machines.looks()
        assert not machines.ping(ping)
        machines.paste(made.commands)
        assert machines.ping(ping, patience=5)
        machines.paste(made.undo)
        assert not machines.ping(ping)
        assert machines.looks() == before


def test_the_lines_are_words_of_the_shell() -> None:
    """A name with a letter that the shell may not take as it is stands in quotes."""
    made = fix(SHIM.replace("eth0", "é+1"), "h h/web", "shim")
    assert made.commands[0].lines[0] == "ip link add link 'é+1' name shim type macvlan mode bridge"
    assert all(shlex.split(line) for run in made.commands for line in run.lines)


def test_a_mode_that_the_file_leaves_out_comes_back() -> None:
    """A child without a mode is a VEPA child: that is what the undo says."""
    [run] = fix(siblings("vepa").replace("mode: vepa, ", ""), "A/web A/db", "bridge mode").undo
    assert [line.rpartition(" ")[2] for line in run.lines] == ["vepa", "vepa"]


def test_docker_is_asked_for_the_same() -> None:
    """A network of Docker is made anew: nobody else gets the address of the shim, and the mode is the one needed."""
    [run] = fix(SHIM, "h h/web", "shim").docker
    assert run.on == "h"
    assert run.lines == (
        "# besides the above: Docker must give 10.0.0.254 to no container",
        "docker network disconnect macvlan-eth0 web",
        "docker network rm macvlan-eth0",
        "docker network create --driver=macvlan --subnet=10.0.0.0/24 --opt=parent=eth0"
        " --aux-address=eth0=10.0.0.1 --aux-address=shim=10.0.0.254 macvlan-eth0",
        "docker network connect --ip=10.0.0.2 macvlan-eth0 web",
    )
    [run] = fix(siblings("vepa"), "A/web A/db", "bridge mode").docker
    assert not any("macvlan_mode" in line for line in run.lines)
    assert [run.lines for run in fix(SHIM, "h h/web", "second network").docker] == [
        (
            "docker network create --driver=bridge --subnet=172.30.0.0/24 --gateway=172.30.0.1 net2",
            "docker network connect --ip=172.30.0.2 net2 web",
        )
    ]


def test_no_docker_where_no_containers_are() -> None:
    """A host without containers on macvlan networks is told nothing of Docker, nor is a fix that is none of its."""
    assert fix(ROUTED, "A B", "routes").docker == ()
    assert fix(SHIM, "h h/web", "hairpin").docker == ()
