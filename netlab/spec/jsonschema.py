"""The JSON Schema of a topology file, from the typed schema: for editors that check a file as it is written."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from netlab.contract.types.links import INTERFACES
from netlab.spec.schema import Topology

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    """Leaves out the titles that pydantic makes from field names: editors would show these instead of descriptions."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> Any:
        """Without defaults: null means nothing here, and older releases of pydantic can't write down models."""
        return self.generate_inner(schema["schema"])


def build() -> dict[str, Any]:
    """The schema as a JSON-compatible value."""
    from netlab.spec.measure_schema import json_schema
    from netlab.spec.measurements import SECTIONS

    schema = Topology.model_json_schema(schema_generator=_Generator, mode="validation", by_alias=True)
    for name, model in schema["$defs"].items():
        model.pop("title", None)
        for key, part in model.get("properties", {}).items():
            model["properties"][key] = _mended(part)
        if name == "Interface":
            model["properties"]["type"] = {"enum": list(INTERFACES), **_described(model["properties"]["type"])}
    for holder in (schema, schema["$defs"]["Step"]):
        for key in SECTIONS:
            holder["properties"][key] = {**holder["properties"][key], **json_schema(key)}
    for key, part in schema["properties"].items():
        schema["properties"][key] = _mended(part)
    schema["title"] = "netlab topology"
    return {"$schema": DIALECT, **schema}


def _described(part: dict[str, Any]) -> dict[str, Any]:
    return {"description": part["description"]} if "description" in part else {}


def _mended(part: dict[str, Any]) -> dict[str, Any]:
    """An optional key doesn't take null, except where a section may be empty, as in ``lan:``."""
    part = {key: value for key, value in part.items() if key != "default"}
    # Of a reference alone pydantic before 2.10 makes an allOf.
    kinds = [kind for kind in part.pop("anyOf", part.pop("allOf", [])) if kind != {"type": "null"}]
    if len(kinds) == 1:
        part = {**kinds[0], **part}
    elif kinds:
        part["anyOf"] = kinds
    return _with_empty(part)


def _with_empty(part: dict[str, Any]) -> dict[str, Any]:
    """The same, with an empty section allowed wherever one can stand."""
    inner = part.get("additionalProperties")
    if isinstance(inner, dict):
        part = {**part, "additionalProperties": _with_empty(inner)}
    if "$ref" in part or part.get("type") in ("object", "array"):
        description = _described(part)
        return {
            "anyOf": [{key: value for key, value in part.items() if key != "description"}, {"type": "null"}],
            **description,
        }
    return part
