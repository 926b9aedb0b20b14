"""Sending many probes from two processors at once: a flooded ARP request is mostly the kernel's work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from netlab.agent.probe.arena import Pair


def send_from_two(send: Callable[[Pair], None], pairs: Sequence[Pair]) -> None:
    """Call ``send`` with every pair, half of them in a thread of its own; what either half raises is raised here."""
    failure: list[BaseException] = []

    def help_out() -> None:
        try:
            for pair in pairs[1::2]:
                send(pair)
        except BaseException as error:  # handed to the caller, whatever it is
            failure.append(error)

    helper = threading.Thread(target=help_out)
    helper.start()
    try:
        for pair in pairs[0::2]:
            send(pair)
    finally:
        helper.join()
    if failure:
        raise failure[0]
