"""Descriptions with something changed: a file that can be read, or faults with their places."""

from __future__ import annotations

import copy
import os
import random
from typing import Any

import pytest
import yaml

from netlab import live, spec
from netlab.errors import UsageError
from netlab.spec import TopologyError
from tests.live.test_left import SAMPLES

#: What a value becomes.
OTHERS: list[Any] = [None, "", "x", "0", -1, 10**30, True, [], {}, ["x"], {"x": "y"}, [[]]]
OTHERS += ["::/0", "0.0.0.0/0", "10.0.0.0/31", "a name", "fe80::1", "224.0.0.1/24"]
EXAMPLES = int(os.environ.get("NETLAB_EXAMPLES", "60"))


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (mapping or list, key) in a value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [pair for key, child in pairs for pair in ((value, key), *places(child))]


@pytest.mark.parametrize("name", SAMPLES)
def test_whatever_is_changed_ends_well(name: str) -> None:
    """One to three values become others, or are gone: what is written loads, what isn't is told with its place."""
    form, said = SAMPLES[name]
    changed_ends_well(form, yaml.safe_load(said) if isinstance(said, str) else said, random.Random(name), EXAMPLES)


def unread(form: str, text: str) -> str | None:
    """What is wrong with a text, or with the file that is made of it; None where nothing is."""
    try:
        written = live.write(live.draft(live.read(form, text, "said"), "host"))
        spec.load(written, "written.yaml")
    except (TopologyError, UsageError) as error:
        return str(error)
    return None


def ends_well(kind: str, said: str) -> None:
    """Of a format in YAML: values become others, or are gone, 150 times; each is a file that loads, or a fault with its
    place.
    """
    changed_ends_well(kind, yaml.safe_load(said), random.Random(kind), 150)


def changed_ends_well(form: str, plain: Any, dice: random.Random, times: int) -> None:
    """One to three values of what a file says become others, or are gone, so many times."""
    for _ in range(times):
        changed = copy.deepcopy(plain)
        for _ in range(dice.randint(1, 3)):
            holder, key = dice.choice(places(changed) or [({"": 0}, "")])
            if dice.random() < 0.3:
                del holder[key]
            else:
                holder[key] = copy.deepcopy(dice.choice(OTHERS))
        text = yaml.safe_dump(changed, sort_keys=False)
        fault = unread(form, text)
        assert fault is None or fault.startswith("said:"), f"{fault}\nof\n{text}"
