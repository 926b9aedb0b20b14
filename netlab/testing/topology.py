"""Topologies built in Python: the same keys as in a file, each remembered with the line of the test that gave it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import field
from ipaddress import IPv4Interface, IPv6Interface
from typing import TYPE_CHECKING, Any, Self

from netlab.contract.dataclass import dataclass
from netlab.contract.types import Where
from netlab.testing.given import Given

if TYPE_CHECKING:
    from netlab.spec.nodes import Node

#: What is given for ``addresses``: ``"10.0.0.1/24"``, an `ipaddress` interface, or several of them.
Addresses = str | IPv4Interface | IPv6Interface | Iterable[str | IPv4Interface | IPv6Interface]

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Topology:
    """A topology, built piece by piece; everything but the methods' names is as in a topology file.

    Nothing is checked before the topology is used: then everything that is wrong is told in one
    `netlab.TopologyError`, each fault with the line of Python that it comes from. Pieces can be chained::

        netlab.Topology().switch("lan").host("A").interface("eth0", switch="lan", addresses="10.0.0.1/24")

    ``name`` is the topology's (MACs that are not given are derived from it), ``description`` one sentence about it;
    with ``private`` every host has processes, a hostname and folders of its own.
    """

    def __init__(self, name: str = "topology", description: str = "", *, private: bool = False) -> None:
        at = caller()
        self.root = Given({"name": Given(name, at)}, at)
        if description:
            self.root.value["description"] = Given(description, at)
        if private:
            self.root.value["private"] = Given(True, at)

    @property
    def topology(self) -> Topology:
        """This topology; hosts and containers have it, too, so that a chain may end anywhere."""
        return self

    def switch(self, name: str, **options: Any) -> Self:
        """Add a switch. ``options`` as in the file: ``stp``, ``ageing_time``, ``mcast_snooping``, ``links``, …

        Raises TopologyError where there is a switch of that name.
        """
        _add(_inside(self.root, "switches"), name, options, "a switch")
        return self

    def host(self, name: str, **options: Any) -> Host:
        """Add a host, or go on with one that is there. ``options`` as in the file: ``sysctls``, ``routes``, …"""
        return Host(self, _box(self.root, "hosts", name, options))

    def expect(self, *entries: str | Mapping[str, Any]) -> Self:
        """Add expectations, each as in the file: ``"A -> B [icmp]: reachable"``, or a mapping of one key."""
        at = caller()
        self.root.value.setdefault("expect", Given([], at)).value.extend(Given(entry, at) for entry in entries)
        return self

    def step(self, name: str, **changes: Any) -> Self:
        """Add a step that `Lab.step` can go to. ``changes`` as in the file: ``set``, ``add``, ``delete``, …"""
        at = caller()
        self.root.value.setdefault("steps", Given([], at)).value.append(Given({"name": name, **changes}, at))
        return self

    def yaml(self) -> str:
        """The topology as the text of a topology file."""
        from netlab.testing.tree import as_yaml

        return as_yaml(self.tree())

    def tree(self) -> Node:
        """The tree of nodes that `netlab.plan.from_tree` takes. Raises TopologyError on control characters."""
        from netlab.testing.tree import node

        return node(self.root)

    @property
    def file(self) -> str:
        """The Python file that began it."""
        return self.root.at.file


@dataclass(frozen=True)
class _Box:
    """What hosts and containers have in common. Every method returns the box, for chains."""

    topology: Topology
    given: Given = field(repr=False)

    def interface(self, name: str, *, addresses: Addresses | None = None, **options: Any) -> Self:
        """Add an interface: with a wire (``switch="lan"``), or of another kind (``type=…, parent=…``).

        ``addresses`` is ``"10.0.0.1/24"`` or a list of such; ``options`` are the file's: ``mac``, ``mtu``,
        ``state``, ``port={"hairpin": True}``, ``neighbors``, … Raises TopologyError where there is one of that name.
        """
        if addresses is not None:
            several = isinstance(addresses, Iterable) and not isinstance(addresses, str)
            options = {"addresses": list(addresses) if several else [addresses], **options}  # type: ignore[arg-type]
        _add(_inside(self.given, "interfaces"), name, options, "an interface")
        return self

    def macvlan(self, name: str, *, parent: str, addresses: Addresses | None = None, **options: Any) -> Self:
        """Add a macvlan child of one of the host's interfaces. ``options``: ``mode``, ``mac``, ``allowed_macs``, …"""
        return self.interface(name, addresses=addresses, type="macvlan", parent=parent, **options)

    def macvtap(self, name: str, *, parent: str, addresses: Addresses | None = None, **options: Any) -> Self:
        """Add a macvtap child of one of the host's interfaces. ``options`` as for `macvlan`."""
        return self.interface(name, addresses=addresses, type="macvtap", parent=parent, **options)

    def host(self, name: str, **options: Any) -> Host:
        """Go on with another host of the topology."""
        return self.topology.host(name, **options)


class Host(_Box):
    """A host in the making: `Topology.host`."""

    def container(self, name: str, **options: Any) -> Container:
        """Add a container of this host, or go on with one. ``options`` as in the file: ``sysctls``, ``routes``, …"""
        return Container(self.topology, _box(self.given, "containers", name, options))


class Container(_Box):
    """A container in the making: `Host.container`."""


def caller() -> Where:
    """The line of Python outside of this package that is being carried out."""
    frame = sys._getframe(1)
    while frame.f_back is not None and os.path.abspath(frame.f_code.co_filename).startswith(_HERE):
        frame = frame.f_back
    path = os.path.relpath(frame.f_code.co_filename)
    return Where(frame.f_code.co_filename if path.startswith("..") else path, frame.f_lineno, 1)


def _inside(holder: Given, section: str) -> Given:
    found: Given = holder.value.setdefault(section, Given({}, holder.at))
    return found


def _placed(options: Mapping[str, Any]) -> dict[str, Given]:
    at = caller()
    return {key: Given(value, at) for key, value in options.items()}


def _add(section: Given, name: str, options: Mapping[str, Any], what: str) -> None:
    at = caller()
    if name in section.value:
        from netlab.spec import Problem, TopologyError

        raise TopologyError([Problem(at, f"there is {what} {name!r} already", "give it another name")])
    section.value[name] = Given(_placed(options), at)


def _box(holder: Given, section: str, name: str, options: Mapping[str, Any]) -> Given:
    found: Given = _inside(holder, section).value.setdefault(name, Given({}, caller()))
    found.value.update(_placed(options))
    return found
