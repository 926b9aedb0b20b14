"""``throughput:``, ``latency:`` and ``compare:`` of a file, down to the plan."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from netlab import plan, spec
from netlab.contract.measures import Bound, Traffic
from netlab.measure import session
from netlab.spec import TopologyError
from tests.measure.conftest import resolved, topology

THROUGHPUT = Traffic(metric="throughput")


def faults(more: str) -> list[str]:
    """What is wrong with `topology(more)`, line by line."""
    with pytest.raises(TopologyError) as caught:
        plan.from_file(topology(more), "f")
    return str(caught.value).splitlines()


def test_every_form_of_an_entry() -> None:
    """A pair alone, with a bound, with options, and several pairs in a mapping."""
    measures = resolved(
        """\
        throughput:
          - A -> B
          - B -> A/c1: at least 1 Gbit/s
          - "A ↔ B: 1mbit to 2mbit"
          - A -> B: {duration: 2s, streams: 4, repetitions: 3, reverse: on, is: at most 5 Gbit/s}
          - {pairs: [A -> B, A/c1 <-> A/c2], protocol: udp, length: 200, bitrate: 10mbit, bytes: 1M}
        """
    ).steps[0]
    found = measures.measures.throughput
    assert [one.pairs for one in found] == [
        (("A:eth0", "B:eth0"),),
        (("B:eth0", "A/c1:eth0"),),
        (("A:eth0", "B:eth0"), ("B:eth0", "A:eth0")),
        (("A:eth0", "B:eth0"),),
        (("A:eth0", "B:eth0"), ("A/c1:eth0", "A/c2:eth0"), ("A/c2:eth0", "A/c1:eth0")),
    ]
    assert [one.bound for one in found] == [
        None,
        Bound("at least 1 Gbit/s", 1e9, None),
        Bound("1mbit to 2mbit", 1e6, 2e6),
        Bound("at most 5 Gbit/s", None, 5e9),
        None,
    ]
    assert found[0].traffic == THROUGHPUT
    assert found[3].traffic == Traffic(metric="throughput", duration=2.0, streams=4, reverse=True)
    assert found[3].repetitions == 3
    assert found[4].traffic == Traffic(metric="throughput", protocol="udp", length=200, bitrate=10**7, bytes=1 << 20)
    assert [one.where.line for one in found] == [14, 15, 16, 17, 18]


def test_patterns_mean_every_pair_that_can_be() -> None:
    """any -> any is every ordered pair of interfaces with addresses of one family; a pattern is not named."""
    [one] = resolved("latency: [any -> any]").steps[0].measures.latency
    assert len(one.pairs) == 12
    assert len(set(one.pairs)) == 12
    assert not one.named
    assert one.traffic == Traffic(metric="latency", protocol="udp")


def test_the_family_is_four_unless_only_six_fits() -> None:
    """Both families are to be had by asking, and a pair that has only one is measured over that."""
    asked = resolved("throughput: [{pairs: [A -> B], family: 6}]").steps[0].measures.throughput[0]
    assert asked.traffic.family == 6
    assert session.layer(asked.traffic) == "tcp6"
    only = topology("throughput: [A -> B]").replace("10.0.0.2/24, ", "")
    assert plan.from_file(only, "f").steps[0].measures.throughput[0].traffic.family == 6


def test_a_comparison() -> None:
    """Both sides, the bound of their ratio, how often at most, and how sure."""
    [one] = (
        resolved(
            """\
        compare:
          - name: siblings beat the wire
            faster: {metric: latency, pair: A/c1 -> A/c2, percentile: p99, protocol: tcp, count: 500}
            than: {metric: latency, pair: A/c1 -> B, percentile: p99}
            by: "> 1.5x"
            repetitions: 20
            confidence: 99%
        """
        )
        .steps[0]
        .measures.compare
    )
    assert (one.metric, one.percentile, one.by, one.repetitions, one.confidence) == (
        "latency", "p99", Bound("> 1.5x", 1.5, None), 20, 0.99,
    )  # fmt: skip
    assert (one.faster.source, one.faster.destination) == ("A/c1:eth0", "A/c2:eth0")
    assert one.faster.traffic == Traffic(metric="latency", protocol="tcp", count=500)
    assert one.than.traffic == Traffic(metric="latency", protocol="udp")
    assert one.faster.text == "A/c1 -> A/c2"


def test_one_pair_in_two_ways_is_told_apart() -> None:
    """Two ways to measure one path are named by their options."""
    [one] = (
        resolved(
            """\
        compare:
          - name: streams
            faster: {pair: A -> B, streams: 4}
            than: {pair: A -> B}
            by: "> 1.0x"
        """
        )
        .steps[0]
        .measures.compare
    )
    assert (one.faster.text, one.than.text) == ("A -> B (streams 4)", "A -> B (defaults)")
    assert one.metric == "throughput"


def test_steps_have_measurements_of_their_own() -> None:
    """The top of the file binds the baseline, a step's own bind the step, by what is there then."""
    steps = resolved(
        """\
        throughput: [A -> B]
        steps:
          - name: more
            add: {hosts: {C: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.3/24]}}}}}
            throughput: [A -> C]
          - name: nothing
        """
    ).steps
    assert [[one.pairs for one in step.measures.throughput] for step in steps] == [
        [(("A:eth0", "B:eth0"),)],
        [(("A:eth0", "C:eth0"),)],
        [],
    ]


