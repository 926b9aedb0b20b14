"""How the addresses of an interface go over into others, in the kernel's own order."""

from __future__ import annotations

from dataclasses import dataclass

from netlab.contract.types import Address


@dataclass(frozen=True)
class Transition:
    """From old addresses to new ones: those that are not wanted are deleted first, then new ones added.

    ``start`` are the old ones without those that go by themselves, ``end`` the new ones in the order that
    results. ``emptied`` says that no IPv4 address is left in between, ``lost`` which are made anew, ``remade`` whose
    routes are: theirs, and those of others of a prefix whose primary address has gone.
    """

    start: tuple[Address, ...]
    end: tuple[Address, ...]
    lost: tuple[Address, ...]
    remade: tuple[Address, ...]
    emptied: bool


def transition(old: tuple[Address, ...], new: tuple[Address, ...], promote: bool) -> Transition:
    """From ``old`` to ``new``.

    The first IPv4 address of a prefix is the primary one; when it goes, the others of that prefix go with it,
    unless ``promote`` (promote_secondaries; __inet_del_ifa). New addresses come behind those that stay.
    """
    removed = [address for address in old if address not in new]
    remade = tuple(a for a in old if a in new and _primary(a, old) in removed)
    lost = () if promote else remade
    stay = tuple(address for address in old if address in new and address not in lost)
    return Transition(
        start=tuple(a for a in old if promote or _primary(a, old) == a or _primary(a, old) not in removed),
        end=stay + tuple(address for address in new if address not in stay),
        lost=lost,
        remade=remade,
        emptied=_has_v4(old) and not _has_v4(stay),
    )


def _has_v4(addresses: tuple[Address, ...]) -> bool:
    return any(address.family == 4 for address in addresses)


def _primary(address: Address, among: tuple[Address, ...]) -> Address:
    """The primary address that one of IPv4 belongs to; each of IPv6 is its own."""
    if address.family == 6:
        return address
    return next(other for other in among if other.family == 4 and other.network == address.network)
