"""Rules: what the model knows of Linux, each with a name, a sentence and the kernel function it was read in.

A rule is declared beside the code that applies it, by `rule()`, and known from then on by its id.
"""

from __future__ import annotations

from netlab.contract.dataclass import dataclass
from netlab.contract.kernels import Version

#: Kernel series in which the rules were compared with measurements: of hunts, and of the topologies that ship.
VERIFIED = (Version(6, 1), Version(6, 12), Version(6, 18), Version(7, 2), Version(7, 3))


@dataclass(frozen=True, slots=True)
class Rule:
    """One decision of Linux: a stable id, a sentence for people, and its kernel source.

    It holds from ``since`` on, and no longer in ``until``; None: as far back, and as far on, as anything is known.
    ``commit`` is the one that made the difference; empty where the difference was read in the source alone.
    """

    id: str
    sentence: str
    function: str
    file: str
    since: Version | None = None
    until: Version | None = None
    commit: str = ""

    @property
    def verified(self) -> tuple[str, ...]:
        """The kernel series in which it was compared with measurements."""
        return tuple(str(kernel) for kernel in VERIFIED if self.holds(kernel))

    def holds(self, kernel: Version) -> bool:
        """Whether it is a rule of this kernel."""
        return (self.since is None or kernel >= self.since) and (self.until is None or kernel < self.until)

    @property
    def kernels(self) -> str:
        """In which it holds, where not in all: ``since Linux 6.10 (commit …)``, ``until Linux 7.2``; else empty."""
        bounds = (("since", self.since), ("until", self.until))
        told = ", ".join(f"{word} Linux {version}" for word, version in bounds if version is not None)
        return told + f" (commit {self.commit})" * bool(told and self.commit)


#: Every rule declared so far; complete once `netlab.model.rulebook` was imported.
RULES: dict[str, Rule] = {}


def rule(
    id: str,
    sentence: str,
    function: str,
    file: str,
    *,
    since: tuple[int, int] | None = None,
    until: tuple[int, int] | None = None,
    commit: str = "",
) -> str:
    """Declare a rule and return its id; ValueError where the id is taken."""
    if id in RULES:
        raise ValueError(f"rule {id} is declared twice")
    RULES[id] = Rule(id, sentence, function, file, since and Version(*since), until and Version(*until), commit)
    return id


def holds(id: str, kernel: Version) -> bool:
    """Whether a rule is one of this kernel: what code that applies it asks once, when a lab is compiled."""
    return RULES[id].holds(kernel)
