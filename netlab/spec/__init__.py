"""The topology file: from text to a typed, checked `Spec`, with the place of everything in it.

Importing this package costs nothing; pydantic and PyYAML come with the first `load`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netlab.spec.finding import find, shipped
from netlab.spec.problems import Problem, TopologyError

if TYPE_CHECKING:
    from pathlib import Path

    from netlab.spec.loader import Spec

__all__ = ["Problem", "Spec", "TopologyError", "find", "json_schema", "load", "shipped"]


def load(source: Path | str, name: str | None = None) -> Spec:
    """Read and check a topology file: a path (``-``: standard input), or its text and a ``name``.

    A `str` is text where a ``name`` is given or it holds a line break. Raises TopologyError with everything
    that is wrong.
    """
    from netlab.spec import loader

    return loader.load(source, name)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a topology file, for editors."""
    from netlab.spec import jsonschema

    return jsonschema.build()


def __getattr__(name: str) -> Any:
    if name == "Spec":
        from netlab.spec.loader import Spec

        return Spec
    raise AttributeError(name)
