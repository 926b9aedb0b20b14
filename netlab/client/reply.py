"""An answer that is still to come."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")
#: `Agent.request`: what is asked for, and its values by name.
Ask = Callable[..., "Reply[Any]"]
#: Is told of the progress of a long request.
Progress = Callable[[dict[str, Any]], None]


class Reply(Generic[T]):
    """The answer to a request that was sent. `result` waits for it; it can be asked from any thread."""

    def __init__(
        self,
        convert: Callable[[Any, list[int]], T],
        number: int = 0,
        on_progress: Progress | None = None,
    ) -> None:
        self.number = number
        self.on_progress = on_progress
        self._convert = convert
        self._done = threading.Event()
        self._raw: tuple[Any, list[int]] | None = None
        self._error: Exception | None = None
        self._value: T | None = None

    def result(self, timeout: float | None = None) -> T:
        """The converted answer. Raises the LabError that the agent reported, TimeoutError after ``timeout`` seconds."""
        __tracebackhide__ = True
        if not self._done.wait(timeout):
            raise TimeoutError("the agent has not answered yet")
        if self._error is not None:
            raise self._error
        if self._raw is not None:
            raw, self._raw = self._raw, None
            self._value = self._convert(*raw)
        return self._value  # type: ignore[return-value]

    def resolve(self, result: Any, fds: list[int]) -> None:
        """Called by the reader of the stream."""
        self._raw = (result, fds)
        self._done.set()

    def fail(self, error: Exception) -> None:
        """Called by the reader of the stream."""
        self._error = error
        self._done.set()
