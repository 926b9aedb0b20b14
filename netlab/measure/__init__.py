"""Measuring from the front: what a tool said becomes a sample, one measurement after the other, never two at a time."""

from netlab.measure.lock import Lock

__all__ = ["Lock"]
