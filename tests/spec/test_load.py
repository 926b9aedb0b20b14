"""Loading files: sources, typed values, and every error with its place."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from netlab.contract.types import Address
from netlab.spec import Spec, TopologyError, find, load, shipped

DEMO = "bridge-two-node"


def faults(text: str) -> list[str]:
    """All that is said of a text."""
    with pytest.raises(TopologyError) as caught:
        load(text, "f")
    return [str(problem) for problem in caught.value.problems]


# --- sources ----------------------------------------------------------------------------------------


def test_the_demo_loads() -> None:
    """The demo becomes typed values, named and placed."""
    spec = load(find(DEMO))
    child = spec.topology.hosts["A"].interfaces["ens160.1"]
    assert spec.name == DEMO
    assert (child.type, child.parent, child.mode) == ("macvlan", "ens160", "bridge")
    assert child.addresses == (Address("192.168.26.141", 24),)
    where = spec.where("hosts", "A", "interfaces", "ens160.1")
    assert (where.line, where.column) == (next_line(spec, "ens160.1:"), 7)


def next_line(spec: Spec, text: str) -> int:
    """The first line of the file of a spec that begins with a text."""
    lines = Path(spec.file).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.strip().startswith(text))


def test_text_needs_a_name_or_a_line_break() -> None:
    """A str is text where a name is given or it has a line break, and else a path."""
    assert load("hosts: {}", "x").file == "x"
    assert load("name: t\nhosts: {}\n").file == "<text>"
    with pytest.raises(TopologyError, match="cannot be read"):
        load("hosts: {}")


def test_json_is_yaml() -> None:
    """A topology can be given as JSON."""
    spec = load('{"name": "j", "hosts": {"A": {"interfaces": {"e": {"switch": "s", "mtu": 1400}}}}}', "f")
    assert spec.topology.hosts["A"].interfaces["e"].mtu == 1400


def test_the_name_is_the_files_by_default(tmp_path: Path) -> None:
    """A topology without a name is called like its file."""
    file = tmp_path / "my-lab.yaml"
    file.write_text("hosts: {}\n")
    assert load(file).name == "my-lab"


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """``-`` reads standard input, which messages call so."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"hosts: 1\n")))
    with pytest.raises(TopologyError, match=r"^<stdin>:1:8: hosts: must be a mapping"):
        load(find("-"))


@pytest.mark.parametrize(
    ("data", "where", "what"),
    [
        (b"a: 1\nb: \xff\n", "2:4", "not UTF-8"),
        (b"\xef\xbb\xbfhosts: 1\n", "1:8", "hosts: must be a mapping"),
        (b"a" * (5 << 20), "1:1", "larger than 4 MiB"),
        (b"", "1:1", "empty"),
        (b"- 1\n", "1:1", "a topology is a mapping"),
        (b"text\n", "1:1", "a topology is a mapping"),
    ],
)
def test_bytes_that_are_no_topology(tmp_path: Path, data: bytes, where: str, what: str) -> None:
    """Files that are not text, too large, empty or no mapping each have a message of their own."""
    file = tmp_path / "x.yaml"
    file.write_bytes(data)
    with pytest.raises(TopologyError) as caught:
        load(file)
    assert str(caught.value).startswith(f"{file}:{where}: ")
    assert what in str(caught.value)


def test_a_folder_and_a_missing_file_cannot_be_read(tmp_path: Path) -> None:
    """What cannot be opened is an error of the file, not a traceback."""
    for path, what in ((tmp_path, "Is a directory"), (tmp_path / "no.yaml", "No such file")):
        with pytest.raises(TopologyError, match=what):
            load(path)


# --- names of files -----------------------------------------------------------------------------------


def test_find_takes_a_path_first_then_what_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of that name wins; else the topology that ships, with or without its suffix, from any folder."""
    monkeypatch.chdir(tmp_path)
    assert find(DEMO) == find(f"{DEMO}.yaml")
    assert find(DEMO) in shipped()
    (tmp_path / f"{DEMO}.yaml").write_text("hosts: {}\n")
    assert find(f"{DEMO}.yaml") == Path(f"{DEMO}.yaml")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("bridge-two-nodes", f"did you mean '{DEMO}'"),
        ("/nowhere/bridge-two-nod.yaml", f"did you mean '{DEMO}'"),
        ("quite-something-else", "ships; 'netlab list' names all"),
        (".", "is a folder"),
        ("x\0y", "no such file"),
        ("x" * 5000, "cannot be read"),
    ],
)
def test_find_misses_helpfully(name: str, what: str) -> None:
    """A name that is nothing gets the nearest that ships."""
    with pytest.raises(TopologyError) as caught:
        find(name)
    assert what in str(caught.value)


# --- values -------------------------------------------------------------------------------------------


def test_names_and_values_are_taken_as_written() -> None:
    """Hosts may be called 1, no and null, switches, too, and a MAC that YAML 1.1 reads as a number stays one."""
    spec = load(
        """\
