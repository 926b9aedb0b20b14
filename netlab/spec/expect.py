"""The grammar of ``expect``: one entry of the file to one frozen value. Names are resolved by the plan.

entry    = pair | wire | heard | state | refusal | "{since: VERSION, until: VERSION, expect: [" {entry} "]}" ;
pair     = side , ("->" | "<->") , side , [ "[" layer {"," layer} "]" ] , ":" , outcome ;
wire     = side , "->" , side , "[" layer "]" , ":" , ("on-wire" | "not-on-wire") ;
heard    = endpoint , "[broadcast]" , ":" , "{heard-by: […]}" | "{heard-only-by: […]}" ;
state    = endpoint , ":" , mapping of read-back values ;
refusal  = endpoint , ":" , "{refused: ERRNO, at: create|up|set}" ;

The right side of a pair may be an IP address.
"""

from __future__ import annotations

import errno
import ipaddress
import re
from dataclasses import field, replace
from typing import cast

from netlab.contract.dataclass import dataclass
from netlab.contract.kernels import Version, parse
from netlab.contract.types import Outcome, RefusedAt, Where
from netlab.spec.layer_names import layer, short
from netlab.spec.nodes import MAX_KEY, Node
from netlab.spec.problems import Fault, Problems, did_you_mean
from netlab.spec.scalars import Wrong, is_link_local

OUTCOMES = ("reachable", "through-interface", "address-only", "unreachable")
WIRE = ("on-wire", "not-on-wire")

