"""Several hunts side by side, each in a process of its own."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Iterator, Set
from pathlib import Path
from queue import Empty
from typing import Any

from netlab.kernels import Choice
from tests.fuzz.hunt import Find, hunt
from tests.fuzz.tickets import Tickets


def side_by_side(
    seed: str, has: Set[str], number: int, jobs: int, save: Path | None, kernel: Choice | None = None, part: int = 1
) -> Iterator[Find]:
    """What ``jobs`` workers find in ``number`` topologies with links that the kernel ``has``, as it comes; of each a
    random ``part``-th of the layers is probed."""
    jobs = max(1, min(jobs, number))
    context = multiprocessing.get_context("spawn")
    queue: Any = context.Queue()
    tickets = Tickets(number, context)
    workers = [context.Process(target=work, args=(queue, seed, has, tickets, save, kernel, part)) for _ in range(jobs)]
    for worker in workers:
        worker.start()
    try:
        while number:
            find = _next(queue, workers)
            number -= not find.outcome.stormy
            yield find
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _next(queue: Any, workers: list[Any]) -> Find:
    while True:
        ended = not any(worker.is_alive() for worker in workers)
        try:
            find: Find = queue.get(timeout=1)
            return find
        except Empty:
            if ended:
                raise RuntimeError("the workers have ended before their work was done") from None


def work(
    queue: Any, seed: str, has: Set[str], tickets: Tickets, save: Path | None, kernel: Choice | None, part: int
) -> None:
    """One worker. It ends with its parent, however that ends."""
    # A model leaves some hundred objects that refer to each other: to look for them every 700 isn't worth its time.
    gc.set_threshold(50_000)
    parent = os.getppid()
    for find in hunt(seed, has, tickets, save, kernel, part):
        if os.getppid() != parent:
            queue.cancel_join_thread()
            return
        queue.put(find)
    queue.close()
    queue.join_thread()
