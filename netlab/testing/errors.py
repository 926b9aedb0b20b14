"""What a test can see go wrong that is neither the machine's fault nor the file's."""

from __future__ import annotations

import shlex
import subprocess

#: So much of each output stands in the message; the exception has it all.
SHOWN = 4000


class CommandFailed(subprocess.CalledProcessError):
    """A command inside a lab ended with another status than 0; ``stdout`` and ``stderr`` hold what it wrote."""

    def __init__(self, place: str, argv: list[str], status: int, stdout: str | bytes, stderr: str | bytes) -> None:
        super().__init__(status, argv, stdout, stderr)
        self.place = place

    def __str__(self) -> str:
        how = f"was ended by signal {-self.returncode}" if self.returncode < 0 else f"ended with {self.returncode}"
        parts = [f"{self.place}: {shlex.join(self.cmd)} {how}"]
        for name, output in (("stdout", self.stdout), ("stderr", self.stderr)):
            text = output.decode(errors="replace") if isinstance(output, bytes) else output
            if text.strip():
                parts.append(f"--- {name} ---\n{_tail(text.rstrip())}")
        return "\n".join(parts)


class DaemonFailed(RuntimeError):
    """A daemon has ended before it was ready, or isn't ready in time; ``output`` holds its last lines."""

    def __init__(self, what: str, output: str) -> None:
        super().__init__(f"{what}\n--- its last lines ---\n{output}" if output.strip() else f"{what}; it said nothing")
        self.output = output


class ExpectationFailed(AssertionError):
    """What was observed in a lab is not what the test says. The message has the matrix, the rule, the frames."""


class Inconclusive(ExpectationFailed):
    """Nothing could be proved either way: frames were lost, a link did not settle, or two tries differed."""


def _tail(text: str) -> str:
    return text if len(text) <= SHOWN else f"… {text[-SHOWN:]}"
