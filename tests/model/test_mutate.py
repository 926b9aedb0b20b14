"""The mutation check, on a handful of rules; all of them by `make mutate`."""

from __future__ import annotations

from pathlib import Path

from netlab.model import RULES
from tests.model import mutants, mutate


def test_every_rule_has_mutants_or_only_tells() -> None:
    """Each rule's name is found in the code, and a mutant is made wherever one decides."""
    names = mutants.rule_names()
    assert sorted(names) == sorted(RULES)
    idle = {rule for rule, (home, name) in names.items() if next(mutants.mutants(rule, home, name), None) is None}
    assert idle == {
        "arp/notify",
        "bond/failover-announces",
        "bridge/same-mac-twice",
        "ip/multipath",
        "link/apart",
        "macvlan/broadcast-queue-races",
        "macvlan/failover-announces",
        "nd/notify",
        "neigh/another-machine-answers",
    }


def test_a_changed_rule_is_noticed() -> None:
    """Three rules that answer otherwise are noticed in one regression; unchanged code is not."""
    [state] = [step.state for step in mutate.from_file(Path(mutate.REGRESSIONS) / "silent-hosts.yaml").steps]
    states = [(state, ())]
    asked = mutate.questions(states)
    for rule in ("arp/answers", "icmp/echo-ignore-all", "nd/answers"):
        made = list(mutants.mutants(rule, *mutants.rule_names()[rule]))
        assert any(mutate.noticed(mutant, states, asked[rule]) for mutant in made), rule
    same = mutants.Mutant("none", made[0].module, 0, "unchanged", mutants.parsed(made[0].module))
    assert not mutate.noticed(same, states, asked["nd/answers"])
