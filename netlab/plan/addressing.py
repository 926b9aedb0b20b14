"""How an interface's addresses are replaced by others, in the kernel's own order."""

from __future__ import annotations

from netlab.contract.dataclass import dataclass
from netlab.contract.types import Address


@dataclass(frozen=True)
class Transition:
    """From old addresses to new ones: first the unwanted ones are deleted, then new ones added.

    - ``start``: the old addresses, without those that the kernel deletes by itself with their primary address.
    - ``end``: the new addresses in the order that results.
    - ``lost``: those that the kernel deletes by itself although they are wanted: they are added again.
    - ``remade``: those whose routes are made anew, because the primary address of their prefix has gone.
    - ``emptied``: no IPv4 address is left in between.
    """

    start: tuple[Address, ...]
    end: tuple[Address, ...]
    lost: tuple[Address, ...]
    remade: tuple[Address, ...]
    emptied: bool


def transition(old: tuple[Address, ...], new: tuple[Address, ...], promote: bool) -> Transition:
    """From ``old`` to ``new``.

    The first IPv4 address of a prefix is the primary one. When it is deleted, the kernel deletes the others of that
    prefix, too, unless ``promote`` (promote_secondaries; __inet_del_ifa). New addresses come behind those that stay.
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
    """The primary address of an IPv4 address's prefix; an IPv6 address is its own."""
    if address.family == 6:
        return address
    return next(other for other in among if other.family == 4 and other.network == address.network)
