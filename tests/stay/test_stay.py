"""Labs that stay: brought up by one command, used and changed by others, and gone without a trace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import netlab
from netlab.client import Agent, LabError, registry, staying
from netlab.errors import UsageError
from netlab.testing.blueprint import Blueprint
from tests.stay.conftest import TWO, Stay, about, listed, until


def test_it_stays_and_goes(stay: Stay) -> None:
    """A lab outlives the command that has built it; after `down` neither its agent nor a file of it is there."""
    found = about(stay)
    assert (found["name"], found["step"], found["namespaces"]) == ("two", "baseline", ["A", "B", "lan"])
    assert os.stat(stay.folder / "netlab").st_mode & 0o777 == 0o700
    agent = int(str(found["pid"]))
    assert Path(f"/proc/{agent}").exists()
    stay("down")
    assert stay.files == []
    until(lambda: not Path(f"/proc/{agent}").exists())


def test_programs_run_in_it(stay: Stay) -> None:
    """A command in a host has this one's streams, its own exit code, and the host's interfaces alone."""
    assert stay("exec", "A", "--", "cat", input="through\n").stdout == "through\n"
    assert stay("exec", "two", "A", "--", "sh", "-c", "exit 7", code=7).stdout == ""
    assert "nosuch: No such file" in stay("exec", "A", "nosuch", code=127).stderr
    names = [link["ifname"] for link in json.loads(stay("exec", "A", "--", "ip", "-j", "link").stdout)]
    assert "child" in names
    # The one file there that is no device, where bonding is built in.
    seen = set(stay("exec", "A", "--", "ls", "/sys/class/net").stdout.split()) - {"bonding_masters"}
    assert seen == set(names)
    assert stay("exec", "A", "--", "ping", "-c1", "-W2", "10.0.0.2").returncode == 0
    assert stay("exec", "C", "--", "true", code=2).stderr.startswith("netlab: no host 'C' in two")


def test_signals_reach_programs(either: Stay) -> None:
    """SIGTERM for the command is passed on to the program, and its end by that signal is the command's exit code."""
    with either.popen("exec", "A", "--", "sleep", "1000") as process:
        until(lambda: about(either)["programs"] == 1)
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM


def test_a_program_ends_with_its_command(either: Stay) -> None:
    """After a kill of the command its program is gone, too."""
    with either.popen("exec", "A", "--", "sleep", "1000") as process:
        until(lambda: about(either)["programs"] == 1)
        process.kill()
    until(lambda: about(either)["programs"] == 0)


def test_programs_end_with_the_lab(either: Stay) -> None:
    """`down` ends a program that runs in the lab, and the command that waits for it says so by its exit code."""
    with either.popen("exec", "A", "--", "sleep", "1000") as process:
        until(lambda: about(either)["programs"] == 1)
        either("down")
        assert process.wait(60) == 128 + signal.SIGKILL


def test_changes_are_known(stay: Stay) -> None:
    """What `set` and `step` change is what `probe`, `why` and `inspect` go by; `reset` brings the beginning back."""
    assert "reached" in stay("probe", "A,B").stdout
    stay("set", "A:eth0", "state=down")
    assert "not reached" in stay("probe", "two", "A,B").stdout
    assert stay("probe", "-l", "icmp,host:icmp").returncode == 0
    assert "step A:eth0 state=down, two" in stay("why", "A", "B").stdout
    stay("set", "A:eth0", "state=up", "mtu=1400", "B", "sysctls.net.ipv4.icmp_echo_ignore_all=1")
    assert "not reached" in stay("probe", "A,B").stdout
    told = json.loads(stay("inspect", "--json").stdout)
    assert told["namespaces"]["A"]["interfaces"]["eth0"]["mtu"] == 1400
    stay("reset")
    assert "not reached" not in stay("probe", "A,B", "B,A").stdout
    assert about(stay)["step"] == "baseline"
    stay("step", "cut")
    assert about(stay)["step"] == "cut"
    assert "has been passed" in stay("step", "cut", code=2).stderr