#: From one side to the other, or both ways; people's own signs for it are taken, too.
ARROW = r"<?->|→|↔"
BOTH = ("<->", "↔")
_SIDE = r"[^\s\[\]<>→↔]+"
_HEAD = re.compile(
    rf"\s*(?P<left>{_SIDE})\s*(?:(?P<arrow>{ARROW})\s*(?P<right>{_SIDE})\s*)?(?:\[(?P<layers>[^\[\]]*)\]\s*)?"
)
_FORMS = "write 'A -> B [icmp]: reachable'"
#: Python calls EOPNOTSUPP by another name.
_ERRNOS = frozenset((*errno.errorcode.values(), "EOPNOTSUPP"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: ``text`` as written, and where it stands. It holds from one version of Linux to before another."""

    text: str
    where: Where
    since: Version | None = field(default=None, kw_only=True)
    until: Version | None = field(default=None, kw_only=True)

    def holds(self, kernel: Version) -> bool:
        """Whether it is meant for a kernel."""
        return (self.since is None or kernel >= self.since) and (self.until is None or kernel < self.until)


@dataclass(frozen=True, slots=True)
class Pair(Entry):
    """``left -> right [layers]: outcome``; no layers: the plan chooses. The plan tells by ``left`` who asks."""

    left: str
    right: str
    both: bool
    layers: tuple[str, ...]
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Wire(Entry):
    """``left -> right [layer]: on-wire``."""

    left: str
    right: str
    layer: str
    on_wire: bool


@dataclass(frozen=True, slots=True)
class Heard(Entry):
    """``source [broadcast]: {heard-by: […]}``."""

    source: str
    listeners: tuple[tuple[str, Where], ...]
    only: bool


@dataclass(frozen=True, slots=True)
class Readback(Entry):
    """``target: {mode: vepa, …}``; a value is a text or a list of them, as written."""

    target: str
    values: tuple[tuple[str, str | tuple[str, ...], Where], ...]


@dataclass(frozen=True, slots=True)
class Refused(Entry):
    """``target: {refused: EINVAL, at: create}``; ``at`` None: the plan knows from what the step does."""

    target: str
    errno: str
    at: RefusedAt | None


AnyEntry = Pair | Wire | Heard | Readback | Refused


def parse_entries(node: Node, file: str, problems: Problems) -> tuple[AnyEntry, ...]:
    """All entries of a list; what is wrong with the others goes to ``problems``."""
    entries: list[AnyEntry] = []
    if not isinstance(node.value, list):
        return ()
    for item in node.value:
        try:
            if isinstance(item.value, dict) and "expect" in item.value:
                since, until = _kernels(item, item.value, file)
                inner = parse_entries(item.value["expect"], file, problems)
                entries += (replace(one, since=since, until=until) for one in inner)
            else:
                entries.append(_entry(item, file))
        except Fault as fault:
            problems.found += fault.problems
    return tuple(entries)


def _kernels(node: Node, value: dict[str, Node], file: str) -> tuple[Version | None, Version | None]:
    """The versions of Linux of entries that don't hold in all."""
    for name in value:
        if name not in ("since", "until", "expect"):
            hint = did_you_mean(name, ("since", "until", "expect"))
            raise Fault(node.keys[name].where(file), f"unknown key {name!r}", hint)
    found: dict[str, Version] = {}
    for name in ("since", "until"):
        if name in value:
            try:
                found[name] = parse(str(value[name].value))
            except ValueError as error:
                raise Fault(value[name].where(file), str(error), "as in {until: 7.2, expect: […]}") from None
    inner = value["expect"].value
    if not found or not isinstance(inner, list):
        what = "'expect' here is a list" if found else "of which versions of Linux? 'since' or 'until' is missing"
        raise Fault(node.keys["expect"].where(file), what, "{until: 7.2, expect: [entries]}")
    if any(isinstance(one.value, dict) and "expect" in one.value for one in inner):
        raise Fault(node.keys["expect"].where(file), "versions of Linux inside of others", "one list for each")
    return found.get("since"), found.get("until")


def _entry(node: Node, file: str) -> AnyEntry:
    value = node.value
    if isinstance(value, str) and len(value) > MAX_KEY:
        raise Fault(node.where(file), f"an expectation of {len(value)} characters", f"at most {MAX_KEY} are allowed")
    if isinstance(value, str):
        return _from_text(node, value, file)
    if isinstance(value, dict):
        if "from" in value and (len(value) > 1 or not has_arrow("".join(value))):
            return _from_mapping(node, value, file)
        if len(value) == 1:
            (head, body), key = next(iter(value.items())), next(iter(node.keys.values()))
            return _from_key(head, key, body, file)
        where = node.where(file)
        if not value:
            raise Fault(where, "an empty expectation", _FORMS)
        second = list(node.keys.values())[1]
        raise Fault(second.where(file), "one expectation has one key", "begin each with '- ', or use from:, to:, is:")
    raise Fault(node.where(file), "an expectation is missing" if value is None else "a list is no expectation", _FORMS)


def has_arrow(text: str) -> bool:
    """Whether a text is of two sides."""
    return re.search(ARROW, text) is not None


def _from_text(node: Node, text: str, file: str) -> AnyEntry:
    head, colon, outcome = text.rpartition(": ")
    if not colon:
        head, wide, outcome = text.rpartition("：")
        if wide:
            what = "the colon is a full-width one"
            raise Fault(node.where(file, len(head)), what, f"write '{head.strip()}: {outcome.strip()}'")
        tight = re.fullmatch(r"(.*?)\s*:\s*([a-z-]+)", text.strip(), re.DOTALL)
        if tight and tight[2] in (*OUTCOMES, *WIRE):
            hint = f"write '{tight[1]}: {tight[2]}'"
            raise Fault(node.where(file), f"a space is missing after the colon before {tight[2]!r}", hint)
        raise Fault(
            node.where(file),
            f"{short(text)} has no outcome",
            "put ': reachable' or ': unreachable' behind it",
        )
    outcome = outcome.strip()
    return _scalar_entry(f"{head.strip()}: {outcome}", head, outcome, node, node.where(file, len(head) + 2), file)


def _from_key(head: str, key: Node, body: Node, file: str) -> AnyEntry:
    where = key.where(file)
    if isinstance(body.value, str):
        return _scalar_entry(f"{head.strip()}: {body.value}", head, body.value, key, body.where(file), file)
    parsed = _head(head, key, file)
    if body.value is None:
        raise Fault(
            body.where(file),
            f"{short(head)} has no outcome",
            "put 'reachable' or 'unreachable' behind the colon",
        )
    if isinstance(body.value, list):
        raise Fault(body.where(file), "a list is no outcome", _FORMS)
    if parsed["right"]:
        raise Fault(
            body.where(file),
            "a pair has an outcome, not a mapping",
            f"one of {', '.join((*OUTCOMES, *WIRE))}",
        )
    text = f"{head.strip()}: {_flow(body)}"
    if "heard-by" in body.value or "heard-only-by" in body.value:
        return _heard(text, parsed, key, body, file)
    if parsed["layers"] is not None:
        raise Fault(
            where,
            "layers belong to a pair",
            "write {heard-by: […]} behind '[broadcast]', or leave the brackets out",
        )
    if "refused" in body.value:
        return _refusal(text, str(parsed["left"]), where, body, file)
    return _state(text, str(parsed["left"]), where, body, file)


def _from_mapping(node: Node, value: dict[str, Node], file: str) -> AnyEntry:
    known = ("from", "to", "layers", "is")
    for name in value:
        if name not in known:
            raise Fault(node.keys[name].where(file), f"unknown key {name!r}", did_you_mean(name, known))
    for name in ("from", "to", "is"):
        if name not in value:
            raise Fault(node.where(file), f"{name!r} is missing", "{from: A, to: B, layers: [icmp], is: reachable}")
        if not isinstance(value[name].value, str):
            raise Fault(value[name].where(file), f"{name!r} must be one value")
    left, right, outcome = (str(value[name].value) for name in ("from", "to", "is"))
    for name in ("from", "to"):
        if not re.fullmatch(_SIDE, str(value[name].value)):
            raise Fault(
                value[name].where(file),
                f"{short(str(value[name].value))} is not an endpoint",
                "as in A:ens160",
            )
    layers: list[str] = []
    if "layers" in value:
        listed = value["layers"].value
        items = listed if isinstance(listed, list) else [value["layers"]]
        for item in items:
            layers.append(_layer(str(item.value or ""), item.where(file)))
    bracket = f" [{', '.join(layers)}]" if layers else ""
    text = f"{left} -> {right}{bracket}: {outcome}"
    return _pair(text, node.where(file), left, right, False, tuple(layers), outcome, value["is"].where(file))


def _scalar_entry(text: str, head: str, outcome: str, key: Node, at: Where, file: str) -> AnyEntry:
    parsed = _head(head, key, file)
    if not parsed["right"]:
        if outcome in OUTCOMES or outcome in WIRE:
            raise Fault(
                key.where(file),
                f"{short(head)} is one endpoint",
                "an outcome needs two: 'A -> B: reachable'",
            )
        raise Fault(at, f"{short(outcome)} says nothing of {head.strip()}", "write a mapping, as in {state: down}")
    layers: list[str] = []
    if parsed["layers"] is not None:
        start = head.index("[") + 1
        for part in parsed["layers"].split(","):
            layers.append(_layer(part.strip(), key.where(file, start + len(part) - len(part.lstrip()))))
            start += len(part) + 1
    both = parsed["arrow"] in BOTH
    return _pair(text, key.where(file), str(parsed["left"]), str(parsed["right"]), both, tuple(layers), outcome, at)


def _pair(
    text: str,
    where: Where,
    left: str,
    right: str,
    both: bool,
    layers: tuple[str, ...],
    outcome: str,
    at: Where,
) -> AnyEntry:
    if outcome in OUTCOMES:
        return Pair(text, where, left, right, both, layers, cast(Outcome, outcome))
    if outcome not in WIRE:
        raise Fault(at, f"{short(outcome)} is not an outcome", did_you_mean(outcome, (*OUTCOMES, *WIRE)))
    if both:
        raise Fault(where, f"{outcome!r} goes one way only", "write '->'")
    if len(layers) != 1:
        raise Fault(where, f"{outcome!r} needs its layer", f"write '{left} -> {right} [icmp]: {outcome}'")
    return Wire(text, where, left, right, layers[0], outcome == "on-wire")


def _heard(text: str, head: re.Match[str], key: Node, body: Node, file: str) -> Heard:
    where = key.where(file)
    items = cast("dict[str, Node]", body.value)
    if len(items) != 1:
        raise Fault(body.where(file), "one of heard-by and heard-only-by stands alone", "make two entries of it")
    name = next(iter(items))
    if head["layers"] is None or head["layers"].strip() != "broadcast":
        raise Fault(where, f"{name!r} is about broadcasts", f"write '{head['left']} [broadcast]:'")
    listed = items[name].value
    if not isinstance(listed, list):
        raise Fault(items[name].where(file), f"{name!r} is a list", "as in [B:ens160, port(A:ens160)]")
    listeners: list[tuple[str, Where]] = []
    for item in listed:
        if not isinstance(item.value, str):
            raise Fault(item.where(file), "a listener is an endpoint", "as in B:ens160 or port(A:ens160)")
        listeners.append((item.value, item.where(file)))
    return Heard(text, where, str(head["left"]), tuple(listeners), name == "heard-only-by")


def _refusal(text: str, target: str, where: Where, body: Node, file: str) -> Refused:
    items = cast("dict[str, Node]", body.value)
    for name in items:
        if name not in ("refused", "at"):
            raise Fault(body.keys[name].where(file), f"unknown key {name!r}", did_you_mean(name, ("refused", "at")))
    code = items["refused"]
    if not isinstance(code.value, str) or code.value not in _ERRNOS:
        hint = did_you_mean(str(code.value), _ERRNOS, "as in EINVAL; known")
        raise Fault(code.where(file), f"{short(str(code.value))} is not the name of an errno", hint)
    if "at" not in items:
        return Refused(text, where, target, code.value, None)
    at = items["at"]
    if at.value not in ("create", "up", "set"):
        raise Fault(at.where(file), f"{short(str(at.value))} is not a moment of refusal", "create, up or set")
    return Refused(text, where, target, code.value, cast(RefusedAt, at.value))


def _state(text: str, target: str, where: Where, body: Node, file: str) -> Readback:
    values: list[tuple[str, str | tuple[str, ...], Where]] = []
    for name, node in cast("dict[str, Node]", body.value).items():
        at = node.where(file)
        if isinstance(node.value, str):
            values.append((name, node.value, at))
        elif isinstance(node.value, list) and all(isinstance(item.value, str) for item in node.value):
            values.append((name, tuple(str(item.value) for item in node.value), at))
        else:
            raise Fault(at, f"the value of {name!r} is missing or nested", "one value or a list of values")
    if not values:
        raise Fault(body.where(file), "an empty mapping expects nothing", "as in {state: down}")
    return Readback(text, where, target, tuple(values))


def _head(head: str, key: Node, file: str) -> re.Match[str]:
    match = _HEAD.fullmatch(head)
    if match:
        return match
    offset = 0
    hint = _FORMS
    if partial := _HEAD.match(head):
        offset = partial.end()
        rest = head[offset:].strip()
        if rest.startswith(("-", "=", "<", ">", "⇒", "⟶", "➜", "—", "–")):
            hint = "the arrows are '->' and '<->'"
        elif rest.startswith("["):
            hint = "layers stand in one pair of brackets: [icmp, tcp]"
    raise Fault(key.where(file, offset), f"{short(head)} is not an expectation", hint)


def _layer(word: str, where: Where) -> str:
    try:
        return layer(word)
    except Wrong as wrong:
        raise Fault(where, str(wrong), wrong.hint) from None


def address_of(side: str) -> str | None:
    """The IP address that a side is, in canonical text; None where it is none. A link-local one may say by which
    interface it is asked for: ``fe80::2%eth0``."""
    text, percent, scope = side.partition("%")
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return None
    if not percent:
        return str(ip)
    return f"{ip}%{scope}" if scope and is_link_local(text) else None


def _flow(node: Node) -> str:
    value = node.value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(child)}" for key, child in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return value or ""
