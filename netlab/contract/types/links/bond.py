"""A bond: several interfaces that are used as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from typing import ClassVar

from netlab.contract.dataclass import dataclass
from netlab.contract.types.links.base import Link

#: What netlink and sysfs call the choices of a bond's MAC (fail_over_mac).
MAC_POLICIES = ("none", "active", "follow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bond(Link):
    """A bond. An option that is None is the kernel's: ``balance-rr``, and links that nobody watches.

    ``primary`` is the id of the member that sends whenever it can; ``miimon`` how often, in ms, the kernel looks at the
    members' carriers, 0 for never (then it takes every member for alive); ``num_grat_arp`` how often it announces
    itself after a failover. With ``fail_over_mac`` other than none members keep MACs of their own in active-backup.

    What follows from its members, the ``team``, at the end of a step: ``linked`` are those that the kernel takes for
    alive, ``senders`` those by which the bond sends. While a bond is down the kernel doesn't watch them: both stay.
    """

    kind: ClassVar[str] = "bond"
    members: ClassVar[str] = "member"
    chooses: ClassVar[bool] = True
    modes: ClassVar[tuple[str, ...]] = ("balance-rr", "active-backup", "balance-xor", "802.3ad")
    mode: str | None = None
    miimon: int | None = None
    primary: str | None = None
    fail_over_mac: str | None = None
    num_grat_arp: int | None = None
    team: tuple[str, ...] = ()
    linked: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()

    @property
    def effective_mode(self) -> str:
        """The mode the kernel uses: balance-rr where none was given (bond_check_params)."""
        return self.mode or "balance-rr"

    @property
    def watches(self) -> bool:
        """Whether the kernel looks at its members' carriers; 802.3ad needs it (bond_option_mode_set)."""
        return bool(100 if self.miimon is None and self.mode == "802.3ad" else self.miimon)

    @property
    def picks_one(self) -> bool:
        """Whether the others are inactive, and what comes in by them is dropped."""
        return self.effective_mode in ("active-backup", "802.3ad")

    @property
    def own_macs(self) -> bool:
        """Whether members keep MACs of their own (bond_enslave)."""
        return self.mode == "active-backup" and self.fail_over_mac in ("active", "follow")

    @property
    def bottoms(self) -> tuple[str, ...]:
        return self.senders

    @property
    def drops(self) -> bool:
        """So it does with what no member can send (bond_tx_drop)."""
        return not self.senders

    @property
    def depends(self) -> tuple[str, ...]:
        return (*Link.depends.fget(self), *self.senders)  # type: ignore[attr-defined]

    def carries(self, find: Callable[[str], Link | None], live: Set[str]) -> bool:
        """It has a carrier where a member is taken for alive; being down doesn't take it away (bond_set_carrier).

        In 802.3ad it needs an active aggregator as well, which it has none of before it first came up
        (bond_3ad_set_carrier).
        """
        return bool(self.senders if self.mode == "802.3ad" else self.linked)

    def chosen(self, members: Sequence[Link], find: Callable[[str], Link | None]) -> Bond:
        """The bond once it has looked at its members, in the order in which they joined.

        Those that have joined since it last looked are looked at even while it is down, and have it choose anew
        (bond_enslave).
        """
        alive = {one.id for one in members if one.up and one.carrier}
        new = {one.id for one in members} - set(self.team)
        linked = []
        for one in members:
            looked = self.watches and (self.up or one.id in new)
            if one.id in alive if looked else one.id in new or one.id in self.linked:
                linked.append(one.id)
        if self.mode == "802.3ad" and not self.up:
            # Nobody chooses an aggregator while it is down (bond_open, bond_3ad_state_machine_handler).
            senders = [one.id for one in members if one.id in self.senders]
        elif not self.picks_one:
            # What can't send is passed over at once, whether its carrier is watched or not (bond_slave_can_tx).
            senders = [one for one in linked if one in alive]
        else:
            senders = self._elected(linked, members, bool(new), find)
        return replace(self, team=tuple(one.id for one in members), linked=tuple(linked), senders=tuple(senders))

    def _elected(
        self, linked: list[str], members: Sequence[Link], anew: bool, find: Callable[[str], Link | None]
    ) -> list[str]:
        """The active member (bond_choose_primary_or_current), or in 802.3ad those of the active aggregator."""
        if self.mode == "802.3ad":
            by_id = {one.id: one for one in members}
            # A partner that has gone down is believed in for 90 s (AD_LONG_TIMEOUT_TIME).
            partner = {one: _partner(by_id[one], find, one in self.senders) for one in linked}
            together = [one for one in linked if partner[one] is not None]
            if together:
                return [one for one in together if partner[one] == partner[together[0]]]
        kept = [] if anew and self.mode != "802.3ad" else [one for one in self.senders if one in linked]
        best = [self.primary] if self.primary in linked else kept or linked
        return [one for one in best[:1] if one is not None]

    def announces(self, before: Link) -> bool:
        """After a failover, unless it is told to do so 0 times (bond_change_active_slave)."""
        moved = isinstance(before, Bond) and bool(self.senders) and self.senders != before.senders
        return moved and self.mode == "active-backup" and self.up and self.num_grat_arp != 0

    def shows(self, member: str) -> tuple[bool, bool] | None:
        """Nothing while it is down: whether it has seen what a member did just before depends on when it looked."""
        if not self.up:
            return None
        return not self.picks_one or member in self.senders, member in self.linked

    @property
    def argv(self) -> tuple[str, ...]:
        told = {
            "mode": self.mode,
            "miimon": self.miimon,
            "fail_over_mac": self.fail_over_mac,
            "num_grat_arp": self.num_grat_arp,
        }
        return ("type", self.kind, *(str(word) for pair in told.items() if pair[1] is not None for word in pair))

    def settings(self, before: Link | None) -> tuple[tuple[str, ...], ...]:
        """The primary is set when it is a member; the others when it is made."""
        found: list[tuple[str, ...]] = []
        for key, usual in (("miimon", 0), ("num_grat_arp", 1)) if isinstance(before, Bond) else ():
            if (value := getattr(self, key)) != getattr(before, key):
                found.append((key, str(usual if value is None else value)))
        if self.primary != (before.primary if isinstance(before, Bond) else None):
            found.append(("primary", self.primary.rpartition(":")[2] if self.primary else ""))
        return tuple(found)

    @property
    def words(self) -> tuple[str, ...]:
        return (f"bond {self.effective_mode}",)


def _partner(member: Link, find: Callable[[str], Link | None], known: bool) -> str | None:
    """The other bond that speaks LACP at the end of a member's wire; a switch passes no such frame on."""
    far = find(member.peer_id) if member.peer_id is not None else None
    other = find(far.master) if far is not None and far.master is not None else None
    return other.id if isinstance(other, Bond) and other.mode == "802.3ad" and (other.up or known) else None
