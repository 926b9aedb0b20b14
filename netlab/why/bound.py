"""The interface questions behind a host question: what differs where a program binds itself to an interface."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netlab.contract.dataclass import dataclass
from netlab.contract.types import Asker, layer_family, probe_of
from netlab.contract.types.layers import HOST
from netlab.why.question import Question

if TYPE_CHECKING:
    from netlab.model import Prediction

#: The rules by which a program that chooses nothing gets its way and its source; the event tells of the route.
CHOSEN = ("ip/source-of-route", "ip/source-of-interface", "ipv6/source-address")


@dataclass(frozen=True, slots=True)
class Bound:
    """What a program finds that binds itself to one interface (``ping -I eth0``, SO_BINDTODEVICE)."""

    source: str
    ifname: str
    layer: str
    letter: str
    rule: str | None

    @property
    def works(self) -> bool:
        """Whether it is answered."""
        return self.letter in "RAB"


def bound(prediction: Prediction, asked: Question) -> Iterator[Bound]:
    """What each interface of the asker finds that has an address of the family."""
    state, layer, target = asked.state, asked.layer.removeprefix(HOST), asked.interface
    if target is None or not isinstance(asked.source, Asker):
        return
    for one in state.endpoints:
        if one.namespace == asked.source.id and one.address(asked.family) and one is not target and not one.extra:
            i, j = state.index[one.id], state.index[target.id]
            letter = prediction.letter(layer, i, j)
            rule = prediction.story(layer, i, j).rule if letter not in "?." else None
            yield Bound(one.id, one.ifname, layer, letter, rule)


def difference(
    letter: str, rule: str | None, hops: Sequence[Any], found: Sequence[Bound], rules: Mapping[str, Any]
) -> Iterator[str]:
    """A sentence for each interface that a program would do better, or worse, to bind itself to."""
    works = letter in "RAB"
    way = next((hop for hop in hops if hop.rule in CHOSEN), None)
    for one in found if letter in "RABU" else ():
        if one.letter not in "RABU" or one.works == works:
            continue
        if way is not None and way.at != one.source:
            because = f"routing sends it out of {way.at.partition(':')[2]}: {way.what}"
        else:
            failed = rules.get((one.rule if works else rule) or "")
            because = _inside(failed.sentence) if failed else "routing has another way"
        verbs = ("fails", "works") if works else ("works", "fails")
        yield f"{_said(one, *verbs)}, because {because.rstrip('.')}."


def _said(one: Bound, alone: str, plain: str) -> str:
    if probe_of(one.layer) in ("icmp", "icmp6"):
        ping = "ping -6" if layer_family(one.layer) == 6 else "ping"
        return f"`{ping} -I {one.ifname}` {alone}, plain `{ping}` {plain}"
    return f"bound to {one.ifname} `{one.layer}` {alone}, unbound it {plain}"


def _inside(sentence: str) -> str:
    """A sentence as a part of another."""
    first, rest = sentence[:1], sentence[1:]
    return sentence if rest[:1].isupper() else first.lower() + rest
