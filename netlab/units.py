"""Figures with units, for people."""

from __future__ import annotations


def bits(value: float) -> str:
    """Bits per second: ``9.41 Gbit/s``."""
    for unit, size in (("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3)):
        if value >= size:
            return f"{digits(value / size)} {unit}"
    return f"{value:.0f} bit/s"


def seconds(value: float) -> str:
    """Seconds: ``23.1 us``."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{digits(value / size)} {unit}"
    return f"{digits(value * 1e6)} us"


def cpu(value: float) -> str:
    """Processor seconds for each gigabyte: ``0.53 CPU s/GB``."""
    return f"{value:.2f} CPU s/GB"


def digits(value: float) -> str:
    """Three significant digits: ``9.41``, ``94.1``, ``941``, ``9412``."""
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"
