"""A change of a ruleset as commands: what doesn't change is left alone."""

from __future__ import annotations

from netlab.why.rulesets import commands

OTHERS = "table ip nat {\n  chain post {\n    type nat hook postrouting priority 100;\n    masquerade\n  }\n}\n"
FILTER = (
    "table inet f {\n  set those { type ipv4_addr; elements = { 10.0.0.9 } }\n  chain in {\n"
    "    type filter hook input priority 0; policy drop;\n    ip saddr 10.0.0.1 drop\n    tcp dport 22 accept\n  }\n"
    "  chain other {\n    tcp dport 22 accept\n  }\n}\n"
)


def made(old: str, new: str, *lead: str) -> list[str]:
    """The lines of the commands."""
    return "\n".join(commands(old, new, lead)).splitlines()


def test_a_rule_less() -> None:
    """Its chain is emptied and filled again in one transaction; no other chain, and no table, is named."""
    less = FILTER.replace("    ip saddr 10.0.0.1 drop\n", "")
    assert made(OTHERS + FILTER, OTHERS + less) == [
        "nft -f - <<'END'",
        "flush chain inet f in",
        "add rule inet f in tcp dport 22 accept",
        "END",
    ]
    assert "add rule inet f in ip saddr 10.0.0.1 drop" in made(OTHERS + less, OTHERS + FILTER)


def test_a_rule_in_front() -> None:
    """It is inserted by itself; taken back it is found by its words, and deleted by its handle."""
    more = f"{FILTER}insert rule inet f in tcp dport 80 accept\n"
    assert made(FILTER, more) == ["nft 'insert rule inet f in tcp dport 80 accept'"]
    assert made(more, FILTER, "ip", "netns", "exec", "web") == [
        "rule=$(ip netns exec web nft -a list chain inet f in |",
        "  grep -Fm1 'tcp dport 80 accept # handle')",
        "ip netns exec web nft delete rule inet f in handle ${rule##* }",
    ]


def test_more_than_rules() -> None:
    """Where a policy, a set or a table differs, all tables that are named are made anew, in one transaction."""
    for new in (FILTER.replace("policy drop", "policy accept"), FILTER.replace("0.9", "0.8"), f"{FILTER}{OTHERS}", ""):
        first, *rest = made(FILTER, new)
        assert first == "nft -f - <<'END'"
        assert rest[:2] == ["add table inet f", "delete table inet f"]
        assert rest[-1] == "END"
