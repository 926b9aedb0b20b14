"""What would make a pair work: tried on the model, written as a step of the file."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from netlab import plan, spec, why
from netlab.contract.kernels import Version
from netlab.errors import UsageError
from netlab.spec import Spec
from netlab.why import Explanation, Fix
from netlab.why.explain import to_plain
from netlab.why.fixes import STEP
from netlab.why.question import endpoint
from netlab.why.text import to_list, to_yaml

SIBLINGS = """\
name: siblings
switches: {{lan: {{}}}}
hosts:
  A:
    interfaces:
      eth0: {{switch: lan, addresses: [10.0.0.1/24]{port}}}
    containers:
      web: {{interfaces: {{eth0: {{type: macvlan, parent: eth0, mode: {mode}, addresses: [10.0.0.2/24]}}}}}}
      db: {{interfaces: {{eth0: {{type: macvlan, parent: eth0, mode: {mode}, addresses: [10.0.0.3/24]}}}}}}
  B:
    interfaces:
      eth0: {{switch: lan, addresses: [10.0.0.4/24]{other}}}
"""


def siblings(mode: str, port: str = "", other: str = "") -> str:
    return SIBLINGS.format(mode=mode, port=port, other=other)


def ask(text: str, source: str, destination: str, kernel: Version | None = None, **more: str) -> Explanation:
    loaded = spec.load(text, "test.yaml")
    return why.explain(loaded, plan.resolve(loaded, kernel), source, destination, **more)


def keys(told: Explanation) -> list[str]:
    """The keys of each fix's steps, as the file would have them, less the names."""
    return [" ".join(sorted(set().union(*map(_leaves, yaml.safe_load(fix.steps))))) for fix in told.fixes]


def first(fix: Fix) -> dict[str, Any]:
    """The first step of a fix."""
    step: dict[str, Any] = yaml.safe_load(fix.steps)[0]
    return step


def _leaves(step: object) -> set[str]:
    if not isinstance(step, dict):
        return set()
    inner = set().union(*map(_leaves, step.values())) if step else set()
    return inner or {str(key) for key in step if key != "name"}


@pytest.mark.parametrize(
    ("text", "source", "destination", "wanted"),
    [
        # VEPA siblings: another mode, or a switch that reflects.
        (siblings("vepa"), "A/web", "A/db", ["mode", "hairpin"]),
        # Private ones: reflection alone does not help, with static neighbours it does.
        (siblings("private"), "A/web", "A/db", ["mode"]),
        # A host and its own child: the shim, or reflection.
        (siblings("bridge"), "A", "A/web", ["addresses mode parent routes type", "hairpin"]),
        # A downed interface.
        (siblings("bridge", other=", state: down"), "A/web", "B", ["state"]),
        # A port that is no port of the switch.
        (siblings("bridge", port=", port: {attached: off}"), "A/web", "B", ["attached"]),
        # Isolated ports.
        (
            siblings("bridge", port=", port: {isolated: on}", other=", port: {isolated: on}"),
            "A/web",
            "B",
            ["isolated", "isolated"],
        ),
        # A child in source mode hears only its list.
        (siblings("source"), "B", "A/web", ["allowed_macs", "mode"]),
    ],
)
def test_what_helps(text: str, source: str, destination: str, wanted: list[str]) -> None:
    """In each situation the well-known remedies are found, the least intrusive first."""
    told = ask(text, source, destination)
    assert told.letter == "U"
    found = keys(told)
    assert found[: len(wanted)] == wanted or set(wanted) <= set(found)


def test_private_siblings_with_static_neighbours() -> None:
    """Between private siblings ARP never works: reflection and entries by hand together do, neither alone."""
    steps = [first(fix) for fix in ask(siblings("private"), "A/web", "A/db").fixes]
    both = [step for step in steps if "set" in step and "A:eth0" in step["set"]]
    assert any("neighbors" in step["set"].get("A/web:eth0", {}) for step in both)
    alone = [step for step in steps if list(step.get("set", {})) == ["A:eth0"]]
    assert alone == []


def test_a_fix_is_a_step_that_works_by_the_model() -> None:
    """Each fix, added to the file as it is shown, makes the model say what the fix says."""
    from netlab import model

    loaded = spec.load(spec.find("bridge-two-node"))
    told = why.explain(loaded, plan.resolve(loaded), "A:ens160", "A:ens160.1")
    assert told.fixes
    for fix in told.fixes:
        after = plan.resolve(why.with_steps(loaded, 0, fix.steps)).steps[-1]
        assert after.name.startswith(STEP)
        index = after.state.index
        letters = model.predict(after.state, ("icmp",)).letters["icmp"]
        assert letters[index[fix.source]][index[fix.destination]] == fix.letter