switches: {null: {}, 1: , off: ~}
hosts:
  no: {interfaces: {yes: {switch: null, mac: 10:20:30:40:50:59}}}
  1: {interfaces: {e: {switch: 1, mac: auto, port: {hairpin: on, learning: false}}}}
  null:
""",
        "f",
    )
    topology = spec.topology
    assert list(topology.switches) == ["null", "1", "off"]
    assert list(topology.hosts) == ["no", "1", "null"]
    yes = topology.hosts["no"].interfaces["yes"]
    assert (yes.switch, yes.mac) == ("null", "10:20:30:40:50:59")
    port = topology.hosts["1"].interfaces["e"].port
    assert port is not None
    assert (port.hairpin, port.learning) == (True, False)


EVERYTHING = """\
name: x
hosst: 1
switches:
  lan: {links: lan2, stp: maybe, agein_time: 3}
hosts:
  A:
    replicas: 0
    interfaces:
      e: {swich: lan, mtu: 12, addresses: [10.0.0.1, 1.2.3.4/24], mac: 1:2}
      f: {switch: lan, mode: bridge, port: {hairpin: maybe, state: blocking, fdb: [x]}}
      all: {switch: lan}
      g: lan
      h: {switch: lan, addresses: 10.0.0.9/24}
    routes: [{to: 10.0.0.1/8}, {via: 10.0.0.1}]
    rules: [{from: 10.0.0.0/33, table: x}]
    sysctls: {kernel.x.y: 1, net.ipv4.ip_forward: }
    containers: {c 1: {}}
  "a/b": {}
steps:
  - set: {A:e: {state: doun, neighbors: {x: 02:00:00:00:00:01}}}
  - name: s
    via: brcdl
    delete: A
    add: {hosts: {B: {interface: {}}}}
