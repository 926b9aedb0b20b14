"""What is assumed of a machine, and what of it the file doesn't have."""

from __future__ import annotations

import re

from netlab.live.reading import Left

_NUMBER = re.compile(r"\d+")


class Notes:
    """Both, in the order in which they come up."""

    def __init__(self) -> None:
        self.found: list[Left] = []
        self.assumed: list[str] = []

    def left(self, path: str, why: str, *, loses: bool = False, route: str = "") -> None:
        """Something of ``path`` (``web:eth0``) is left out; ``loses``: it may decide who reaches whom."""
        self.found.append(Left(None, path, _NUMBER.sub("*", path), why, loses=loses, route=route))

    def left_route(self, path: str, to: str, why: str) -> None:
        """A route of a namespace is left out."""
        self.left(path, f"route {to}: {why}", loses=True, route=to)

    def assume(self, sentence: str) -> None:
        """Something is assumed; the same is said once."""
        if sentence not in self.assumed:
            self.assumed.append(sentence)