def test_a_combination_only_where_its_parts_fail() -> None:
    """Where reflection alone is enough, nobody is told to reflect and to enter neighbours by hand."""
    told = ask(siblings("vepa"), "A/web", "A/db")
    assert not [fix for fix in told.fixes if "hairpin" in fix.steps and "neighbors" in fix.steps]


def test_who_was_reached_wants_nothing() -> None:
    """A pair that works has a story and no fixes."""
    told = ask(siblings("bridge"), "A/web", "A/db")
    assert (told.letter, told.fixes) == ("R", ())
    assert told.hops


def test_a_fix_counts_what_else_it_changes() -> None:
    """Reflection helps other pairs, too, and the fix says how many."""
    told = ask(siblings("vepa"), "A/web", "A/db")
    [reflect] = [fix for fix in told.fixes if "hairpin" in fix.steps]
    assert reflect.others == 5


def test_later_steps() -> None:
    """The question can be about a later step; the fix then comes after that step."""
    text = siblings("vepa") + "steps:\n  - {name: dark, set: {B:eth0: {state: down}}}\n"
    told = ask(text, "A/web", "B", step="dark")
    assert (told.step, told.letter) == ("dark", "U")
    assert first(told.fixes[0])["set"] == {"B:eth0": {"state": "up"}}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("A:ens160.1", "A:ens160.1"),
        ("A", "A:ens160"),
        ("B", "B:ens160"),
        ("192.168.26.141", "A:ens160.1"),
    ],
)
def test_endpoints_have_several_names(name: str, found: str) -> None:
    """An endpoint is named by its id, its address, or its host: then it is the first with an address."""
    state = plan.from_file(spec.find("bridge-two-node")).steps[0].state
    assert endpoint(state, name).id == found


def test_a_name_that_is_not_there() -> None:
    """An unknown endpoint is an error that lists those there are."""
    state = plan.from_file(spec.find("bridge-two-node")).steps[0].state
    with pytest.raises(UsageError, match=r"no endpoint 'B:ens161' \(did you mean 'B:ens160'\?\)"):
        endpoint(state, "B:ens161")


def test_the_layer_is_what_both_have() -> None:
    """Without a layer it is the ping of a family that both have, else a bare frame."""
    text = siblings("bridge").replace("10.0.0.2/24", "fd00::2/64").replace("10.0.0.3/24", "fd00::3/64")
    assert ask(text, "A/web", "A/db").layer == "host:icmp6"
    assert ask(text, "A/web:eth0", "A/db:eth0").layer == "icmp6"
    assert ask(text, "A/web:eth0", "B:eth0").layer == "unicast"


def test_plain_json() -> None:
    """As JSON the answer holds the sentence of every rule that it names."""
    from netlab.model import RULES

    told = to_plain(ask(siblings("private"), "A/web", "A/db"), RULES)
    named = {hop["rule"] for hop in told["hops"]} - {None}
    assert named <= told["rules"].keys()
    assert all(told["rules"][name]["sentence"] for name in named)
    assert told["fixes"][0]["predicted"] in "RAB"


@pytest.mark.parametrize(
    "step",
    [
        {"name": "x", "set": {"A:eth0": {"port": {"hairpin": True}}}},
        {"name": "no", "set": {"no": {"sysctls": {"net.ipv4.ip_forward": 1}}}},
        {"name": "x", "delete": ["A:eth0", "1"], "add": {"hosts": {"A": {"interfaces": {"e": {"mode": "vepa"}}}}}},
        {
            "name": "x",
            "set": {"A:eth0": {"neighbors": {"fd00::1": "02:00:00:00:00:01", "10.0.0.1": "02:00:00:00:00:02"}}},
        },
        {"name": "x: y", "set": {"a,b": {"mac": "{}"}}},
        {"name": "x", "set": {"B": {"nftables": "table ip t {\n  chain c {\n  }\n}\n"}, "A": {"mtu": 1400}}},
    ],
)
def test_yaml_as_written_by_hand(step: dict[str, object]) -> None:
    """What is shown is YAML that reads back as what was meant."""
    read = yaml.load(to_yaml(step), Loader=yaml.BaseLoader)

    def texts(value: object) -> object:
        if isinstance(value, dict):
            return {str(key): texts(item) for key, item in value.items()}
        if isinstance(value, list):
            return [texts(item) for item in value]
        return str(value).lower() if isinstance(value, bool) else str(value)

    assert read == texts(step)
    assert yaml.load(to_list([step, step]), Loader=yaml.BaseLoader) == [texts(step)] * 2


