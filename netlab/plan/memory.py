"""What the kernel remembers of earlier steps: the order of addresses, and MACs that bridges or parents had."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field, replace

from netlab.contract.dataclass import dataclass
from netlab.contract.types import Address, AnyLink
from netlab.contract.types.links.base import table

#: A link's id and one of its addresses.
Pair = tuple[str, str]


@dataclass
class Memory:
    """``given`` and ``addressed`` number the addresses in the order in which they became local, and got their connected
    routes; those that are ``routeless`` got none (`netlab.contract.types.State`). ``static`` are the MACs of static
    entries by bridge, ``disowned`` the MACs that a bridge has lost by them. ``perm`` are the MACs that parents had
    before their passthru child.
    """

    given: dict[Pair, int] = field(default_factory=dict)
    addressed: dict[Pair, int] = field(default_factory=dict)
    next_address: int = 0
    routeless: set[Pair] = field(default_factory=set)
    static: dict[str, set[str]] = field(default_factory=dict)
    disowned: set[Pair] = field(default_factory=set)
    perm: dict[str, str | None] = field(default_factory=dict)

    def copy(self) -> Memory:
        """The same, to be changed by itself."""
        return replace(
            self,
            given=self.given.copy(),
            addressed=self.addressed.copy(),
            routeless=self.routeless.copy(),
            static=self.static.copy(),
            disowned=self.disowned.copy(),
            perm=self.perm.copy(),
        )

    def connected(self, links: Collection[AnyLink]) -> list[tuple[Address, str, int]]:
        """The addresses that have connected routes, as they were given, with their interface's name, and the table of
        these routes. ``links`` are those of a namespace.
        """
        by_id = {link.id: link for link in links}
        given = sorted(
            (self.addressed[pair], address, link.name, table(link, by_id.__getitem__))
            for link in links
            for address in link.addresses
            if (pair := (link.id, address.ip)) in self.addressed and pair not in self.routeless
        )
        return [entry for _, *entry in given]  # type: ignore[misc]

    def connect(self, links: Collection[AnyLink]) -> Iterator[tuple[AnyLink, Address, Address]]:
        """Bring up to date which IPv4 entries the kernel has for each address, and since when (fib_add_ifaddr).

        An address gets its local entry when it is given, even while its interface is down (fib_sync_down_dev spares
        it). It gets its routes when the interface is up. Where an address is both local and a network's broadcast
        address, the older entry counts (fib_insert_alias appends). An address that isn't local can't be a route's
        source (fib_valid_prefsrc): it gets no routes. A secondary address has its primary as source: it gets not even a
        local entry, which is an error of the file. Those are yielded: link, address, primary.
        """
        there = _holders(links)
        up = {pair for pair, (link, _) in there.items() if link.up}
        self.given = {pair: number for pair, number in self.given.items() if pair in there}
        self.addressed = {pair: number for pair, number in self.addressed.items() if pair in up}
        self.routeless &= up
        if len(self.given) == len(there) and len(self.addressed) == len(up):
            return
        # In a VRF an address is what it is in that VRF's table.
        kinds: dict[Pair, str] = {}
        for _, kind, key in sorted(self._entries(there)):
            kinds.setdefault(key, kind)
        for pair, (link, address) in there.items():
            if pair in self.given and (pair in self.addressed or not link.up):
                continue
            self.next_address += 1
            first = next(one for one in link.addresses if one.network == address.network)
            self.given.setdefault(pair, self.next_address)
            kinds.setdefault((_space(link), address.ip), "local")
            if address.family == 4 and first is not address and kinds.get((_space(link), first.ip)) == "broadcast":
                yield link, address, first
            if not link.up:
                continue
            self.addressed[pair] = self.next_address
            self.routeless.discard(pair)
            if kinds[_space(link), address.ip] != "local":
                self.routeless.add(pair)
            elif last := broadcast_of(address):
                kinds.setdefault((_space(link), last), "broadcast")

    def shadowed(self, links: Iterable[AnyLink]) -> Iterator[Pair]:
        """The addresses that were another network's broadcast address before they were local."""
        there = _holders(links)
        first: dict[Pair, int] = {}
        for number, kind, key in self._entries(there):
            if kind == "broadcast":
                first[key] = min(number, first.get(key, number))
        for pair, number in self.given.items():
            if first.get((_space(there[pair][0]), pair[1]), 2 * number) < 2 * number:
                yield pair

    def _entries(self, there: Mapping[Pair, tuple[AnyLink, Address]]) -> Iterator[tuple[int, str, Pair]]:
        """The entries that addresses have: since when, which kind, the namespace or VRF, and the address."""
        for pair, number in self.given.items():
            yield 2 * number, "local", (_space(there[pair][0]), pair[1])
        for pair, number in self.addressed.items():
            link, address = there[pair]
            if pair not in self.routeless and (last := broadcast_of(address)):
                yield 2 * number + 1, "broadcast", (_space(link), last)


def _space(link: AnyLink) -> str:
    """Where its addresses must differ from others: its VRF, or its namespace."""
    return link.domain or link.namespace


def _holders(links: Iterable[AnyLink]) -> dict[Pair, tuple[AnyLink, Address]]:
    """Every address that there is, with its link."""
    return {(link.id, address.ip): (link, address) for link in links for address in link.addresses}


@functools.lru_cache(maxsize=4096)
def broadcast_of(address: Address) -> str:
    """The broadcast address of an address's network, '' where there is none (fib_add_ifaddr)."""
    network = address.network
    return str(network.broadcast_address) if network.version == 4 and network.prefixlen < 31 else ""
