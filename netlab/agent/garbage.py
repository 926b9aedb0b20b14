"""When the agent collects garbage (objects that refer to each other): between requests.

A collection in the middle of a wave takes milliseconds, in which frames wait. So Python's automatic one is off, and the
loop collects while no answer is due. Labs, and the probers of their steps, are such objects.
"""

from __future__ import annotations

import gc

#: So many more containers than after the last collection: about 2 MB, or 400 pings.
DUE = 20_000


def begin() -> None:
    """Call once, when everything is imported: it stays, and is looked at no more."""
    gc.disable()
    gc.freeze()


def is_due() -> bool:
    """Whether enough was made since the last collection. (Python counts even where it does not collect.)"""
    return gc.get_count()[0] > DUE


def collect() -> None:
    gc.collect()
