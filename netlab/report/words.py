"""The words of all reports: layers as questions, letters, verdicts, reasons."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from netlab.contract.types.layers import HOST, asks_host, port_of, probe_of, size_of

#: A letter in words, of one pair.
LETTERS = {
    "R": "reached",
    "A": "answered by another interface of the same machine",
    "B": "reached, by its own or another interface, whichever answers first",
    "U": "not reached",
    "?": "no proof either way",
    ".": "does not apply",
    " ": "not asked for",
}
#: The same where there is little room.
BRIEFLY = {
    "R": "reached",
    "A": "answered by another interface",
    "B": "reached or answered by another interface: a race",
    "U": "not reached",
    "?": "no proof",
    ".": "not applicable",
}
#: The same of a prediction that stands alone.
PREDICTED = {
    "R": "reached, through its own interface",
    "A": "answered, but by another interface of the same machine",
    "B": "reached: by its own interface or by another one of the same machine, whichever answers first",
    "U": "not reached",
    "?": "not known: the model has no rule for it",
    ".": "not applicable",
}
#: A letter as a mark beside its colour.
MARKS = {"R": "✓", "A": "◐", "B": "◐", "U": "✗", "?": "?", ".": "–", " ": "–"}
VERDICTS = {"P": "as expected", "F": "not as expected", "?": "no proof either way", "S": "only observed"}
VERDICT_MARKS = {"P": "✓", "F": "✗", "?": "?", "S": "–"}
CLAIM_MARKS = {"confirmed": "✓", "refuted": "✗", "undecided": "?"}
#: What a verdict is counted as; of a whole run it is one of the first three.
OUTCOMES = {"P": "pass", "F": "fail", "?": "inconclusive", "S": "skip"}
COUNTED = tuple(OUTCOMES.values())
OUTCOME_MARKS = {word: VERDICT_MARKS[verdict] for verdict, word in OUTCOMES.items()}

#: What a destination does where a layer works; what is asked.
_LAYERS = {
    "broadcast": ("hears the broadcast", "Does a broadcast frame out of the source arrive at the interface?"),
    "unicast": ("gets the frame", "Does a frame addressed to the interface's MAC arrive there?"),
    "arp": ("answers ARP", "Does the interface answer an ARP request for its address?"),
    "ndp": ("answers NDP", "Does the interface answer a neighbour solicitation for its address?"),
    "icmp": ("answers ping", "Does a ping, from cold, come back?"),
    "icmp6": ("answers ping (IPv6)", "Does a ping over IPv6, from cold, come back?"),
    "icmp-static": (
        "answers ping, MACs by hand",
        "Does a ping come back with static neighbour entries at both ends?",
    ),
    "icmp6-static": (
        "answers ping (IPv6), MACs by hand",
        "Does a ping over IPv6 come back with static neighbour entries at both ends?",
    ),
    "tcp": ("accepts TCP", "Is a TCP connection established?"),
    "tcp6": ("accepts TCP (IPv6)", "Is a TCP connection over IPv6 established?"),
    "udp": ("answers UDP", "Do a datagram and its answer get through?"),
    "udp6": ("answers UDP (IPv6)", "Do a datagram over IPv6 and its answer get through?"),
    "mcast": ("hears the group", "Does a multicast come to a program that has joined its group at the interface?"),
    "mcast6": (
        "hears the group (IPv6)",
        "Does an IPv6 multicast come to a program that has joined its group at the interface?",
    ),
}

#: The probe engine's reasons in a sentence.
REASONS = {
    "not-delivered": "The frame did not arrive there.",
    "no-answer": "Nobody answered.",
    "answered-by-a-stranger": "Only another machine answered.",
    "request-lost": "The request did not arrive.",
    "reply-lost": "The request arrived; no reply came back: it was lost, or the host dropped the request.",
    "known-dead": "One end is known to be down.",
    "refused": "It was refused.",
    "filtered": "A filter rejected it.",
    "net-unreachable": "An ICMP error came back: network unreachable.",
    "host-unreachable": "An ICMP error came back: host unreachable.",
    "too-big": "An ICMP error came back: packet too big.",
    "unsettled": "An interface did not become what the plan says, so nothing is proved.",
    "duplicate": "More than one copy arrived.",
}

#: What an errno of a program's own send or connect says: no packet left its namespace. In the kernel, fib_props
#: (net/ipv4/fib_semantics.c) has those of the types of routes.
_ERRNOS = {
    "ENETUNREACH": "it has no route there",
    "EHOSTUNREACH": "its route there says unreachable",
    "EACCES": "its route there says prohibit",
    "EINVAL": "its route there is a blackhole",
    "EPERM": "a filter of its own forbids it",
}
_ERRNO = re.compile(r"E[A-Z0-9]+")

#: Kinds of findings in a phrase.
FINDINGS = {
    "unexpected": "not as expected",
    "model-contradicted": "the kernel did otherwise than the model says",
    "expect-contradicted": "the file expects what neither the model says nor the kernel did",
    "inconclusive": "no proof either way",
    "unpredicted": "only observed: the model has no rule for it",
    "expectation": "an expectation that does not hold",
    "heard": "a broadcast was heard at other places than the model says",
    "wire": "the wire was used otherwise than the model says",
    "refusal": "the kernel refused otherwise than the model says",
    "duplicate": "more than one copy arrived",
    "program": "a program that has ended",
    "measure": "a measurement that is not as the file says, or could not be made",
}


def reason(name: str, layer: str = "", source: str = "", destination: str = "") -> str:
    """The probe engine's reason in a sentence, of the pair where one is given; one that isn't known as it stands."""
    if asks_host(layer) and _ERRNO.fullmatch(name):
        said = f", {_ERRNOS[name]}" if name in _ERRNOS else ""
        return f"No packet left {source or 'the source'}: {name}{said}."
    port = port_of(layer) if name == "refused" and layer else None
    if port is not None:
        return f"Refused: nothing listens at port {port} of {destination.partition(':')[0] or 'the destination'}."
    return REASONS.get(name, name)


def because(name: str, layer: str, source: str, destination: str) -> str:
    """The same as a part of a sentence: ``no packet left A: ENETUNREACH, it has no route there``."""
    said = reason(name, layer, source, destination)
    return said if said == name else f"{said[0].lower()}{said[1:].rstrip('.')}"


def does(layer: str) -> str:
    """What a destination does that a layer reaches: ``answers ARP``."""
    words = _LAYERS[probe_of(layer)][0]
    if (size := size_of(layer)) is not None:
        return f"{words} of {size} bytes"
    return words if (port := port_of(layer)) is None else f"{words} at port {port}"


def asked(layer: str) -> str:
    """A layer's name beside others that the same side asks: without ``host:``."""
    return layer.removeprefix(HOST)


def address(column: Mapping[str, Any]) -> tuple[str, str]:
    """An address at the head of a column: the interface that has it, and the address, each told once."""
    ip = str(column["v4"] or column["v6"] or "")
    name = str(column["id"])
    return (name, "") if name == ip else (name.removesuffix(f"@{ip}"), ip)


def question(layer: str) -> str:
    """What a layer asks, as a sentence."""
    return _LAYERS[probe_of(layer)][1]


def source_link(rule: dict[str, object]) -> str:
    """Where the kernel's source of a rule can be read: an identifier search in the series it was verified in."""
    versions = rule.get("versions")
    series = versions[-1] if isinstance(versions, list) and versions else "latest"
    name = "".join(c for c in str(rule["function"]) if c.isalnum() or c == "_")
    return f"https://elixir.bootlin.com/linux/{'v' + str(series) if series != 'latest' else series}/A/ident/{name}"


def letter(expected: str) -> str:
    """An expected letter for people: ``B`` is none that could be observed."""
    return "reachable (R or A)" if expected == "B" else expected
