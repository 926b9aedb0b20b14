"""Start the agent where a command wants it: on the machine's own kernel, or in a guest with another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netlab.client.agent import Agent, Log
from netlab.client.errors import CannotRun
from netlab.contract.kernels import OWN

if TYPE_CHECKING:
    from netlab.kernels import Choice


def start(kernel: Choice | None = None, on_log: Log | None = None) -> Agent:
    """Start an agent on a kernel (None: the machine's own); returns at once. Raises CannotRun.

    Whether the machine allows it may show only with the first answer.
    """
    if kernel is None or kernel.kernel == OWN:
        return Agent.start(on_log)
    from netlab import kernels
    from netlab.client.guest import Guest

    try:
        chosen = kernels.choose(kernel.kernel)
        return Guest.boot(kernel.told(chosen), chosen.facts.version, on_log)
    except kernels.KernelError as error:
        raise CannotRun(str(error), error.fix) from error
