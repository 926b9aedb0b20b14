"""A topology file to a `Spec`: read, parse, check every value, keep the lines."""

from __future__ import annotations

import sys
import typing
from collections.abc import Iterable
from dataclasses import field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from netlab.contract.dataclass import dataclass
from netlab.contract.lacks import SCARCE
from netlab.contract.types import Where
from netlab.errors import CANNOT_RUN, FULL, WRONG, printable
from netlab.spec import beside, elsewhere, scalars, unsupported
from netlab.spec.expect import AnyEntry, parse_entries
from netlab.spec.measurements import NO_MEASUREMENTS, SECTIONS, Measurements
from netlab.spec.nodes import MAX_BYTES, Node, compose
from netlab.spec.problems import Problem, Problems, TopologyError, did_you_mean, near
from netlab.spec.scalars import Wrong
from netlab.spec.schema import Topology

Path_ = tuple["str | int", ...]


@dataclass(frozen=True)
class Spec:
    """A topology file, every value of it checked by itself. ``where`` gives the place of anything in it.

    ``expect`` holds the baseline's entries, ``step_expect`` those of each step in order, ``claim_tests``
    for each claim pairs of a step's name (and its place) and an entry; ``measure`` and ``step_measure`` hold
    what is to be measured. ``pruned`` holds the names of faulty parts that were left out (of
    `Faulty.rest`), ``hurt`` those of the parts that they belonged to (see `Problems`).
    """

    name: str
    file: str
    topology: Topology
    root: Node = field(repr=False)
    expect: tuple[AnyEntry, ...] = ()
    step_expect: tuple[tuple[AnyEntry, ...], ...] = ()
    claim_tests: tuple[tuple[tuple[str, Where, AnyEntry], ...], ...] = ()
    measure: Measurements = NO_MEASUREMENTS
    step_measure: tuple[Measurements, ...] = ()
    pruned: frozenset[str] = frozenset()
    hurt: frozenset[str] = frozenset()

    def where(self, *path: str | int, key: bool = True) -> Where:
        """The place of the key (without ``key``, of the value) at ``path``, or of the nearest that exists."""
        return locate(self.root, self.file, path, key=key)

    def text_where(self, *path: str | int) -> Where | None:
        """The place of the first character of the literal text at ``path``; None where there is no such text."""
        node = self.root.find(*path)
        return Where(self.file, *node.text) if node is not None and node.text is not None else None

    def keys(self, *path: str | int) -> tuple[str, ...]:
        """The keys of the mapping at ``path``, as written; none where there is no mapping."""
        node = self.root.find(*path)
        return tuple(node.value) if node is not None and isinstance(node.value, dict) else ()


