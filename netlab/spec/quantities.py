"""Quantities with units: rates, sizes, times, and what they are to be at least and at most. Each raises `Wrong`.

Units are iproute2's and iperf3's: ``100mbit`` or ``100 Mbit/s``; sizes count in 1024 (``32k``, ``1M``), rates
in 1000; a bare number is bits per second, bytes or seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal

from netlab.contract.measures import Bound
from netlab.contract.types import Limit, Netem
from netlab.spec.problems import did_you_mean
from netlab.spec.scalars import Wrong, short, text

_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(?:bit(?:/s)?)?", re.IGNORECASE)
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmg]?)i?b?", re.IGNORECASE)
_TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|ms|us|µs|min)?")
_TIMES = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(x|×|%)")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_SECONDS = {None: 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "min": 60.0}
#: Longer texts are no quantities.
_LONGEST = 60


def _parts(value: object, form: re.Pattern[str], what: str, hint: str) -> re.Match[str]:
    """The parts of a text of this form."""
    word = text(value).strip()
    found = form.fullmatch(word) if len(word) <= _LONGEST else None
    if not found:
        raise Wrong(f"{short(word)} is not a {what}", hint)
    return found


def rate(value: object) -> int:
    """Bits per second: ``100mbit``, ``1.5 Gbit/s``."""
    bytes_ = re.search(r"bp?s\s*$|b/s\s*$", text(value), re.IGNORECASE)
    found = _parts(value, _RATE, "rate", "bits, not bytes: as in 100mbit" if bytes_ else "as in 100mbit")
    made: int = round(float(found[1]) * 1000 ** _POWERS[found[2].lower()])
    if not made:
        raise Wrong("a rate of 0 lets nothing through", "as in 100mbit")
    return made


def size(value: object) -> int:
    """Bytes: ``1448``, ``32k``, ``100M``."""
    found = _parts(value, _SIZE, "size", "a number of bytes, as in 1448 or 100M")
    made: int = round(float(found[1]) * 1024 ** _POWERS[found[2].lower()])
    return made


def seconds(value: object) -> float:
    """Seconds: ``2``, ``2s``, ``500ms``, ``20us``."""
    found = _parts(value, _TIME, "time", "as in 2s, 500ms or 20us")
    return float(found[1]) * _SECONDS[found[2]]


def times(value: object) -> float:
    """A factor: ``1.5x``; ``50%`` is 1.5, too."""
    found = _parts(value, _TIMES, "factor", "as in 1.5x, or 50%")
    return 1 + float(found[1]) / 100 if found[2] == "%" else float(found[1])


def bound(value: object, quantity: Callable[[object], float], example: str) -> Bound:
    """``at least Q``, ``at most Q``, or ``Q to Q``."""
    word = text(value).strip()
    if found := re.fullmatch(r"at\s+(least|most)\s+(.+)", word):
        limit = float(quantity(found[2]))
        return Bound(word, limit, None) if found[1] == "least" else Bound(word, None, limit)
    low, to, high = re.sub(r"\s+", " ", word).partition(" to ")
    if to:
        if re.fullmatch(r"[0-9.]+", low) and (unit := re.search(r"[^0-9.\s].*", high)):
            low += unit[0]  # 90 to 100 Mbit/s
        least, most = float(quantity(low)), float(quantity(high))
        if least > most:
            raise Wrong(f"{short(word)}: the first is more than the second", f"{high} to {low}")
        return Bound(word, least, most)
    raise Wrong(f"{short(word)} is not a bound", f"as in 'at least {example}', 'at most {example}'")


def ratio(value: object) -> Bound:
    """``> 1.0x``, ``< 2x``, ``0.9x to 1.1x``; ``> 10%`` is ``> 1.1x``."""
    word = text(value).strip()
    if found := re.fullmatch(r"([<>])=?\s*(.+)", word):
        limit = times(found[2])
        return Bound(word, limit, None) if found[1] == ">" else Bound(word, None, limit)
    low, to, high = re.sub(r"\s+", " ", word).partition(" to ")
    if to:
        least, most = times(low), times(high)
        if least >= most:
            raise Wrong(f"{short(word)}: the first is not less than the second", f"{high} to {low}")
        return Bound(word, least, most)
    raise Wrong(f"{short(word)} is not a bound of a ratio", "as in '> 1.0x' or '0.9x to 1.1x'")


def claimed(value: object) -> tuple[tuple[str, Bound | None], ...]:
    """Comparisons by name, each by the bound that it has itself, or by another: ``{name: '> 1.5x'}``."""
    if isinstance(value, Mapping):
        return tuple((str(name), ratio(given)) for name, given in value.items())
    if not isinstance(value, list) or not value:
        raise Wrong("must be names of comparisons", "as in [a beats b], or {a beats b: '> 1.5x'}")
    return tuple((text(name), None) for name in value)


def limit(value: object) -> Limit | Literal[False]:
    """``100mbit``, or ``{rate: 100mbit, kind: htb, burst: 50k, queue: 1M}``; ``none`` is False: no limit (any more).

    A burst of 4 ms and a queue of 50 ms are the defaults.
    """
    if isinstance(value, str):
        if value == "none":
            return False
        value = {"rate": value}
    if not isinstance(value, Mapping):
        raise Wrong("must be a rate, or a mapping", "as in 100mbit")
    _check_keys(value, ("rate", "kind", "burst", "queue"))
    if "rate" not in value:
        raise Wrong("'rate' is missing", "as in {rate: 100mbit}")
    bits = rate(value["rate"])
    if bits < 8000:
        raise Wrong(f"{bits} bits per second are less than a frame in a second", "at least 8kbit")
    kind = text(value.get("kind", "tbf"))
    if kind not in ("tbf", "htb"):
        raise Wrong(f"{short(kind)} is no kind of limit", "tbf or htb")
    burst = size(value["burst"]) if "burst" in value else max(bits // 2000, 16 << 10)
    queue = size(value["queue"]) if "queue" in value else max(bits // 160, 64 << 10)
    for name, bytes_ in (("burst", burst), ("queue", queue)):
        if not 1514 <= bytes_ <= 1 << 31:
            raise Wrong(f"{name}: {bytes_} bytes are out of range", "1514 (a frame) to 2G")
    return Limit("htb" if kind == "htb" else "tbf", bits, burst, queue)


def _check_keys(given: Iterable[object], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            raise Wrong(f"unknown key {str(name)[:60]!r}", did_you_mean(str(name), known))


def netem(value: object) -> Netem | Literal[False]:
    """``{delay: 50ms, jitter: 5ms, loss: 1%, duplicate: 1%, reorder: 25%, rate: 10mbit}``; ``none`` is False."""
    if value == "none":
        return False
    if not isinstance(value, Mapping) or not value:
        raise Wrong("must be a mapping, or none", "as in {delay: 50ms, loss: 1%}")
    _check_keys(value, NETEM)
    try:
        made = Netem(**{name: NETEM[name](given) for name, given in value.items()})
    except Wrong as wrong:
        raise Wrong(f"netem: {wrong}", wrong.hint) from None
    if made.reorder and not made.delay:
        raise Wrong("netem: 'reorder' needs a delay", "as in {delay: 10ms, reorder: 25%}")
    if made.jitter > made.delay:
        raise Wrong("netem: the jitter is more than the delay", "as in {delay: 10ms, jitter: 2ms}")
    return made


def _nanoseconds(value: object) -> int:
    made = round(seconds(value) * 1e9)
    if made > 60e9:
        raise Wrong(f"{short(text(value))} is more than a minute", "as in 50ms")
    return made


def _part(value: object) -> float:
    word = text(value).strip()
    found = _PART.fullmatch(word)
    if not found or float(found[1]) > 100:
        raise Wrong(f"{short(word)} is no part of the frames", "0% to 100%, as in 1%")
    return float(found[1]) / 100


_PART = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?)\s*%")
#: The keys of ``netem:``, and what reads each.
NETEM: dict[str, Callable[[object], Any]] = {
    "delay": _nanoseconds, "jitter": _nanoseconds, "loss": _part, "duplicate": _part, "reorder": _part, "rate": rate,
}  # fmt: skip
