"""Rates, sizes, times and bounds as people write them."""

from __future__ import annotations

from typing import Any

import pytest

from netlab.contract.measures import Bound
from netlab.contract.types import Limit
from netlab.spec import quantities
from netlab.spec.scalars import Wrong


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("100mbit", 10**8),
        ("100 Mbit/s", 10**8),
        ("1.5Gbit", 15 * 10**8),
        ("64kbit/s", 64000),
        ("5000", 5000),
        ("1g", 10**9),
    ],
)
def test_rates(text: str, bits: int) -> None:
    """Rates count in thousands of bits."""
    assert quantities.rate(text) == bits


@pytest.mark.parametrize("text", ["100MB/s", "10mbps", "fast", "", "-1mbit", "1e9", "0mbit", "1" * 100])
def test_what_is_no_rate(text: str) -> None:
    """Bytes (which is what tc takes mbps for), nonsense and nothing are refused."""
    with pytest.raises(Wrong) as caught:
        quantities.rate(text)
    assert ("not bytes" in caught.value.hint) == text.endswith("s")


@pytest.mark.parametrize(
    ("text", "count"), [("1448", 1448), ("32k", 32768), ("1M", 1 << 20), ("2KiB", 2048), ("1g", 1 << 30)]
)
def test_sizes(text: str, count: int) -> None:
    """Sizes count in 1024, as iproute2's and iperf3's do."""
    assert quantities.size(text) == count


@pytest.mark.parametrize(
    ("text", "seconds"), [("2", 2.0), ("2s", 2.0), ("500ms", 0.5), ("20us", 2e-5), ("20 µs", 2e-5), ("1min", 60.0)]
)
def test_times(text: str, seconds: float) -> None:
    """A bare number is seconds."""
    assert quantities.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("at least 1 Gbit/s", (1e9, None)),
        ("at most 100mbit", (None, 1e8)),
        ("90 to 100 Mbit/s", (9e7, 1e8)),
        ("90mbit to 1 gbit", (9e7, 1e9)),
    ],
)
def test_bounds(text: str, bound: tuple[float | None, float | None]) -> None:
    """A floor, a ceiling, or both; a unit given once goes for both numbers."""
    made = quantities.bound(text, quantities.rate, "1 Gbit/s")
    assert made == Bound(text, *bound)


@pytest.mark.parametrize("text", ["1 Gbit/s", "at least", "more than 1mbit", "100 to 90 mbit", ""])
def test_what_is_no_bound(text: str) -> None:
    """A figure alone doesn't say on which side of it; a range goes up."""
    with pytest.raises(Wrong):
        quantities.bound(text, quantities.rate, "1 Gbit/s")


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("> 1.0x", (1.0, None)),
        (">= 2x", (2.0, None)),
        ("<1.1x", (None, 1.1)),
        ("> 10%", (1.1, None)),
        ("0.9x to 1.1x", (0.9, 1.1)),
    ],
)
def test_ratios(text: str, bound: tuple[float | None, float | None]) -> None:
    """A ratio is to be above, below or between."""
    assert quantities.ratio(text) == Bound(text, *bound)


@pytest.mark.parametrize("text", ["1.0x", "> 1", "faster", "2x to 1x", "> "])
def test_what_is_no_ratio(text: str) -> None:
    """A factor has an x, and says on which side of it."""
    with pytest.raises(Wrong):
        quantities.ratio(text)


@pytest.mark.parametrize(
    ("value", "limit"),
    [
        ("100mbit", Limit("tbf", 10**8, 50000, 625000)),
        ("1mbit", Limit("tbf", 10**6, 16384, 65536)),
        ({"rate": "1gbit", "kind": "htb", "burst": "64k", "queue": "1M"}, Limit("htb", 10**9, 65536, 1 << 20)),
        ("none", False),
    ],
)
def test_limits(value: Any, limit: Limit | bool) -> None:
    """A rate is enough; burst and queue follow from it; none takes a limit away."""
    assert quantities.limit(value) == limit


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"rate": "1mbit", "bust": "1k"}, "unknown key 'bust'"),
        ({"kind": "tbf"}, "'rate' is missing"),
        ({"rate": "1mbit", "kind": "cake"}, "no kind of limit"),
        ({"rate": "1mbit", "burst": "100"}, "burst: 100 bytes"),
        ("100", "less than a frame in a second"),
        (["1mbit"], "must be a rate"),
    ],
)
def test_what_is_no_limit(value: Any, message: str) -> None:
    """Each fault of a limit says what it is."""
    with pytest.raises(Wrong, match=message):
        quantities.limit(value)