def test_a_step_that_fits_a_spec() -> None:
    """The steps before the question's are kept, those after it are not."""
    text = siblings("vepa") + "steps:\n  - {name: one, set: {B:eth0: {state: down}}}\n  - {name: two}\n"
    loaded: Spec = spec.load(text, "test.yaml")
    names = [step.name for step in plan.resolve(why.with_steps(loaded, 1, "- name: fix")).steps]
    assert names == ["baseline", "one", "fix"]


def test_what_joins_two_switches() -> None:
    """Where nothing joins two hosts, a cable between their switches is offered, or a NIC where the subnets differ."""
    text = (
        "switches: {s1: {}, s2: {}}\nname: apart\nhosts:\n"
        "  A: {interfaces: {eth0: {switch: s1, addresses: [10.0.0.1/24]}}}\n"
        "  B: {interfaces: {eth0: {switch: s2, addresses: [10.0.0.2/24]}}}\n"
        "  C: {interfaces: {eth0: {switch: s2, addresses: [10.0.1.3/24]}}}\n"
    )
    assert [first(fix)["add"] for fix in ask(text, "A", "B").fixes] == [
        {"switches": {"between": {"links": ["s1", "s2"]}}}
    ]
    [nic] = ask(text, "A:eth0", "C:eth0").fixes
    assert first(nic)["add"]["hosts"]["A"]["interfaces"] == {"net2": {"switch": "s2", "addresses": ["10.0.1.254/24"]}}
    assert (nic.source, nic.commands[0].lines[0]) == ("A:net2", "# net2: a NIC that is plugged into the switch s2")


@pytest.mark.parametrize("route", ["{to: 10.0.1.0/24, via: 10.0.0.9}", "{to: 10.0.1.2/32, dev: eth1}"])
def test_a_route_that_leads_elsewhere(route: str) -> None:
    """A longer prefix that takes the packets elsewhere is taken away; the default route stays."""
    text = (
        "switches: {s1: {}, s2: {}, s3: {}}\nname: stray\nhosts:\n  A:\n    interfaces:\n"
        "      eth0: {switch: s1, addresses: [10.0.0.1/24]}\n      eth1: {switch: s3, addresses: [10.0.3.1/24]}\n"
        f"    routes: [{{to: default, via: 10.0.0.254}}, {route}]\n"
        "  B:\n    interfaces: {eth0: {switch: s2, addresses: [10.0.1.2/24]}}\n"
        "    routes: [{to: default, via: 10.0.1.254}]\n"
        "  R:\n    sysctls: {net.ipv4.ip_forward: 1}\n    interfaces:\n"
        "      eth0: {switch: s1, addresses: [10.0.0.254/24]}\n      eth1: {switch: s2, addresses: [10.0.1.254/24]}\n"
    )
    told = ask(text, "B", "A")
    assert told.letter == "U"
    assert first(told.fixes[0])["set"] == {"A": {"routes": [{"to": "default", "via": "10.0.0.254"}]}}


#: The shim as people write it.
CURED = """\
name: cured
switches: {lan: {}}
hosts:
  h:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
      shim: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.254/32]}
    routes: [{to: 10.0.0.2/32, dev: shim}]
    containers:
      web: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.2/24]}}}
"""


def test_bound_and_unbound() -> None:
    """A host asks by the route that it has; where an interface alone has another answer, a sentence says why."""
    told = ask(CURED, "h", "h/web")
    assert (told.layer, told.source, told.letter, told.fixes) == ("host:icmp", "h", "R", ())
    assert told.hops[0].what == "route 10.0.0.2 dev shim (table main), from 10.0.0.254"
    assert [(one.source, one.letter) for one in told.bound] == [("h:eth0", "U"), ("h:shim", "R")]
    assert told.difference == (
        "`ping -I eth0` fails, plain `ping` works, because routing sends it out of shim: "
        "route 10.0.0.2 dev shim (table main), from 10.0.0.254.",
    )
    assert ask(CURED, "h:eth0", "h/web").letter == "U"
    tcp = ask(CURED, "h", "10.0.0.2", layer="tcp/80")
    assert (tcp.layer, tcp.letter, tcp.bound[0].layer) == ("host:tcp/80", "R", "tcp/80")
    assert tcp.difference[0].startswith("bound to eth0 `tcp/80` fails, unbound it works, because routing")