def test_a_claim_is_tested_by_comparisons() -> None:
    """By name, or by name and what the ratio would be if it were true; then it needs no other test."""
    compare = """\
        compare:
          - {name: one, faster: {pair: A -> B}, than: {pair: B -> A}, by: "> 1.0x"}
        claims:
          - {number: 1, says: so, compare: [one]}
          - {number: 2, says: so, compare: {one: "> 2x"}}
        """
    claims = resolved(compare).claims
    assert [claim.compare for claim in claims] == [(("one", None),), (("one", Bound("> 2x", 2.0, None)),)]
    assert [claim.tests for claim in claims] == [(), ()]


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("throughput: A -> B", "f:13:13: throughput: must be a list; write [A -> B]"),
        ("throughput: [A -> X]", "f:13:14: no host 'X'; there are: A, A/c1, A/c2, B"),
        ("throughput: [A -> A]", "f:13:14: A:eth0 is paired with itself; a measurement is between two interfaces"),
        ("throughput: [A]", "f:13:14: 'A' is not a pair of endpoints; write 'A -> B'"),
        ("throughput: ['A -> B:at least 1mbit']", "a space is missing after the colon"),
        ("throughput: ['A -> B: 1mbit']", "f:13:14: '1mbit' is not a bound"),
        ("throughput: [{A -> B: fast}]", "f:13:23: 'fast' is not a bound; as in 'at least 1 Gbit/s'"),
        ("throughput: [{A -> B: {mode: x}}]", "f:13:24: 'mode' means nothing for throughput"),
        ("throughput: [{A -> B: {count: 9}}]", "'count' means nothing for throughput; it belongs to latency"),
        ("throughput: [{A -> B: {duration: 1.5s}}]", "duration: iperf3 counts whole seconds"),
        ("throughput: [{A -> B: {duration: 0s}}]", "f:13:34: duration: '0s' is out of range; 1s to 3600s"),
        ("throughput: [{A -> B: {bytes: 1M, duration: 2s}}]", "'bytes' and 'duration' exclude each other"),
        ("throughput: [{A -> B: {protocol: udp, mss: 500}}]", "datagrams have no segment size"),
        ("throughput: [{A -> B: {protocol: udp, engine: sockets}}]", "plain sockets measure TCP only"),
        ("throughput: [{A -> B: {protocol: udp, length: 1M}}]", "a datagram cannot have 1048576 bytes"),
        ("throughput: [{A -> B: {protocol: sctp}}]", "protocol: 'sctp' is none of tcp, udp"),
        ("throughput: [{A -> B: {repetitions: 0}}]", "repetitions: 0 is out of range; 1 to 1000"),
        ("throughput: [{pairs: []}]", "there are no pairs"),
        ("throughput: [{pair: [A -> B]}]", "'pairs' is missing"),
        ("throughput: [{A -> B: x, B -> A: x}]", "one measurement has one key"),
        ("throughput: [[A -> B]]", "a list is no measurement"),
        ("throughput: [{pairs: [A/c1 -> B], family: 6}]", "A/c1:eth0 and B:eth0 have no addresses of IPv6"),
        ("throughput: [X* -> B]", "'X*' matches nothing"),
        ("latency: [{A -> B: at most 1mbit}]", "'1mbit' is not a time"),
        ("latency: [{A -> B: {streams: 2}}]", "'streams' means nothing for latency; it belongs to throughput"),
        ("compare: [x]", "a comparison is a mapping"),
        ("compare: [{name: x, faster: {pair: A -> B}, by: '> 1x'}]", "'than' is missing"),
        ("compare: [{name: x, faster: {pair: A <-> B}, than: {pair: B -> A}, by: '> 1x'}]", "one way at a time"),
        ("compare: [{name: x, faster: {pair: any -> B}, than: {pair: B -> A}, by: '> 1x'}]", "'any' is a pattern"),
        ("compare: [{name: x, faster: {pair: A -> B}, than: {pair: B -> A}, by: 1x}]", "not a bound of a ratio"),
        (
            "compare: [{name: x, faster: {metric: cpu, pair: A -> B}, than: {pair: B -> A}, by: '> 1x'}]",
            "both sides are compared by the same metric; metric: cpu",
        ),
        (
            "compare: [{name: x, faster: {pair: A -> B}, than: {pair: B -> A}, by: '> 1x', repetitions: 5}]",
            "repetitions: 5 rounds prove nothing; at least 8",
        ),
        (
            "compare: [{name: x, faster: {pair: A -> B}, than: {pair: B -> A}, by: '> 1x', confidence: 2}]",
            "confidence: '2' is not a level of confidence",
        ),
        ("claim: {number: 1, says: x, compare: [nothing]}", "f:13:1: no comparison 'nothing'"),
        ("claim: {number: 1, says: x}", "f:13:1: 'test' is missing; a claim needs it"),
    ],
    ids=lambda value: re.sub(r"\W+", " ", value)[:50] if isinstance(value, str) else "",
)  # fmt: skip
def test_one_fault(more: str, fault: str) -> None:
    """Each fault of an entry is said at its place, alone, with what would be right."""
    found = faults(more + "\n")
    assert len(found) == 1
    assert fault in found[0]


