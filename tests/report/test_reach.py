"""Who can reach whom: the first thing that every report shows."""

from __future__ import annotations

import jsonschema
import pytest

from netlab.contract.types import Target
from netlab.report import html, markdown, terminal
from netlab.report.reach import reach
from netlab.report.style import Style

from .byhand import PLAIN, ROUTER, Record, record
from .test_record import VALIDATOR

WHOLE = {
    "host:icmp": ("ARRUU", "RAARU", "URRAU"),
    "host:tcp": ("ARRUU", "RAARU", "URUAU"),
    "arp": (".R..", "R...", "...R", "..R."),
    "icmp": (".RRU", "R.RU", "RR.R", "URR."),
}


@pytest.fixture
def router() -> Record:
    """A and B beside a router R; no route from A to B; nothing has 10.0.2.100; B's TCP to R is lost."""
    return record(ROUTER, WHOLE, (Target("10.0.2.100", 4),), host_icmp={"0,4": {"reason": "ENETUNREACH"}})


def test_a_record_has_the_rows_and_columns_of_both_questions(router: Record) -> None:
    """Hosts by addresses, endpoints by endpoints; the record follows the schema."""
    VALIDATOR.validate(router)
    assert [host["id"] for host in router["hosts"]] == ["A", "R", "B"]
    assert [one["id"] for one in router["addresses"]] == ["A:eth0", "R:eth0", "R:eth1", "B:eth0", "10.0.2.100"]
    assert router["addresses"][4] == {
        "id": "10.0.2.100", "namespace": None, "links": [], "v4": "10.0.2.100", "v6": None, "group": "10.0.2.100",
    }  # fmt: skip
    assert {name: layer["asked"] for name, layer in router["steps"][0]["layers"].items()} == {
        "host:icmp": "host", "host:tcp": "host", "arp": "interface", "icmp": "interface",
    }  # fmt: skip


def test_a_layer_without_who_asks_is_none(router: Record) -> None:
    """A layer must say who asks."""
    del router["steps"][0]["layers"]["icmp"]["asked"]
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(router)


def test_the_terminal_shows_hosts_first(router: Record) -> None:
    """Hosts by addresses with a line for what TCP says otherwise; then the interfaces' matrices, in 79 columns."""
    lines = _matrices(router, 80)
    assert max(map(len, lines)) < 80
    at = lines.index("  Who can reach whom (icmp, tcp)")
    assert lines[at + 1].split() == ["A:eth0", "R:eth0", "R:eth1", "B:eth0", "10.0.2.100"]
    assert lines[at + 2].split() == ["10.0.1.1", "10.0.1.254", "10.0.2.254", "10.0.2.1"]
    assert lines[at + 3].split() == ["A", "(A)", "R~", "R~", "U~", "U~"]
    assert lines[at + 5].split() == ["B", "U~", "R~", "R~*", "(A)", "U~"]
    assert lines[at + 6] == "  * tcp: not reached: B → R:eth1"
    assert lines[at + 8] == "  Interface by interface, layer by layer"


def _matrices(made: Record, width: int) -> list[str]:
    """The lines of a report up to the last line, which has the counts."""
    return terminal.render(made, Style(width=width)).splitlines()[:-1]


@pytest.mark.parametrize("width", [32, 40, 60])
def test_a_narrow_terminal_has_numbers_at_the_heads(router: Record, width: int) -> None:
    """Where names don't fit, columns have numbers and a key; no line is longer than the terminal."""
    lines = _matrices(router, width)
    assert max(map(len, lines)) < width
    assert ("columns: 1 A:eth0 10.0.1.1" in " ".join(" ".join(lines).split())) == (width < 50)


def test_what_is_the_same_is_told_once() -> None:
    """One interface per host and equal letters: one matrix and one line; another letter, and both are shown."""
    alike = record(PLAIN, {"host:icmp": ("AR", "RA"), "arp": (".R", "R."), "icmp": (".R", "R.")})
    text = terminal.render(alike, Style(width=80))
    assert "From interface to interface the same holds on arp, icmp." in text
    assert "Interface by interface" not in text
    other = record(PLAIN, {"host:icmp": ("AR", "RA"), "arp": (".R", "R."), "icmp": (".U", "R.")})
    text = terminal.render(other, Style(width=80))
    assert "the same holds" not in text
    assert "Interface by interface" in text


def test_an_address_has_the_letter_of_its_family() -> None:
    """A column with IPv6 alone shows icmp6; where only one of two families gets through, a line says so."""
    both = PLAIN.replace("10.0.0.1/24]", "10.0.0.1/24, fd00::1/64]").replace("10.0.0.2/24]", "10.0.0.2/24, fd00::2/64]")
    made = record(both, {"host:icmp": ("AR", "RA"), "host:icmp6": ("AU", "RA")})
    found = reach(made, made["steps"][0])
    assert found is not None
    assert found.layer["observed"] == ["AR", "RA"]
    assert list(found.told_apart()) == [("icmp6: not reached", [("A", "B:eth0")], 0)]
    made = record(both, {"host:icmp": ("A.", ".."), "host:icmp6": ("AU", "RA")})
    found = reach(made, made["steps"][0])
    assert found is not None
    assert found.layer["observed"] == ["AU", "RA"]


def test_markdown_shows_hosts_at_once_and_interfaces_folded(router: Record) -> None:
    """The host matrix is not folded, its marks are no markup; the interfaces' matrices come after it, folded."""
    text = markdown.render(router)
    before, _, after = text.partition("**Who can reach whom** (icmp, tcp)")
    assert before.count("<details>") == before.count("</details>")
    assert "| `B` | U~ | R~ | R~\\* | (A) | U~ |" in after
    assert after.index("R~\\*") < after.index("<summary>Interface by interface, layer by layer</summary>")


def test_the_page_has_a_table_of_hosts(router: Record) -> None:
    """The page has one table of hosts by addresses, own addresses faint, and one for each other layer."""
    text = html.render(router)
    assert text.count('<table class="m level" data-hosts="host:icmp host:tcp">') == 1
    assert text.index("data-hosts=") < text.index("data-layer=")
    assert 'class="a s own"' in text


def test_no_route_is_told_in_words(router: Record) -> None:
    """The script's data say of the pair that no packet left A, and why."""
    assert "No packet left A: ENETUNREACH, it has no route there." in html.render(router)
