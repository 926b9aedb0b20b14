"""Which YAML files in a folder called topologies are netlab's: other programs use such folders, too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

#: Top-level keys of a netlab topology (it must have one of them), and one of another program's (containerlab).
OURS, THEIRS = {"hosts", "switches"}, {"topology"}
#: A top-level key in block style (nested keys and text are indented). It is found in files that aren't valid YAML, too.
_KEY = re.compile(r"^[\"']?(\w+)[\"']?[ \t]*:(?=\s|$)", re.MULTILINE)
#: What comes before a document in flow style: a mark of the encoding, directives, comments.
_FLOW = re.compile(r"\ufeff?(?:[ \t]*(?:[%#].*|---)?\r?\n)*\s*(?:---\s*)?\{")
#: So much of a file is looked at.
_ENOUGH = 1 << 20


def is_topology(path: Path) -> bool:
    """Whether a file has the top-level keys of a netlab topology, even if the rest of it is wrong.

    Raises OSError.
    """
    with path.open("rb") as file:
        text = file.read(_ENOUGH).decode("utf-8-sig", "replace")
    keys = set(_flow_keys(text) if _FLOW.match(text) else _KEY.findall(text))
    return bool(keys & OURS) and not keys & THEIRS


def _flow_keys(text: str) -> Iterator[str]:
    """The keys at the top of a mapping in flow style, as far as it is YAML."""
    import yaml

    depth, key = 0, True
    try:
        for event in yaml.parse(text, yaml.SafeLoader):
            if isinstance(event, yaml.NodeEvent) and depth == 1:
                if key and isinstance(event, yaml.ScalarEvent):
                    yield event.value
                key = not key
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.YAMLError:
        # What came before the fault counts.
        return
