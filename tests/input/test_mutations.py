"""Every shipped topology file, mutated: a fault with its place and exit code 2, or a run on the kernel."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from netlab import plan
from netlab.cli.problems import lines
from netlab.client import Agent, BuildError
from netlab.contract.types import Plan
from netlab.errors import FAILED, INCONCLUSIVE, PASSED
from netlab.pipeline import Options, run
from netlab.report import terminal
from netlab.report.style import Style
from netlab.spec import TopologyError, shipped

#: `make fuzz-input` asks for 10,000.
EXAMPLES = int(os.environ.get("NETLAB_EXAMPLES", "500"))
FILES = [path.read_text() for path in shipped()]
#: What is built and probed, too, has at most so many namespaces and interfaces, and settles within its deadline.
SMALL = 24
TOKENS = sorted({token for text in FILES for token in re.findall(r"[\w.:/@-]+|[^\w\s]", text)})
EVIL = [
    "",
    "null",
    "~",
    "*a",
    "&a",
    "!!python/object:os.system",
    "{",
    "}",
    "[",
    "]",
    "'",
    '"',
    "\t",
    "\u202e",
    "999999999999",
]
EVIL += [
    "$(reboot)",
    "`id`",
    "; rm -rf /",
    "../../etc/passwd",
    "\x00",
    "\x1b[2J",
    "%s%n",
    "-1",
    "0x10",
    "1e9",
    "::",
    "->",
    "#",
]

Mutation = Callable[[str], str]


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """The text of a file with one to four things changed."""
    text = draw(st.sampled_from(FILES))
    for _ in range(draw(st.integers(1, 4))):
        rows = text.split("\n")
        k = draw(st.integers(0, len(rows) - 1))
        match draw(st.sampled_from(("delete", "double", "swap", "indent", "token", "evil", "cut", "characters"))):
            case "delete":
                del rows[k]
            case "double":
                rows.insert(k, rows[k])
            case "swap":
                j = draw(st.integers(0, len(rows) - 1))
                rows[k], rows[j] = rows[j], rows[k]
            case "indent":
                rows[k] = " " * draw(st.integers(0, 8)) + rows[k].lstrip()
            case "token":
                rows[k] = _replaced(draw, rows[k], TOKENS)
            case "evil":
                rows[k] = _replaced(draw, rows[k], EVIL)
            case "cut":
                rows[k] = rows[k][: draw(st.integers(0, len(rows[k])))]
            case "characters":
                at = draw(st.integers(0, len(rows[k])))
                rows[k] = rows[k][:at] + draw(st.text(max_size=3)) + rows[k][at:]
        text = "\n".join(rows)
    return text


def _replaced(draw: st.DrawFn, row: str, words: list[str]) -> str:
    found = list(re.finditer(r"[\w.:/@-]+", row))
    if not found:
        return row + draw(st.sampled_from(words))
    one = draw(st.sampled_from(found))
    return row[: one.start()] + draw(st.sampled_from(words)) + row[one.end() :]


class Agents:
    """One agent for all examples; a fresh one where it has died (which is a failure, told once)."""

    def __init__(self) -> None:
        self._agent: Agent | None = None

    def get(self) -> Agent:
        """The agent."""
        if self._agent is None or not self._agent.alive:
            self.close()
            self._agent = Agent.start()
        return self._agent

    def close(self) -> None:
        """End it."""
        if self._agent is not None:
            self._agent.close()


@pytest.fixture(scope="module")
def agents() -> Iterator[Agents]:
    """An agent for this module."""
    some = Agents()
    yield some
    some.close()


def small(made: Plan) -> bool:
    """Whether a plan is built and probed, too."""
    return (
        max(len(step.state.namespaces) + len(step.state.links) for step in made.steps) <= SMALL and len(made.steps) <= 6
    )


def check_fault(error: Exception, file: str, text: str) -> None:
    """Exit code 2, and each line says where in the file."""
    assert getattr(error, "exit_code", None) in (2, 3)
    told = lines(error)
    assert told
    place = re.match(rf"{re.escape(file)}:(\d+):(\d+): .", told[0])
    assert place, told
    assert 1 <= int(place[1]) <= text.count("\n") + 2


@pytest.mark.timeout(3600)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="NETLAB_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
@given(text=mutations())
def test_mutated_files(agents: Agents, text: str) -> None:
    """Never a traceback: the file is refused with a place, or the run ends with a record that can be rendered."""
    try:
        # Expectations for other kernels aren't looked at.
        made = plan.from_file(text, "mutated.yaml", agents.get().kernel)
    except TopologyError as error:
        event("refused with a place")
        check_fault(error, "mutated.yaml", text)
        return
    if not small(made):
        event("planned, too big to be built here")
        return
    try:
        record = run(
            text if "\n" in text else text + "\n", agents.get(), Options(layers=("broadcast", "icmp"), measure=False)
        )
    except BuildError as error:
        # What only the kernel knows: it says so, with the line that asked for it.
        event("refused by the kernel")
        check_fault(error, "<text>", text)
        return
    event("run")
    assert record["summary"]["exit_code"] in (PASSED, FAILED, INCONCLUSIVE)
    assert terminal.render(record, Style())
