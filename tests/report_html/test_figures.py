"""Throughput, latency and comparisons in reports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netlab import units
from netlab.report import figures, html, markdown
from netlab.report import measured as terminal_measured
from netlab.report.style import Style
from tests.report_html.browser import Browser
from tests.report_html.test_page import violations

Record = dict[str, Any]

OPTIONS = {
    "duration": 1.0,
    "bytes": None,
    "streams": 1,
    "mss": None,
    "omit": 0,
    "length": None,
    "bitrate": None,
    "reverse": False,
    "count": None,
}


FLOOR = {"text": ">= 5 Gbit/s", "least": 5e9, "most": None}


def measured(src: str, dst: str, *values: float, **more: Any) -> Record:
    """A measurement as a record holds it."""
    found = sorted(values)
    return {
        "step": "baseline",
        "group": 0,
        "text": "any -> any",
        "where": "lab.yaml:9:3",
        "src": src,
        "dst": dst,
        "protocol": "tcp",
        "family": 4,
        "engine": "iperf3 3.12",
        "options": OPTIONS,
        "value": found[len(found) // 2] if found else None,
        "cpu": None,
        "bound": None,
        "status": "ok" if found else "refused",
        "verdict": "S",
        "detail": "",
        "repetitions": [{"status": "ok", "detail": "", "value": value} for value in values],
        **more,
    }


def compared(ratio: float | None, interval: list[float] | None, verdict: str, **more: Any) -> Record:
    """A comparison as a record holds it."""
    side = {
        "text": "A/c1 -> A/c2",
        "src": "A/c1:eth0",
        "dst": "A/c2:eth0",
        "protocol": "tcp",
        "family": 4,
        "engine": "iperf3 3.12",
        "options": OPTIONS,
        "value": 2.1e10,
        "cpu": 0.4,
        "repetitions": [],
    }
    return {
        "step": "baseline",
        "name": "a macvlan sibling beats a Linux bridge",
        "where": "lab.yaml:20:5",
        "metric": "throughput",
        "percentile": None,
        "by": "> 1.0x",
        "least": 1.0,
        "most": None,
        "faster": side,
        "than": {**side, "text": "A/b1 -> A/b2", "value": 1.4e10},
        "order": [],
        "rounds": 15,
        "planned": 15,
        "ratio": ratio,
        "interval": interval,
        "confidence": 0.95,
        "verdict": verdict,
        "detail": "",
        **more,
    }


@pytest.fixture
def quick(record: Callable[..., Record]) -> Record:
    """A run in which something was measured."""
    found = record("bridge-two-node")
    found["throughput"] = [
        measured("A:ens160.1", "B:ens160", 9.0e9, 9.4e9, 9.9e9, cpu=0.31),
        measured(
            "B:ens160",
            "A:ens160.1",
            4.7e9,
            4.6e9,
            4.8e9,
            bound={"text": ">= 5 Gbit/s", "least": 5e9, "most": None},
            verdict="F",
        ),
        measured("A:ens160", "B:ens160", detail="nothing listens"),
    ]
    found["latency"] = [measured("A:ens160.1", "B:ens160", 2.31e-5, 2.2e-5, 3.0e-5)]
    found["compare"] = [
        compared(1.5, [1.3, 1.7], "P"),
        compared(0.98, [0.9, 1.1], "?", name="the other way", detail="needs more repetitions"),
        compared(None, None, "S", name="not measured"),
    ]
    return found


@pytest.mark.parametrize(
    ("value", "words"),
    [(9.41e9, "9.41 Gbit/s"), (1.0e8, "100 Mbit/s"), (2.5e3, "2.50 kbit/s"), (12.0, "12 bit/s")],
)
def test_bits(value: float, words: str) -> None:
    """Bits per second with three digits and a unit."""
    assert units.bits(value) == words


@pytest.mark.parametrize(("value", "words"), [(2.31e-5, "23.1 us"), (1.5e-3, "1.50 ms"), (2.0, "2.00 s")])
def test_seconds(value: float, words: str) -> None:
    """Seconds with three digits and a unit."""
    assert units.seconds(value) == words


def test_bars_share_a_scale(quick: Record) -> None:
    """The longest is what was measured most; medians and ranges are parts of it; what wasn't measured says why."""
    [group] = figures.view(quick)["throughput"]
    first, second, third = group["rows"]
    assert (first["share"], first["high"]) == (pytest.approx(94.95, abs=0.01), 100.0)
    assert second["share"] == pytest.approx(47.47, abs=0.01)
    assert (first["ratio"], second["ratio"]) == ("1.00×", "0.50×")
    assert (second["verdict"], second["bound"]) == ("fail", ">= 5 Gbit/s")
    assert (third["value"], third["share"], third["detail"]) == ("refused", 0.0, "nothing listens")


def test_figures_read_as_on_the_terminal(quick: Record) -> None:
    """The page says 1000 Mbit/s, as the terminal does, and never 1e+03."""
    quick |= {"throughput": [measured("A:ens160.1", "B:ens160", 9.996e8)], "latency": [], "compare": []}
    assert figures.view(quick)["throughput"][0]["rows"][0]["value"] == "1000 Mbit/s"
    assert "1000 Mbit/s" in "\n".join(terminal_measured.show(quick, "baseline", Style()))


def test_a_ratio_lies_within_its_interval(quick: Record) -> None:
    """On the axis: the interval around the ratio, the line of equality where it belongs."""
    clear, unclear, none = figures.view(quick)["compare"]
    assert clear["one"] < clear["from"] < clear["at"] < clear["to"]
    assert unclear["from"] < unclear["at"] < unclear["one"] < unclear["to"]
    assert (none["ratio"], none["at"]) == ("no ratio", None)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_on_the_page(
    quick: Record, show: Callable[..., Browser], module: Callable[[str], Path], width: int, dark: bool
) -> None:
    """Bars as long as they say, comparisons with their verdicts, nothing over the edge, accessible."""
    page = show(html.render(quick), width=width, dark=dark)
    bars = page.run(
        "return [...document.querySelectorAll('[aria-label=Throughput] .bar')].map((bar) =>"
        " bar.firstElementChild.getBoundingClientRect().width / bar.getBoundingClientRect().width)"
    )
    assert bars == [pytest.approx(0.9495, abs=0.01), pytest.approx(0.4747, abs=0.01), 0]
    text = page.text("[aria-label=Comparisons]")
    assert "1.50×" in text
    assert "needs more repetitions" in text
    assert page.complaints() == []
    assert page.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert violations(page, module) == []


def test_in_markdown(quick: Record) -> None:
    """Comparisons as lines, measurements as folded tables."""
    text = markdown.render(quick)
    assert "- ✅ a macvlan sibling beats a Linux bridge: **1.50×** (1.30 to 1.70, 95%), wanted `> 1.0x`" in text
    assert "| `A:ens160.1` | `B:ens160` | 9.40 Gbit/s | 9.00 Gbit/s to 9.90 Gbit/s | 1.00× |" in text
