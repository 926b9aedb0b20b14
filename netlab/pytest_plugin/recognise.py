"""Which YAML files of a folder called topologies are netlab's: other programs keep theirs in such folders, too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

#: Keys that a topology of netlab has at its top (one of them it must have), and one of others' (containerlab's).
OURS, THEIRS = {"hosts", "switches"}, {"topology"}
#: A key at the top in block style: what is nested, or in a text, is indented. Found in a file that isn't YAML as well.
_KEY = re.compile(r"^[\"']?(\w+)[\"']?[ \t]*:(?=\s|$)", re.MULTILINE)
#: What comes before a document in flow style: a mark of the encoding, directives, comments.
_FLOW = re.compile(r"\ufeff?(?:[ \t]*(?:[%#].*|---)?\r?\n)*\s*(?:---\s*)?\{")
#: So much of a file is looked at.
_ENOUGH = 1 << 20


def is_topology(path: Path) -> bool:
    """Whether a file has what a topology of netlab has at its top, right or wrong as the rest of it may be.

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