def test_warnings_are_told_once(root: Stay) -> None:
    """What is odd about a change is told by its command as `run` tells it, and not by later ones."""
    six = (root.folder / "two.yaml").read_text().replace("10.0.0.2/24", '10.0.0.2/24, "fd00::2/64"')
    (root.folder / "six.yaml").write_text(six.replace("name: two", "name: six"))
    root("up", "six.yaml")
    told = root("step", "six", "cut").stderr
    assert told.startswith("warning: ")
    assert " ".join(told.split()).endswith("B:eth0 loses its IPv6 addresses when it goes down (keep_addr_on_down is 0)")
    assert root("set", "six", "A:eth0", "mtu=1400").stderr == ""


def test_a_wrong_change_changes_nothing(root: Stay) -> None:
    """A fault in the words of `set` is told with what would be right, and the lab is as before."""
    assert "did you mean 'state'?" in root("set", "A:eth0", "stat=down", code=2).stderr
    said = root("set", "A:eth1", "state=down", code=2).stderr
    assert said == "netlab: no interface 'A:eth1' at this point; did you mean 'A:eth0'?\n"
    assert "nothing is set" in root("set", "A:eth0", code=2).stderr
    assert "nothing is set of A" in root("set", "A", "mtu", "1400", code=2).stderr
    assert about(root)["step"] == "baseline"
    assert root("probe", "-l", "icmp").returncode == 0


def test_names_are_checked(root: Stay) -> None:
    """A name that is taken, or that no file can have, is refused; where no such lab is, those that are are told."""
    assert "is up already" in root("up", "two.yaml", code=2).stderr
    assert "no lab 'tow' is up (did you mean 'two'?); there is two" in root("shell", "tow", "A", code=2).stderr
    assert "no endpoint 'Bb' (did you mean 'B'?)" in root("probe", "A,Bb", code=2).stderr
    assert "can't be the name of a lab" in root("up", "two.yaml", "-n", "../x", code=2).stderr
    root("up", "two.yaml", "-n", "other")
    assert "no lab 'A' is up; there are other, two" in root("shell", "A", code=2).stderr
    root("down", "other")
    assert "no lab 'other' is up; there is two" in root("down", "other", code=2).stderr


def test_a_capture_grows(root: Stay) -> None:
    """A capture into a file holds each frame while it goes on; Ctrl-C ends it with the count."""
    target = root.folder / "lan.pcapng"
    with root.popen("capture", "A:eth0", "B:eth0", "-w", str(target), stderr=-1) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"capturing at A:eth0, B:eth0")
        root("exec", "A", "--", "ping", "-c1", "-W2", "10.0.0.2")
        until(lambda: target.stat().st_size > 800)
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read().decode()
        assert process.wait(60) == 0
    assert int(rest.split()[0]) >= 8


def test_a_reader_may_go(root: Stay) -> None:
    """A capture into a pipe ends when its reader goes, even while nothing is captured."""
    with root.popen("capture", "A:eth0", stdout=-1, stderr=-1) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stderr.readline()
        process.stdout.close()
        assert process.wait(60) == 0


def test_a_stopped_reader_stops_nobody(root: Stay) -> None:
    """While the command of a capture is stopped, the lab goes on."""
    with root.popen("capture", "A:eth0", stdout=-1, stderr=-1) as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(signal.SIGSTOP)
        root("exec", "A", "--", "ping", "-q", "-f", "-c2000", "-s1400", "10.0.0.2")
        root("set", "A:eth0", "mtu=1400")
        assert root("probe", "A,B").returncode == 0
        process.kill()