claims: [{number: 1}]
"""


def test_every_fault_of_a_file_is_reported_at_its_place() -> None:
    """Dozens of faults in one file give one error with a line for each, in order, with what would be right."""
    assert faults(EVERYTHING) == [
        "f:2:1: unknown key 'hosst'; did you mean 'hosts'?",
        "f:4:16: links: must be a list; write [lan2]",
        "f:4:27: 'maybe' is neither true nor false; write true or false, or on or off",
        "f:4:34: unknown key 'agein_time'; did you mean 'ageing_time'?",
        "f:7:15: 0 is out of range; 1 to 1000000",
        "f:9:11: unknown key 'swich'; did you mean 'switch'?",
        "f:9:28: 12 is out of range; 68 to 65535",
        "f:9:44: the address 10.0.0.1 lacks its prefix length; write 10.0.0.1/24",
        "f:9:72: '1:2' is not a MAC address; six pairs of hex digits, as in 02:00:00:00:00:01",
        "f:10:54: 'maybe' is neither true nor false; write true or false, or on or off",
        "f:10:68: 'blocking' has no effect on a port without STP; use 'disabled' or 'listening'",
        "f:10:84: 'x' is not a MAC address; 02:00:00:00:00:01, or an interface, as in B:ens160",
        "f:11:7: an interface cannot be called 'all'; the kernel has a use of its own for that name",
        "f:12:10: g: must be a mapping",
        "f:13:35: addresses: must be a list; write [10.0.0.9/24]",
        "f:14:19: '10.0.0.1/8' is not a prefix; write 10.0.0.0/8",
        "f:14:32: 'to' is missing; a route needs it",
        "f:15:20: '10.0.0.0/33' is not a prefix; as in 10.0.0.0/8, 10.1.2.3, fd00::/64 or default",
        "f:15:40: 'x' is not a whole number",
        "f:16:15: 'kernel.x.y' belongs to the whole machine; a namespace has sysctls below 'net.' only",
        "f:16:51: net.ipv4.ip_forward: a value is missing",
        "f:17:18: ' ' cannot stand in the name 'c 1'; letters, digits, '.', '_', '+' and '-', a letter or digit first",
        "f:18:3: '/' cannot stand in the name 'a/b'; letters, digits, '.', '_', '+' and '-', a letter or digit first",
        "f:20:5: 'name' is missing; a step needs it",
        "f:20:24: 'doun' is not a state; did you mean 'down'?",
        "f:20:42: 'x' is not an IP address; as in 192.168.26.1 or fd00::1",
        "f:22:10: 'brcdl' is not a way to set a port; did you mean 'brctl'?",
        "f:23:13: delete: must be a list; write [A]",
        "f:24:23: unknown key 'interface'; did you mean 'interfaces'?",
        "f:25:10: 'says' is missing; a claim needs it",
    ]


def test_a_file_without_hosts_says_so() -> None:
    """The one section that a file needs is asked for."""
    assert faults("name: x\n") == ["f:1:1: 'hosts' is missing; a topology needs it"]


@pytest.mark.parametrize("name", ["a\nb", "../../etc/x", "..", "/etc/x", "", "x" * 101, "a/../b"])
def test_names_of_topologies_and_steps_that_are_refused(name: str) -> None:
    """A topology's and a step's name is one line, and no path that leads elsewhere."""
    import json

    assert faults(f"name: {json.dumps(name)}\nhosts: {{}}\n")[0].startswith("f:1:7: ")
    assert faults(f"hosts: {{}}\nsteps: [{{name: {json.dumps(name)}}}]\n")[0].startswith("f:2:16: ")


def test_a_name_may_look_like_markup() -> None:
    """What renders a name escapes it; the file may say it."""
    assert load("name: <script>alert(1)</script>\nhosts: {}\n").name == "<script>alert(1)</script>"


# --- what loading costs -------------------------------------------------------------------------------


def test_importing_the_room_imports_no_parser() -> None:
    """Before the first load neither pydantic nor PyYAML is there."""
    code = (
        "import sys, netlab.spec, netlab.plan; print([m for m in ('pydantic', 'yaml', 'difflib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- what newcomers write ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "name：t\nhosts: {A: }\n",
            "f:2:6: not YAML: mapping values are not allowed in this context; the colon in line 1",
        ),
        ("name: t\nhosts：\n  A: {}\n", "the colon in line 2, column 6 is a full-width one: write ': '"),
        ("hosts:\n  A：\n    interfaces: {}\n", "the colon in line 2, column 4 is a full-width one: write ': '"),
        ("hosts: {A: {interfaces: {e: {mtu：1400}}}}", "the colon is a full-width one: write 'mtu: 1400'"),
    ],
)
def test_a_full_width_colon_is_told(text: str, said: str) -> None:
    """A colon out of a Chinese or Japanese input method is named, with its place."""
    [fault] = faults(text)
    assert said in fault


@pytest.mark.parametrize("given", ["dhcp", "[dhcp]", "DHCP4", "auto"])
def test_no_address_comes_from_elsewhere(given: str) -> None:
    """Who asks for DHCP learns that there is none, and isn't told to put it into brackets."""
    [fault] = faults(f"hosts: {{A: {{interfaces: {{e: {{switch: s, addresses: {given}}}}}}}}}\n")
    word = given.strip("[]")
    assert fault.endswith(
        f": {word!r} is no address: netlab sets addresses itself; give one, as in [192.168.26.149/24]"
    )


def test_a_file_beside_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistyped file gets the nearest topology file of its folder, with the folder as it was given."""
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs" / "office.yaml").write_text("hosts: {}\n")
    (tmp_path / "labs" / "office.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    for name in ("labs/office.yml", "labs/ofice.yaml"):
        with pytest.raises(TopologyError, match=r"did you mean 'labs/office\.yaml'"):
            find(name)
    monkeypatch.chdir("labs")
    with pytest.raises(TopologyError, match=r"did you mean 'office\.yaml'"):
        find("office.yml")


@pytest.mark.parametrize("text", ["foo: 1\nhosts: {}", "hosts: {A: {interfaces: {e: {switch: s, foo: 1}}}}"])
def test_all_keys_are_listed(text: str) -> None:
    """Beside an unknown key stand all that there are."""
    [fault] = faults(text)
    assert "unknown key 'foo'; known: " in fault
    assert "more" not in fault
    assert fault.endswith(", claims") or ", bcqueuelen" in fault
