"""Captures of a whole run: what passes each parent and each switch port of a lab, a pcapng file for each.

The agent listens and writes (`netlab.agent.capture`); this side opens the files. A capture sees what its
interface sends and receives, and changes nothing: no promiscuity, no filter.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from netlab.client.errors import LabError
from netlab.contract.types import Plan, ends
from netlab.errors import CANNOT_RUN, ReportError
from netlab.report.folder import Folder
from netlab.report.write import capture_name

if TYPE_CHECKING:
    from netlab.client import Lab

#: Files of one request: descriptors that can travel beside a message are limited (`netlab.contract.wire.MAX_FDS`).
_AT_ONCE = 200


def taps(plan: Plan) -> list[str]:
    """Every parent and every switch port that there is in any step, links between switches included."""
    links = (link for step in plan.steps for link in step.state.links if link.plugs)
    return list(dict.fromkeys(place for link in links for place in ends(link)))


@contextlib.contextmanager
def capturing(lab: Lab, plan: Plan, folder: Folder) -> Iterator[None]:
    """Capture at every tap of a lab while the block runs, from its first step on, into files of ``folder``.

    Raises ReportError: the folder or a file can't be made, or not be written to its end.
    """
    folder.make()
    names = [place for place in taps(plan) if lab.watches(place)]
    with contextlib.ExitStack() as stack:
        files: list[BinaryIO] = []
        for name in names:
            files.append(stack.enter_context(folder.created(capture_name(name))))
        captures = [
            lab.capture(names[start : start + _AT_ONCE], [file.fileno() for file in files[start : start + _AT_ONCE]])
            for start in range(0, len(names), _AT_ONCE)
        ]
        yield
        for capture in captures:
            try:
                capture.stop()
            except LabError as error:
                raise ReportError(f"{folder}: the captures are not whole: {error}", exit_code=CANNOT_RUN) from error