def locate(root: Node, file: str, path: Iterable[str | int], *, key: bool = True) -> Where:
    """The place of the key or the value at ``path`` below ``root``, or of the nearest that exists."""
    node, name = root, root
    for part in path:
        value = node.value
        if isinstance(value, dict) and str(part) in value:
            node, name = value[str(part)], node.keys[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            node = name = value[part]
        else:
            break
    return (name if key else node).where(file)


class Faulty(TopologyError):
    """A topology file of which enough is left, without its faulty parts, to look for faults of meaning: ``rest``."""

    def __init__(self, problems: Iterable[Problem], rest: Spec) -> None:
        super().__init__(problems)
        self.rest = rest


def load(source: Path | str, name: str | None = None) -> Spec:
    """Read and check a topology file.

    ``source`` is a path (``-`` is standard input), or the text itself: a `str` that comes with a ``name`` or
    holds a line break is text. ``name`` stands for the file in messages. Raises TopologyError, which holds
    everything that is wrong.
    """
    folder = None
    if isinstance(source, str) and (name is not None or "\n" in source):
        file, text = name or "<text>", source
    else:
        folder = None if str(source) == "-" else Path(source).parent
        file = name or ("<stdin>" if str(source) == "-" else printable(str(source)))
        text = read(Path(source), file)
    problems = Problems()
    root = compose(text, file, problems)
    beside.take_in(root, file, folder, problems)
    return check(root, file, problems)


def read(path: Path, file: str) -> str:
    """The text of a file, in bounded memory; ``file`` stands for it in messages. Raises TopologyError."""
    start = Where(file, 1, 1)
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with path.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        code = CANNOT_RUN if error.errno in FULL | SCARCE else WRONG
        raise TopologyError([Problem(start, f"cannot be read: {error.strerror or error}")], exit_code=code) from error
    if len(data) > MAX_BYTES:
        raise TopologyError([Problem(start, f"the file is larger than {MAX_BYTES >> 20} MiB")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        raise TopologyError([Problem(Where(file, line, column), "not UTF-8", "save the file as UTF-8")]) from error


def check(root: Node, file: str, problems: Problems | None = None) -> Spec:
    """Check a tree of nodes, wherever it comes from, as `load` does. Raises TopologyError.

    ``problems`` are those that were found before.
    """
    problems = Problems() if problems is None else problems
    if not isinstance(root.value, dict):
        problems.add(root.where(file), "a topology is a mapping", "it begins with 'name:' or 'hosts:'")
        raise TopologyError(problems.found)
    unsupported.leave_out(root, file, problems)
    beside.take_in(root, file, None if file.startswith("<") else Path(file).parent, problems)
    topology = None
    for look in range(5):
        try:
            topology = Topology.model_validate(root.plainly())
            break
        except ValidationError as error:
            errors = error.errors(include_url=False)
            # The first look sees all there is; what the later ones find is what the pruning left.
            if look == 0:
                for fault in errors:
                    _report(fault, root, file, problems)
            _remember(errors, root, problems)
            if not _prune(root, [fault["loc"] for fault in errors]):
                break
            if "hosts" not in root.value:
                # Without a single host there is still something to say of the rest.
                root.value["hosts"] = root.keys["hosts"] = Node({}, root.line, root.column)
    spec = None
    if topology is not None:
        spec = _entries(topology, root, file, problems)
    if problems or spec is None:
        raise Faulty(problems.found, spec) if spec else TopologyError(problems.found)
    return spec


def _name(file: str) -> str:
    """The name of a topology that has none: its file's."""
    try:
        return scalars.title(Path(file).stem.strip("<>"))
    except Wrong:
        return "topology"


def _entries(topology: Topology, root: Node, file: str, problems: Problems) -> Spec:
    def parse(*path: str | int) -> tuple[AnyEntry, ...]:
        node = root.find(*path)
        return parse_entries(node, file, problems) if node is not None else ()

    claims: list[tuple[tuple[str, Where, AnyEntry], ...]] = []
    places: list[Path_] = [("claim",)] if topology.claim else []
    places += [("claims", i) for i in range(len(topology.claims))]
    for place in places:
        node = root.find(*place, "test")
        if node is None:
            if root.find(*place, "compare") is None:
                problems.add(locate(root, file, (*place, "test")), "'test' is missing", "a claim needs it")
            tests: tuple[tuple[str, Where, AnyEntry], ...] = ()
        elif isinstance(node.value, dict):
            tests = tuple(
                (step, node.keys[step].where(file), entry)
                for step in node.value
                for entry in parse(*place, "test", step)
            )
        elif isinstance(node.value, list):
            tests = tuple(("baseline", entry.where, entry) for entry in parse(*place, "test"))
        else:
            message = "a claim's test is a list of expectations, or a mapping of steps to such lists"
            problems.add(node.where(file), message)
            tests = ()
        claims.append(tests)
    measure = _measurements(root, file, problems)
    step_measure = tuple(_measurements(root.find("steps", i), file, problems) for i in range(len(topology.steps)))
    return Spec(
        name=topology.name or _name(file),
        file=file,
        topology=topology,
        root=root,
        expect=parse("expect"),
        step_expect=tuple(parse("steps", i, "expect") for i in range(len(topology.steps))),
        claim_tests=tuple(claims),
        measure=measure,
        step_measure=step_measure,
        pruned=frozenset(problems.gone),
        hurt=frozenset(problems.hurt),
    )


def _measurements(holder: Node | None, file: str, problems: Problems) -> Measurements:
    sections = {name: node for name in SECTIONS if holder and (node := holder.find(name))}
    if not sections:
        return NO_MEASUREMENTS
    from netlab.spec import measure

    known = len(problems.found)
    found = measure.parse(sections, file, problems)
    if problems.found[known:]:
        problems.hurt.add("compare")
    return found


_KINDS = {
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
}


def _report(fault: Any, root: Node, file: str, problems: Problems) -> None:
    loc: Path_ = fault["loc"]
    kind: str = fault["type"]
    is_key = bool(loc) and loc[-1] == "[key]"
    if is_key:
        loc = loc[:-1]
    here = locate(root, file, loc, key=is_key or kind in ("extra_forbidden", "missing"))
    last = str(loc[-1]) if loc else ""
    if kind == "extra_forbidden":
        keys = _keys_at(loc[:-1])
        hint = elsewhere.hint(last, keys) or did_you_mean(last, keys)
        if "：" in last:
            hint = f"the colon is a full-width one: write {last.replace('：', ': ')!r}"
        if last == "<<":
            hint = "merging is not part of YAML 1.2; alias a whole section instead"
        problems.add(here, f"unknown key {last!r}", hint)
    elif kind == "missing":
        problems.add(here, f"{last!r} is missing", _owner(loc[:-1]))
    elif kind == "value_error" and isinstance(wrong := fault["ctx"]["error"], Wrong):
        message = str(wrong)
        if message == "a value is missing" or message.startswith("must be"):
            message = f"{_label(loc)}: {message}"
        problems.add(here, message, wrong.hint)
    elif kind in _KINDS:
        problems.add(here, f"{_label(loc)}: {_KINDS[kind]}")
    else:
        problems.add(here, f"{_label(loc)}: {fault['msg']}")


def _label(loc: Path_) -> str:
    names = [str(part) for part in loc if not isinstance(part, int)]
    return names[-1] if names else "the file"


def _owner(loc: Path_) -> str:
    model = _model_at(loc)
    return f"a {model.__name__.lower()} needs it" if model else ""


def _keys_at(loc: Path_) -> list[str]:
    model = _model_at(loc)
    return [info.alias or name for name, info in model.model_fields.items()] if model else []


def _model_at(loc: Path_) -> type[BaseModel] | None:
    """The model that the schema has at a place."""
    current: Any = Topology
    for part in loc:
        if isinstance(current, type) and issubclass(current, BaseModel):
            fields = {info.alias or name: info for name, info in current.model_fields.items()}
            if part not in fields:
                return None
            current = _plain(fields[str(part)].annotation)
        else:
            args = typing.get_args(current)
            current = _plain(args[1] if typing.get_origin(current) is dict else args[0]) if args else None
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _plain(annotation: Any) -> Any:
    """The annotation without Annotated and ``| None``."""
    while True:
        if hasattr(annotation, "__metadata__"):
            annotation = annotation.__origin__
            continue
        args = [arg for arg in typing.get_args(annotation) if arg is not type(None)]
        if type(None) in typing.get_args(annotation) and len(args) == 1:
            annotation = args[0]
            continue
        return annotation


def _remember(faults: Iterable[Any], root: Node, problems: Problems) -> None:
    """Note the names of what is to be left out, and of what it belongs to."""
    for fault in faults:
        loc: Path_ = fault["loc"]
        if fault["type"] == "extra_forbidden" and not near(str(loc[-1]), _keys_at(loc[:-1])):
            continue  # Nothing is missed without it.
        path = loc[:-1] if loc and loc[-1] == "[key]" else loc
        names = [part for part in path if isinstance(part, str)]
        problems.gone.update(names[-1:] if path and path[-1] == names[-1] else ())
        node = root.find(*path)
        if node is not None and isinstance(node.value, dict):
            problems.gone.update(node.value)
        if "hosts" in names or "switches" in names or names[:1] == ["steps"]:
            # A whole section, or a step's name or list: anything may have been in it.
            problems.hurt.update(names if len(names) > 1 and {"hosts", "switches", "set"} & set(names[:-1]) else "*")


def _prune(root: Node, locs: Iterable[Path_]) -> bool:
    """Take the faulty parts out of the tree; False where that leaves nothing to go on with."""
    paths = {loc[:-1] if loc and loc[-1] == "[key]" else loc for loc in locs}
    done = False

    def place(path: Path_) -> list[tuple[bool, str]]:
        return [(isinstance(part, int), str(part).rjust(9, "0")) for part in path]

    # The last items of a list first, so that the indexes of the others stay what they are.
    for path in sorted(paths, key=place, reverse=True):
        if not path:
            return False
        holder = root.find(*path[:-1])
        if holder is None:
            continue
        value, last = holder.value, path[-1]
        if isinstance(value, dict) and str(last) in value:
            del value[str(last)]
            done = True
        elif isinstance(value, list) and isinstance(last, int) and last < len(value):
            del value[last]
            done = True
        else:  # a key is missing: without it the whole is no use
            done = _prune(root, [path[:-1]]) or done
    return done
