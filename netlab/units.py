"""Figures with units, for people."""

from __future__ import annotations

from collections.abc import Callable

Unit = tuple[str, float]

#: The units of a rate and of a time, the largest first.
RATES: tuple[Unit, ...] = (("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3), ("bit/s", 1.0))
TIMES: tuple[Unit, ...] = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6))


def unit(value: float, units: tuple[Unit, ...]) -> Unit:
    """The largest unit that goes into a value; the smallest there is where none does."""
    return next((one for one in units if value >= one[1]), units[-1])


def bits(value: float) -> str:
    """Bits per second: ``9.41 Gbit/s``."""
    name, size = unit(value, RATES)
    return f"{digits(value / size) if size > 1 else f'{value:.0f}'} {name}"


def seconds(value: float) -> str:
    """Seconds: ``23.1 us``."""
    name, size = unit(value, TIMES)
    return f"{digits(value / size)} {name}"


def cpu(value: float) -> str:
    """Processor seconds for each gigabyte: ``0.53 CPU s/GB``."""
    return f"{value:.2f} CPU s/GB"


def digits(value: float) -> str:
    """Three significant digits: ``9.41``, ``94.1``, ``941``, ``9412``."""
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


#: How a figure of each metric is told.
TEXT: dict[str, Callable[[float], str]] = {"throughput": bits, "latency": seconds, "cpu": cpu}