def test_several_faults_are_said_at_once() -> None:
    """Every faulty option of every entry, and every name that is none, is reported in one go."""
    found = faults("throughput: [{A -> B: {mss: 1, streams: 0}}, A -> X]\nlatency: [B -> Y]\n")
    assert [line.split(": ")[0] for line in found] == ["f:13:29", "f:13:41", "f:13:46", "f:14:11"]


def test_two_comparisons_have_two_names() -> None:
    """A name is used once in a file, in whatever step."""
    one = "{name: x, faster: {pair: A -> B}, than: {pair: B -> A}, by: '> 1x'}"
    assert "there is a comparison 'x' already" in faults(f"compare: [{one}, {one}]\n")[0]
    assert (
        "there is a comparison 'x' already" in faults(f"compare: [{one}]\nsteps: [{{name: s, compare: [{one}]}}]\n")[0]
    )


def test_editors_get_a_schema_that_fits() -> None:
    """The shipped files with measurements are valid by the schema, and nonsense is not."""
    import yaml

    schema = spec.json_schema()
    validator = jsonschema.Draft202012Validator(schema)
    for path in spec.shipped():
        if path.stem in ("throughput-matrix", "macvlan-vs-linux-bridge"):
            assert list(validator.iter_errors(yaml.safe_load(Path(path).read_text()))) == []
    base: dict[str, Any] = {"hosts": {"A": {}}}
    for wrong in ({"throughput": [{"pairs": ["A -> B"], "mode": 1}]}, {"compare": [{"name": "x"}]}, {"latency": 3}):
        assert list(validator.iter_errors({**base, **wrong}))
    for right in ({"throughput": ["A -> B", {"A -> B": "at least 1mbit"}]}, {"latency": [{"A -> B": {"count": 9}}]}):
        assert not list(validator.iter_errors({**base, **right}))
