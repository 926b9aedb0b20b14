"""Bad lines: netem in a file, in the model, and on a kernel that has it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import netlab
from netlab import model, pipeline, plan
from netlab.client import Agent, BuildError
from netlab.contract.types import Netem
from netlab.spec import TopologyError

LINE = """\
name: line
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24], netem: {delay: 20ms}}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
  C: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.3/24]}}}
steps:
  - name: lossy
    set: {"A:eth0": {netem: {delay: 5ms, jitter: 1ms, loss: 30%, duplicate: 1%, reorder: 10%, rate: 10mbit}}}
  - name: well
    set: {"A:eth0": {netem: none}}
"""


def test_values() -> None:
    """Times, parts and rates have their units; what is taken away is gone."""
    steps = plan.from_file(LINE, "line.yaml").steps
    found = [step.state.link("A:eth0").netem for step in steps]
    assert found == [
        Netem(delay=20_000_000),
        Netem(5_000_000, 1_000_000, 0.3, 0.01, 0.1, 10_000_000),
        None,
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{dely: 20ms}", "unknown key 'dely'; did you mean 'delay'?"),
        ("{loss: 101%}", "'101%' is no part of the frames; 0% to 100%"),
        ("{loss: 0.1}", "'0.1' is no part of the frames"),
        ("{delay: 2h}", "'2h' is not a time"),
        ("{delay: 1ms, jitter: 2ms}", "the jitter is more than the delay"),
        ("{reorder: 5%}", "'reorder' needs a delay"),
        ("{}", "must be a mapping, or none"),
        ("{delay: 1ms}, limit: 10mbit", "an interface has 'limit' or 'netem'"),
    ],
)
def test_faults(given: str, said: str) -> None:
    """What can't be is told with its place, and what would be right."""
    with pytest.raises(TopologyError) as failed:
        plan.from_file(LINE.replace("{delay: 20ms}", given), "line.yaml")
    assert "line.yaml:4:" in str(failed.value)
    assert said in str(failed.value)


def test_the_model_says_nothing_of_chance() -> None:
    """Where all frames are late alike the model predicts. What is lost by chance it doesn't know; all else it does."""
    constant, chance, _ = plan.from_file(LINE, "line.yaml").steps
    assert model.predict(constant.state, ("icmp",)).letters["icmp"] == (".RR", "R.R", "RR.")
    assert model.predict(chance.state, ("icmp", "unicast")).letters == {
        "icmp": (".??", "?.R", "?R."),
        "unicast": (".??", "R.R", "RR."),
    }


@pytest.fixture
def labs() -> Iterator[netlab.Labs]:
    """Labs, on a kernel that has netem."""
    with netlab.Labs() as opened:
        try:
            opened.open(LINE).close()
        except BuildError as error:
            pytest.skip(str(error))
        yield opened


def test_the_kernel_does_it(labs: netlab.Labs) -> None:
    """The kernel's netem has the file's values, a ping takes as long, and when it is taken away it is gone."""
    with labs.open(LINE) as lab:
        assert _qdisc(lab)["delay"] == {"delay": 0.02, "jitter": 0, "correlation": 0}
        echoed = lab["B"].run("ping", "-c1", "-W5", "10.0.0.1").stdout
        assert float(echoed.partition("time=")[2].split()[0]) >= 20
        lab.must_reach("A", "B", tcp=None)
        lab.step("lossy")
        found = _qdisc(lab)
        assert found["delay"] == {"delay": 0.005, "jitter": 0.001, "correlation": 0}
        assert round(found["loss-random"]["loss"], 4) == 0.3
        assert round(found["duplicate"]["duplicate"], 4) == 0.01
        assert round(found["reorder"]["reorder"], 4) == 0.1
        assert found["rate"]["rate"] == 1_250_000
        lab.step("well")
        assert lab.links["A:eth0"]["qdisc"] == "noqueue"


def _qdisc(lab: netlab.Lab) -> dict[str, dict[str, float]]:
    [found] = json.loads(lab["A"].run("tc", "-j", "qdisc", "show", "dev", "eth0").stdout)
    assert found["kind"] == "netem"
    return dict(found["options"])


def test_what_is_late_is_waited_for(labs: netlab.Labs) -> None:
    """With a constant delay every pair is what the model says; with loss the pairs on that line are only observed."""
    with Agent.start() as agent:
        record = pipeline.run(LINE, agent, pipeline.Options(layers=("icmp", "broadcast")))
    assert record["summary"]["fail"] == 0
    assert record["steps"][0]["layers"]["icmp"]["verdict"] == [".PP", "P.P", "PP."]
    assert {mark for row in record["steps"][1]["layers"]["icmp"]["verdict"][:1] for mark in row} <= set(".S?")


def test_a_kernel_without_it() -> None:
    """Where the kernel has no netem the build ends with exit code 3, and the line that helps."""
    with netlab.Labs() as labs:
        try:
            labs.open(LINE)
        except BuildError as error:
            refused = error
        else:
            pytest.skip("this kernel has netem")
    assert refused.exit_code == 3
    assert "this kernel has no netem: sudo modprobe sch_netem" in refused.fix
