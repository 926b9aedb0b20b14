"""The JSON Schema for editors, judged by an independent validator."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from netlab.spec import json_schema, shipped
from netlab.spec.schema import Topology


def yaml12(node: Node) -> Any:
    """A YAML node with the types of YAML 1.2's core schema, as an editor sees it."""
    if isinstance(node, MappingNode):
        return {key.value: yaml12(value) for key, value in node.value}
    if isinstance(node, SequenceNode):
        return [yaml12(item) for item in node.value]
    assert isinstance(node, ScalarNode)
    text: str = node.value
    if node.style is not None:
        return text
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else text


def errors(text: str) -> list[str]:
    """What the validator says of a text."""
    document = yaml12(yaml.compose(text, Loader=yaml.SafeLoader))
    return [error.message for error in Draft202012Validator(json_schema()).iter_errors(document)]


def test_it_is_a_schema_of_the_2020_12_draft() -> None:
    """The schema says its dialect and is valid in it."""
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_what_ships_is_valid(path: Any) -> None:
    """Every topology that ships is valid."""
    assert errors(path.read_text()) == []


def test_every_key_is_described() -> None:
    """Each key of each section has a description that an editor can show."""
    schema = json_schema()
    sections = {"Topology": schema, **schema["$defs"]}
    bare = [
        f"{name}.{key}"
        for name, section in sections.items()
        for key, part in section["properties"].items()
        if not part.get("description")
    ]
    assert bare == []
    assert set(schema["properties"]) == set(Topology.model_fields)


@pytest.mark.parametrize(
    "text",
    [
        "switches: {lan: }\nhosts: {A: , B: ~}\n",
        "hosts: {A: {interfaces: {e: {switch: 1, port: {hairpin: on, learning: false}, mtu: 1400}}}}\n",
        "hosts: {A: {rules: [{from: 10.0.0.1, table: 7}, {to: 10.0.0.0/8, table: main}]}}\n",
        "hosts: {}\nexpect: [A -> B: reachable, 'A -> B: reachable', {from: A, to: B, is: unreachable}]\n",
        "hosts: {}\nclaim: {number: 1, says: x, test: {s: [A -> B: reachable]}}\n",
    ],
)
def test_what_is_valid(text: str) -> None:
    """Empty sections, on and off, numbers for names, and every form of an expectation are valid."""
    assert errors(text) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("name: x\n", "'hosts' is a required property"),
        ("hosts: {}\nhost: {}\n", "'host' was unexpected"),
        ("hosts: {A: {interfaces: {e: {type: wifi}}}}\n", "is not valid"),
        ("hosts: {}\nsteps: [{description: x}]\n", "is not valid"),
        ("hosts: {}\nexpect: A -> B\n", "is not valid"),
    ],
)
def test_what_is_not_valid(text: str, what: str) -> None:
    """Faults that an editor should underline are found."""
    assert any(what in message for message in errors(text)), errors(text)
