"""How netplan's files and states of nmstate are read: a tree of devices that refer to each other by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from netlab.contract.types.links import loopback
from netlab.live.machine.values import Machine
from netlab.live.sketch import LOOPBACK_HAS, Part, Sketch, mtu
from netlab.live.source import Section, Source
from netlab.spec import scalars


class Reader:
    """A text on its way to a machine: ``tool`` says it, and it should be ``what``."""

    tool: ClassVar[str]
    what: ClassVar[str]
    #: What each kind of device has of its own; of some nothing.
    by_kind: ClassVar[Mapping[str, Callable[[Any, Section, Part], None]]] = {}

    def __init__(self, text: str, file: str) -> None:
        self.source = Source(text, file, self.what)
        self.sketch = Sketch(self.source, self.tool)

    def machine(self) -> Machine:
        """The machine that the text describes. Raises TopologyError."""
        top = self.top(self.source.root) if isinstance(self.source.root.node.value, dict) else None
        if top is None:
            self.source.stop()
            hint = self.source.stranger() or f"this should be {self.what}"
            self.source.root.wrong(f"{self.missing!r} is missing", hint)
            self.source.stop()
            raise AssertionError
        # Each device has its name before one refers to it.
        for entry, part in list(self.parts(top)):
            self.common(entry, part)
            if part.name != loopback.NAME and part.kind in self.by_kind:
                self.by_kind[part.kind](self, entry, part)
        self.rest(top)
        return self.sketch.machine()

    #: The key without which a text is none of this format.
    missing: ClassVar[str]

    def top(self, root: Section) -> Section | None:
        """What has the devices; None where the text has no such thing."""
        raise NotImplementedError

    def parts(self, top: Section) -> Iterable[tuple[Section, Part]]:
        """The devices, each with what describes it."""
        raise NotImplementedError

    def common(self, entry: Section, part: Part) -> None:
        """What devices of all kinds have."""
        raise NotImplementedError

    def rest(self, top: Section) -> None:
        """What is of no one device."""

    def hardware(self, entry: Section, part: Part, mac: str) -> None:
        """The MTU of a device, and its MAC, which a key has; lo is as it is everywhere."""
        if part.name == loopback.NAME:
            entry.skip(LOOPBACK_HAS, "mtu", mac)
        else:
            part.mtu = mtu(entry, "mtu")
            part.mac = entry.value(mac, scalars.mac) or part.mac

    def join(self, section: Section, part: Part, member: Part | None) -> None:
        """Make a device a member of a bridge, a bond or a VRF; that it is one of another is a problem."""
        if member is None:
            return
        if member.master not in (None, part.name):
            section.wrong(f"{member.name} is a member of {member.master} already")
        member.master = part.name