def test_nsenter_is_for_other_tools(stay: Stay) -> None:
    """The command that is printed enters the host, as the lab's user; of a guest it is said what to do instead."""
    if stay.up:
        assert "netlab exec two A -- CMD" in stay("nsenter", "A", code=3).stderr
        return
    line = stay("nsenter", "A").stdout.split()
    done = subprocess.run([*stay.prefix, *line, "ip", "-j", "link"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "child" in [link["ifname"] for link in json.loads(done.stdout)]


@pytest.mark.parametrize("asked", [False, True], ids=["idle", "asked all the time"])
def test_a_lab_without_a_name_ends(root: Stay, monkeypatch: pytest.MonkeyPatch, asked: bool) -> None:
    """A lab whose socket has lost its name ends at its next look, however much is asked of it: nobody could find it any
    more. Its programs end with it."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(root.folder))
    with Agent.start() as agent, registry.reserved("brief"):
        lab = agent.lab(Blueprint.of_text(TWO, "two.yaml").plan(agent.kernel))
        lab.enter(lab.plan.steps[0]).result()
        staying.keep(lab, "brief", {}, look=0.2)
    with staying.attached("brief") as front:
        program = front.spawn("A", ["sh", "-c", "echo up; sleep 1000"])
        assert program.line() == "up"
        (root.folder / "netlab" / "brief.sock").unlink()
        if asked:
            with pytest.raises(LabError):
                until(lambda: front.about() and False)
        front.wait()
        assert program.communicate(timeout=60) == (b"", b"")
        until(lambda: not Path(f"/proc/{front.pid}").exists())
    assert about(root)["name"] == "two"


def test_a_killed_lab_leaves_a_dead_socket(root: Stay) -> None:
    """Of a lab that was killed a socket is left, which the next command takes away."""
    agent = int(str(about(root)["pid"]))
    os.kill(agent, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{agent}").exists())
    # The dead socket is there until somebody looks.
    assert root.files == ["two.lock", "two.sock"]
    assert root("ps").stdout == "no lab is up\n"
    assert root.files == []


def test_a_run_leaves_its_lab(root: Stay) -> None:
    """With --keep-on-failure a run stops at the step that fails and leaves the lab as it is in that; with --keep at the
    last. Of two labs with one name the second gets a number."""
    red = (root.folder / "two.yaml").read_text() + '    expect: ["A -> B: reachable"]\n'
    (root.folder / "red.yaml").write_text(red + '  - name: back\n    set: {"B:eth0": {state: up}}\n')
    ended = root("run", "red.yaml", "--no-report", "-l", "icmp", "--keep-on-failure", code=1)
    assert "two-2 stays up, cut:" in ended.stderr
    assert "not reached" in root("probe", "two-2", "A,B").stdout
    assert "two-3 stays up, back:" in root("run", "red.yaml", "--no-report", "-l", "icmp", "--keep", code=1).stderr
    assert "not reached" not in root("probe", "two-3", "A,B").stdout


def test_names_in_a_lab_of_a_run(stay: Stay) -> None:
    """Though its hosts share all files with the machine, programs of `exec` in a lab that a run has left know its names
    beside the machine's; the machine doesn't."""
    machine = Path("/etc/hosts").read_text()
    kept = stay("run", "two.yaml", "--no-report", "-l", "icmp", "--keep", *stay.up)
    assert "netlab exec two-2 A -- ping B" in kept.stderr
    assert stay("exec", "two-2", "A", "--", "getent", "hosts", "B").stdout.split() == ["10.0.0.2", "B"]
    said = stay("exec", "two-2", "B", "--", "cat", "/etc/hosts").stdout
    assert said.startswith("127.0.0.1 localhost\n::1 localhost")
    assert said.endswith(machine)
    assert "eth0" in stay("exec", "two-2", "B", "--", "ls", "/sys/class/net").stdout
    assert Path("/etc/hosts").read_text() == machine


def test_a_failed_test_leaves_its_lab(root: Stay) -> None:
    """With --netlab-keep-on-failure the lab of a failed test stays as it was then; the failure says how to enter it."""
    (root.folder / "test_red.py").write_text(
        "import pytest\n"
        "@pytest.mark.topology('two.yaml')\n"
        "def test_red(lab):\n"
        "    lab['A'].interface('eth0').set(mtu=1400)\n"
        "    raise ValueError\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--netlab-keep-on-failure", "test_red.py"],
        cwd=root.folder, env=root.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "netlab shell test_red A" in done.stdout, done.stdout + done.stderr
    assert "mtu 1400" in root("exec", "test_red", "A", "ip", "link", "show", "eth0").stdout
    assert root("probe", "test_red", "A,B").returncode == 0


def test_daemons_of_a_failed_test_go_on(either: Stay) -> None:
    """What a test has started by `daemon` goes on in its lab that stays, in a guest, too; `netlab logs` has all that it
    has said."""
    root, kernel = either, [f"--netlab-kernel={kernel}" for kernel in either.up[1:]]
    script = "echo ready; exec tail -n +1 -f /tmp/said"
    (root.folder / "test_red.py").write_text(
        "import pytest\n"
        "@pytest.mark.topology('two.yaml', private=True)\n"
        "def test_red(lab):\n"
        "    lab['A'].write('/tmp/said', '')\n"
        f"    lab['A'].daemon('sh', '-c', {script!r}, ready='ready')\n"
        f"    lab['A'].daemon('sh', '-c', 'echo two; exec sleep 1000', ready='two')\n"
        "    raise ValueError\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--netlab-keep-on-failure", *kernel, "test_red.py"],
        cwd=root.folder, env=root.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "netlab shell test_red" in done.stdout, done.stdout + done.stderr
    name = next(line.split()[0] for line in done.stdout.splitlines() if "stays up" in line)
    assert root("logs", name, "A:sh-2").stdout == "two\n"
    for number in ("1", "2"):
        root("exec", name, "A", "--", "sh", "-c", f"echo {number} >> /tmp/said")
    until(lambda: root("logs", name, "A:sh").stdout == "ready\n1\n2\n")
    # Whoever attaches to it leaves them there, too.
    root("probe", name, "A,B")
    assert root("logs", name, "A").stdout.splitlines()[-1] == "A:sh-2 | two"
    assert next(one for one in listed(root) if one["name"] == name)["programs"] >= 2
    root("down", name)


def test_python_attaches(root: Stay, monkeypatch: pytest.MonkeyPatch) -> None:
    """`netlab.attach` gives a lab that is up, programs and questions included; changes are known to later commands."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(root.folder))
    with netlab.attach("two", change=True) as lab:
        assert lab["A"].run("cat", input="in it").stdout == "in it"
        lab.must_reach("A", "B")
        lab["B"].interface("eth0").set(state="down")
        lab.must_not_reach("A", "B")
    assert about(root)["step"] == "B:eth0 state=down"
    with pytest.raises(netlab.LabClosed, match=r"^two is closed$"):
        lab["B"].interface("eth0").set(state="up")
    with netlab.attach("two", change=True) as lab:
        root("down")
        with pytest.raises(netlab.LabDied):
            lab["B"].interface("eth0").set(state="up")
    root("up", "two.yaml")
    with pytest.raises(UsageError, match="no lab 'three' is up"), netlab.attach("three"):
        pass


def test_programs_are_heard(root: Stay) -> None:
    """`logs` shows what programs of the topology have said, of all, of a host, of one, its last lines alone; it follows
    them, through a reset too, until the lab ends; where there is nothing to show it says so."""
    assert "nothing to show" in (silent := root("logs")).stderr
    assert silent.stdout == ""
    web = "{run: [sh, -c, 'echo one; printf two; exec sleep 1000'], ready: two}"
    talk = "{run: [sh, -c, 'echo up; while read line; do echo $line; done < /run/talk; exit 7'], ready: up}"
    mute = "{run: [sleep, infinity]}"
    programs = f"    programs: {{web: {web}, mute: {mute}}}\n  B:\n    programs: {{talk: {talk}}}\n"
    text = TWO.replace("name: two", "name: said").replace("  B:\n", programs)
    (root.folder / "said.yaml").write_text(text.replace("echo up;", "mkfifo /run/talk; echo up;"))
    root("up", "said.yaml")
    shown = root("logs", "said")
    assert shown.stdout.splitlines() == ["A:web | one", "A:web | two", "B:talk | up"]
    assert shown.stderr == "A:mute has said nothing\n"
    assert root("logs", "said", "A:web").stdout == "one\ntwo\n"
    assert root("logs", "said", "A", "-n1").stdout == "A:web | two\n"
    assert "did you mean 'web'?" in root("logs", "said", "A:wep", code=2).stderr
    assert "no host 'C' in said" in root("logs", "said", "C", code=2).stderr
    assert "nothing to show" in root("logs", "two", "A").stderr
    with root.popen("logs", "said", "B:talk", "-f", stdout=-1, stderr=-1) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"up\n"
        root("exec", "said", "B", "--", "sh", "-c", "echo hello > /run/talk")
        assert process.stdout.readline() == b"hello\n"
        until(lambda: "B:talk has ended with 7" in root("logs", "said", "B").stderr)
        root("reset", "said")
        assert process.stdout.readline() == b"up\n"
        root("down", "said")
        assert process.wait(60) == 0
        assert process.stderr.read() == b"the lab has ended\n"


def test_names_are_completed(root: Stay) -> None:
    """The shell is offered labs, and what is in the one that is meant."""

    def offered(line: str) -> list[str]:
        words = {"COMP_WORDS": line, "COMP_CWORD": "" if line.endswith(" ") else line.split()[-1]}
        asked = Stay(root.folder, env={"_NETLAB_COMPLETE": "fish_complete", **words})
        found = [answer.split(",", 1) for answer in asked().stdout.splitlines()]
        return [value.partition("\t")[0] for kind, value in found if kind == "plain"]

    assert offered("netlab exec ") == ["two", "A", "B", "lan"]
    assert offered("netlab exec two B") == ["B"]
    assert offered("netlab set two A:c") == ["A:child"]
    assert offered("netlab step two ") == ["baseline", "cut"]
    assert offered("netlab down t") == ["two"]
    assert offered("netlab why tw")[0] == "two"
    programs = "    programs: {web: {run: [sleep, infinity]}}\n  B:\n"
    (root.folder / "said.yaml").write_text(TWO.replace("  B:\n", programs))
    root("up", "said.yaml", "-n", "said")
    assert offered("netlab logs said ") == ["A", "A:web"]


def test_what_is_done_by_hand_is_adopted(stay: Stay) -> None:
    """What programs have changed is told with its place, once, and later commands go by it; so do what no topology can
    say, and the interfaces that they have made."""
    stay("exec", "B", "--", "ip", "link", "add", "v1", "link", "eth0", "type", "macvlan", "mode", "bridge")
    for words in ("link set v1 up", "address add 10.0.0.7/24 dev v1", "rule add ipproto udp table 100"):
        stay("exec", "B", "--", "ip", *words.split())
    told = stay("set", "--adopt", "A")
    assert (told.stdout, told.stderr) == ("two: nothing new\n", "")
    told = stay("set", "--adopt")
    assert told.stdout == "two: adopted\n"
    assert "changed by a program: B:v1: made by a program" in told.stderr
    assert "changed by a program: B: unknown to the model: rule 32765: ipproto" in told.stderr
    assert "the model has no prediction" in stay("probe", "A,B:v1").stdout
    assert "rule 32765: ipproto" in stay("why", "A", "B:v1").stdout
    assert stay("set", "--adopt").stdout == "two: nothing new\n"
    stay("exec", "B", "--", "ip", "rule", "delete", "ipproto", "udp", "table", "100")
    told = stay("probe", "A,B:v1")
    assert told.stdout.startswith("✓ A → B:v1")
    assert "no prediction" not in told.stdout
    assert "10.0.0.7" in stay("inspect").stdout
    stay("exec", "B", "--", "ip", "link", "delete", "v1")
    told = stay("set", "A:eth0", "mtu=1400")
    assert told.stderr == "changed by a program: B:v1: deleted\n"
    assert "no host 'D'" in stay("set", "--adopt", "D", code=2).stderr


def test_what_is_done_to_a_switch_is_adopted(root: Stay) -> None:
    """Options of ports and entries of forwarding tables that were set by hand are what the model goes by."""
    index = json.loads(root("exec", "B", "--", "ip", "-j", "link", "show", "eth0").stdout)[0]["link_index"]
    links = json.loads(root("exec", "lan", "--", "ip", "-j", "link").stdout)
    [port] = [link["ifname"] for link in links if link["ifindex"] == index]
    root("exec", "lan", "--", "bridge", "link", "set", "dev", port, "flood", "off", "learning", "off")
    told = root("probe", "A,B")
    assert "changed by a program: B:eth0: port: {'learning': False, 'flood': False}" in told.stderr
    assert told.stdout.startswith("✓ A → B:eth0 (icmp): U not reached")
