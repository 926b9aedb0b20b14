"""netlab's dataclasses behave as the standard library's; only making them is quicker."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

import netlab
from netlab.contract.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Value:
    """A value as rooms exchange them."""

    name: str
    size: int = 1
    note: str = dataclasses.field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Wider(Value):
    """A value with a field more."""

    more: tuple[int, ...] = ()


@dataclass
class State:
    """Something that changes."""

    name: str
    seen: int = 0


@dataclass(frozen=True)
class Empty:
    """A value without fields."""


def test_values_with_equal_fields_are_one_key() -> None:
    """Equal values have equal hashes; a field that is not compared makes no difference, another does."""
    assert Value("a", note="x") == Value("a", note="y")
    assert len({Value("a", note="x"), Value("a", note="y"), Value("a", 2), Value("b")}) == 3
    assert Empty() == Empty()
    assert len({Empty(), Empty()}) == 1


def test_values_of_different_classes_differ() -> None:
    """A value is never equal to one of a class above or below, nor to something that is no value."""
    assert Value("a") != Wider("a")
    assert Wider("a") != Value("a")
    assert Wider("a", more=(1,)) != Wider("a", more=(2,))
    assert Value("a") != ("a", 1)


def test_what_changes_is_no_key() -> None:
    """A dataclass that isn't frozen is compared by its fields, and can't be hashed."""
    assert State("a", 1) == State("a", 1)
    assert State("a", 1) != State("a", 2)
    with pytest.raises(TypeError, match="unhashable"):
        hash(State("a"))


def test_a_value_is_shown_with_its_fields() -> None:
    """The text of a value is what would make it, without fields that are not to be shown."""
    assert repr(Wider("a", 2, "x", (1,))) == "Wider(name='a', size=2, more=(1,))"


def test_the_standard_functions_know_them() -> None:
    """Replacing, listing fields and turning a value into a dict work as they do for other dataclasses."""
    value = dataclasses.replace(Wider("a"), size=3)
    assert dataclasses.asdict(value) == {"name": "a", "size": 3, "note": "", "more": ()}
    assert not hasattr(value, "__dict__")


def test_the_package_makes_its_dataclasses_quickly() -> None:
    """No module takes `dataclass` from the standard library, but those whose values are ordered."""
    package = Path(netlab.__file__).parent
    slow = [
        path
        for path in package.rglob("*.py")
        if re.search(r"^from dataclasses import .*\bdataclass\b", path.read_text(), re.M)
    ]
    assert [str(path.relative_to(package)) for path in slow if "order=True" not in path.read_text()] == []