def test_a_shim_without_its_route() -> None:
    """Where the host has a child already, a route by that is the first offer, and a new one gets another name."""
    told = ask(CURED.replace("routes: [{to: 10.0.0.2/32, dev: shim}]", "routes: []"), "h", "h/web")
    assert first(told.fixes[0]) == {
        "name": "fix", "set": {"h": {"routes": [{"to": "10.0.0.2/32", "dev": "shim"}]}},
    }  # fmt: skip
    assert "shim1:" in told.fixes[1].steps


def test_the_undo_of_what_takes_routes_along() -> None:
    """Routes that go with an interface's last address come back with it; what changes no address touches none."""
    text = CURED.replace("{to: 10.0.0.2/32, dev: shim}", "{to: default, via: 10.0.0.9}")
    hairpin = next(fix for fix in ask(text, "h", "h/web").fixes if "reflect" in fix.title)
    assert [run.on for run in hairpin.undo] == ["lan"]
    moved = SIBLINGS.format(mode="bridge", port="", other="").replace("10.0.0.4/24", "10.0.1.4/24")
    moved += "    routes: [{to: 10.7.0.0/16, dev: eth0}]\n"
    fix = next(fix for fix in ask(moved, "A", "B").fixes if "put B:eth0 into the subnet" in fix.title)
    assert fix.commands[0].lines[-1] == "ip route add 10.7.0.0/16 dev eth0"
    assert fix.undo[0].lines[-1] == "ip route replace 10.7.0.0/16 dev eth0"


def test_an_address_that_nobody_has() -> None:
    """It can be asked for; nothing is tried for it."""
    told = ask(CURED, "h", "10.0.0.77")
    assert (told.destination, told.letter, told.rule, told.owned) == ("10.0.0.77", "U", "neigh/unresolved", False)
    assert told.fixes == ()


def test_an_address_that_two_have() -> None:
    """It is asked for by itself, whoever answers; what brings one of them back is offered."""
    text = (
        "name: vip\nswitches: {lan: {}}\nhosts:\n"
        "  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24], state: down}}}\n"
        "  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.9/24]}}}\n"
        "  C: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.9/24], duplicate: true}}}\n"
    )
    told = ask(text, "A", "10.0.0.9")
    assert (told.destination, told.rule) == ("10.0.0.9", "link/down")
    fix = told.fixes[0]
    assert (fix.destination, fix.letter, first(fix)["set"]) == ("10.0.0.9", "R", {"A:eth0": {"state": "up"}})


def test_a_host_layer_wants_a_host() -> None:
    """An interface can't ask what a host asks."""
    with pytest.raises(UsageError, match="host:icmp is asked by a host: write h for h:eth0"):
        ask(CURED, "h:eth0", "h/web", layer="host:icmp")


POLICY = """
switches: {lan: {}}
hosts:
  A:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24], port: {policy: POLICY}}}
    containers:
      web: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.11/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
"""


@pytest.mark.parametrize(
    ("policy", "titles"),
    [
        ("vsphere", ["lift the policy vsphere", "make the children of A:eth0 anew, as ipvlan in l2"]),
        ("cloud", ["make the children of A:eth0 anew, as ipvlan in l2"]),
    ],
)
def test_a_policy_is_lifted_where_it_can_be(policy: str, titles: list[str]) -> None:
    """The fix names the setting of the hypervisor; where there is none, IPvlan needs no other MAC than the host's."""
    told = ask(POLICY.replace("POLICY", policy), "A/web", "B")
    assert [fix.title.startswith(title) for fix, title in zip(told.fixes, titles, strict=False)] == [True] * len(titles)
    assert not any("policy" in line for fix in told.fixes for run in fix.commands for line in run.lines)


def test_what_keeps_an_address_at_lo_from_being_found() -> None:
    """With arp_ignore=1 nobody answers for an address of lo: 0 is offered, which isn't where a wire has the address."""
    path = spec.find("dsr-vip-on-lo")
    told = why.explain(spec.load(path), plan.resolve(spec.load(path)), "client", "real:lo", step="quiet")
    assert first(told.fixes[0])["set"] == {"real": {"sysctls": {"net.ipv4.conf.all.arp_ignore": 0}}}
    assert told.fixes[0].letter == "A"
