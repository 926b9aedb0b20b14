"""Dataclasses that are made quickly: every command makes most of them as it starts.

The standard library compiles up to six functions for each class. Here only ``__init__`` is compiled; the others are
shared. ``frozen`` is checked by mypy alone, which lets ``__init__`` set fields in the plain way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    import dataclasses
    from operator import attrgetter

    def dataclass(cls=None, /, *, frozen=False, eq=True, **options):
        """`dataclasses.dataclass` without ``order``; no class may have an ``__eq__`` or ``__hash__`` of its own."""

        def make(cls):
            made = dataclasses.dataclass(cls, eq=False, repr=False, **options)
            if "__repr__" not in vars(cls):
                made.__repr__ = _repr
            if eq:
                compared = [one.name for one in dataclasses.fields(made) if one.compare]
                made.__eq__, made.__hash__ = _comparison(attrgetter(*compared) if compared else type)
                if not frozen:
                    made.__hash__ = None
            return made

        return make if cls is None else make(cls)

    def _comparison(key):
        def equal(self, other):
            return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

        def hashed(self):
            return hash(key(self))

        return equal, hashed

    def _repr(self):
        shown = (f"{one.name}={getattr(self, one.name)!r}" for one in dataclasses.fields(self) if one.repr)
        return f"{self.__class__.__qualname__}({', '.join(shown)})"
