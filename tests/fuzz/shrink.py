"""From a topology in which model and kernel differ to a smallest one in which they still do."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from tests.fuzz.lan import Document

Path = tuple[str | int, ...]


def shrink(document: Document, holds: Callable[[Document], bool], tries: int = 400) -> Document:
    """The smallest document that is found, by leaving out one thing after the other, and of which ``holds`` is true.

    ``holds`` must be False for what is no valid topology; it is asked at most ``tries`` times.
    """
    best = document
    progress = True
    while progress:
        progress = False
        for path in list(_removable(best)):
            smaller = without(best, path)
            if smaller is None:
                continue
            if tries <= 0:
                return best
            tries -= 1
            if holds(smaller):
                best = smaller
                progress = True
    return best


def _removable(node: Any, path: Path = ()) -> Iterator[Path]:
    """Paths of what can be left out: the outer first, the later first among equals."""
    items = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    for key, _ in reversed(items):
        if (*path, key) not in (("name",), ("hosts",), ("switches",)):
            yield (*path, key)
    for key, value in reversed(items):
        yield from _removable(value, (*path, key))


def without(document: Document, path: Path) -> Document | None:
    """The document without what is at a path, and without what spoke of it; None where the path leads nowhere."""
    made = copy.deepcopy(document)
    node: Any = made
    for part in path[:-1]:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return None
    try:
        del node[path[-1]]
    except (KeyError, IndexError, TypeError):
        return None
    _tidy(made)
    return made


def interfaces(document: Document) -> set[str]:
    """The ids of all interfaces that a document makes, in its steps too."""
    found: set[str] = set()
    for part in (document, *(step.get("add", {}) for step in document.get("steps", ()))):
        for host, given in part.get("hosts", {}).items():
            found |= {f"{host}:{name}" for name in given.get("interfaces", {})}
            for inside, box in given.get("containers", {}).items():
                found |= {f"{host}/{inside}:{name}" for name in box.get("interfaces", {})}
    return found


def _tidy(document: Document) -> None:
    """Drop what refers to interfaces that are no more, children without their parent, and empty parts."""
    while True:
        there = interfaces(document)
        spaces = {name.partition(":")[0] for name in there}
        if not _orphans(document, there):
            break
    _names(document, there)
    for step in list(document.get("steps", ())):
        targets = step.get("set", {})
        for target in list(targets):
            known = there | spaces | {name.partition("/")[0] for name in spaces} | set(document["switches"])
            if target not in known or not targets[target]:
                del targets[target]
        gone = [one for one in step.get("delete", ()) if one in there]
        if "delete" in step:
            step["delete"] = gone
        if "expect" in step:
            step["expect"] = [one for one in step["expect"] if next(iter(one), None) in targets]
        for key in ("set", "delete", "add", "expect"):
            if key in step and not step[key]:
                del step[key]
    if "expect" in document:
        kept = [one for one in document["expect"] if next(iter(one), None) in there]
        document["expect"] = kept
        if not kept:
            del document["expect"]
    for switch in document["switches"].values():
        if "links" in switch:
            switch["links"] = [one for one in switch["links"] if one in document["switches"]]
    for part in (document, *(step.get("add", {}) for step in document.get("steps", ()))):
        for host in list(part.get("hosts", {})):
            given = part["hosts"][host]
            for inside in list(given.get("containers", {})):
                if not given["containers"][inside].get("interfaces"):
                    del given["containers"][inside]
            if not given.get("containers"):
                given.pop("containers", None)
            if not given.get("interfaces") and "containers" not in given:
                del part["hosts"][host]


def _orphans(document: Document, there: set[str]) -> bool:
    """Leave out children whose parent has gone, and what else hung on it; whether there were any."""
    found = False
    for part in (document, *(step.get("add", {}) for step in document.get("steps", ()))):
        for host, given in part.get("hosts", {}).items():
            for box in (given, *given.get("containers", {}).values()):
                for name in list(box.get("interfaces", {})):
                    given = box["interfaces"][name]
                    needed = [f"{host}:{given[key]}" for key in ("parent", "bridge") if key in given]
                    needed += [given["peer"]] if "peer" in given else []
                    if any(one not in there for one in needed):
                        del box["interfaces"][name]
                        found = True
                    elif "master" in given and f"{host}:{given['master']}" not in there:
                        del given["master"]
    return found


def _names(node: Any, there: set[str]) -> None:
    """Leave out MACs that are given as the name of an interface which has gone."""
    if isinstance(node, list):
        for item in node:
            _names(item, there)
        return
    if not isinstance(node, dict):
        return
    for key, value in list(node.items()):
        if key == "neighbors" and isinstance(value, dict):
            node[key] = {ip: mac for ip, mac in value.items() if _known(mac, there)}
        elif key in ("fdb", "allowed_macs") and isinstance(value, list):
            node[key] = [mac for mac in value if _known(mac, there)]
        else:
            _names(value, there)


def _known(mac: str, there: set[str]) -> bool:
    return mac in there or mac.count(":") == 5
