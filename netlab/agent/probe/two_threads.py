"""Sending many probes from two processors at once: each is mostly the kernel's work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def from_two(work: Callable[[T], None], items: Sequence[T]) -> None:
    """Call ``work`` with every item, for half of them in another thread; errors of both halves are raised here."""
    failure: list[BaseException] = []

    def help_out() -> None:
        try:
            for item in items[1::2]:
                work(item)
        except BaseException as error:  # handed to the caller, whatever it is
            failure.append(error)

    helper = threading.Thread(target=help_out)
    helper.start()
    try:
        for item in items[0::2]:
            work(item)
    finally:
        helper.join()
    if failure:
        raise failure[0]
