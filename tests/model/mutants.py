"""Mutants of the model: each rule answers otherwise, at each place of the code that names it."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "netlab" / "model"
#: Modules that only tell, or list.
TELLERS = ("announce.py", "story.py", "prediction.py", "rules.py", "rulebook.py")
#: Conditions that only a story depends on.
TELLING = ("hops", "wanted", "goal")


@dataclass(frozen=True)
class Mutant:
    """One change of one module, for the sake of one rule."""

    rule: str
    module: str
    line: int
    what: str
    tree: ast.Module


def rule_names() -> dict[str, tuple[str, str]]:
    """Of each rule its module and the name that the code has for it."""
    found = {}
    for path in sorted(MODEL.rglob("*.py")):
        for node in _parsed(path).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                call = node.value
                if isinstance(call.func, ast.Name) and call.func.id == "rule" and isinstance(node.targets[0], ast.Name):
                    found[str(ast.literal_eval(call.args[0]))] = (path.stem, node.targets[0].id)
    return found


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def mutants(rule: str, home: str, name: str) -> Iterator[Mutant]:
    """Every mutant of a rule."""
    for path in sorted(MODEL.rglob("*.py")):
        if path.name in TELLERS:
            continue
        tree = _parsed(path)
        prefix = "" if path.stem == home or _imports(tree, home, name) else _called(tree, home)
        for trail in _uses(tree, prefix, name):
            for what, changed in _changes(tree, trail, prefix, name):
                parts = path.relative_to(ROOT).with_suffix("").parts
                module = ".".join(part for part in parts if part != "__init__")
                yield Mutant(rule, module, _at(tree, trail).lineno, what, changed)


def parsed(module: str) -> ast.Module:
    """The code of a module as it is."""
    path = ROOT / Path(*module.split("."))
    return ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text())


#: A way from the module to a statement: the field and the place at each level.
Trail = tuple[tuple[str, int], ...]


def _uses(tree: ast.Module, home: str, name: str) -> Iterator[Trail]:
    """The smallest statements inside of functions that use a rule's name, ``home`` being how it is reached."""

    def look(node: ast.AST, trail: Trail) -> Iterator[Trail]:
        inner = []
        for field in ("body", "orelse", "handlers", "finalbody"):
            children = getattr(node, field, [])
            for place, child in enumerate(children if isinstance(children, list) else []):
                if isinstance(child, ast.stmt):
                    inner.append((child, (*trail, (field, place))))
        for child, where in inner:
            found = list(look(child, where))
            yield from found
            if not found and len(where) > 1 and _mentions(child, home, name):
                yield where

    yield from look(tree, ())


def _imports(tree: ast.Module, home: str, name: str) -> bool:
    """Whether a module has a rule's name by itself, not by way of the module that declares it."""
    return any(
        isinstance(node, ast.ImportFrom)
        and (node.module or "").endswith(home)
        and any(alias.name == name for alias in node.names)
        for node in tree.body
    )


def _called(tree: ast.Module, home: str) -> str:
    """What a module calls the module that declares a rule."""
    names = [alias for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    return next((one.asname for one in names if one.name == home and one.asname), home)


def _mentions(node: ast.AST, home: str, name: str) -> bool:
    for one in ast.walk(node):
        if not home and isinstance(one, ast.Name) and one.id == name and isinstance(one.ctx, ast.Load):
            return True
        if home and isinstance(one, ast.Attribute) and one.attr == name:
            return isinstance(one.value, ast.Name) and one.value.id == home
    return False


def _at(tree: ast.AST, trail: Trail) -> Any:
    node: Any = tree
    for field, place in trail:
        node = getattr(node, field)[place]
    return node


def _changes(tree: ast.Module, trail: Trail, home: str, name: str) -> Iterator[tuple[str, ast.Module]]:
    statement = _at(tree, trail)
    if isinstance(statement, ast.Return):
        yield "is not refused", _replaced(tree, trail, [ast.parse("return None").body[0]])
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield):
        yield "is not refused", _replaced(tree, trail, [ast.Pass()])
    else:
        end = _end_behind(tree, trail)
        if end is not None:
            value = getattr(_at(tree, end), "value", None)
            passing = ast.Return(ast.Constant(not value.value)) if isinstance(value, ast.Constant) else ast.Pass()
            yield "lets pass", _replaced(tree, end, [passing])
        word = f"{home}.{name}" if home else name
        stop = ast.parse(f"if {_which(statement, home, name)} == {word}: return").body[0]
        yield "ends it", _replaced(tree, trail, [statement, stop])
        if isinstance(statement, ast.Expr) and not _is_note(statement.value):
            yield "does nothing", _replaced(tree, trail, [ast.Pass()])
        if isinstance(statement, ast.If):
            yield "is not asked", _replaced(tree, trail, [ast.Pass()])
    for depth in range(len(trail) - 1, 1, -1):
        above = _at(tree, trail[:depth])
        if isinstance(above, ast.If) and not any(word in ast.unparse(above.test) for word in TELLING):
            never = copy.deepcopy(above)
            never.test = ast.Constant(trail[depth][0] != "body")
            yield f"never: {ast.unparse(above.test)[:40]}", _replaced(tree, trail[:depth], [never])
            break


def _which(statement: ast.stmt, home: str, name: str) -> str:
    """The expression that says which rule it is: the argument of a note, or what a name was set to."""
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    for node in ast.walk(statement):
        if isinstance(node, ast.IfExp) and _mentions(node, home, name):
            return f"({ast.unparse(node)})"
    return f"{home}.{name}" if home else name


def _is_note(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "note"


def _end_behind(tree: ast.Module, trail: Trail) -> Trail | None:
    """Where the way of a frame that got here ends: the next `return` or `continue`, if nothing else happens before."""
    for depth in range(len(trail), 1, -1):
        block = getattr(_at(tree, trail[: depth - 1]), trail[depth - 1][0])
        if isinstance(_at(tree, trail[: depth - 1]), ast.FunctionDef) and depth < len(trail):
            return None
        for place in range(trail[depth - 1][1] + 1, len(block)):
            if isinstance(block[place], (ast.Return, ast.Continue)):
                return (*trail[: depth - 1], (trail[depth - 1][0], place))
            if not isinstance(block[place], ast.Expr) or not _is_note(block[place].value):
                return None
    return None


def _replaced(tree: ast.Module, trail: Trail, statements: list[Any]) -> ast.Module:
    made = copy.deepcopy(tree)
    *way, (field, place) = trail
    getattr(_at(made, tuple(way)), field)[place : place + 1] = copy.deepcopy(statements)
    return ast.fix_missing_locations(made)
