"""Scenes with links that have members, by rule."""

from __future__ import annotations

from functools import partial

from netlab import plan
from netlab.contract.types import State

B, M, N, X = "h:bond0", "h:eth0", "h:eth1", "x:eth0"


class Bonded:
    """h with a bond of two wires to the switch of x, each of them up or down."""

    def __init__(self, mode: str, *down: str, miimon: int = 100) -> None:
        self.text = f"""
switches: {{lan: {{}}}}
hosts:
  h:
    interfaces:
      bond0: {{type: bond, mode: {mode}, miimon: {miimon}, addresses: [10.0.0.1/24, "fd00::1/64"]}}
      eth0: {{switch: lan, master: bond0}}
      eth1: {{switch: lan, master: bond0}}
  x: {{interfaces: {{eth0: {{switch: lan, addresses: [10.0.0.2/24, "fd00::2/64"]}}}}}}
"""
        self.down = down
        if down:
            set_ = ", ".join(f"{name}: {{state: down}}" for name in down)
            self.text += f"steps: [{{name: down, set: {{{set_}}}}}]\n"

    def state(self) -> State:
        """The state with these down."""
        return plan.from_file(self.text, "t").steps[bool(self.down)].state


def never_up() -> Bonded:
    """A bond that is down from the beginning, while its members are up."""
    lab = Bonded("active-backup")
    lab.text = lab.text.replace("type: bond,", "type: bond, state: down,")
    return lab


BONDS = {
    "bond/active-sends": (partial(Bonded, "active-backup", M), "icmp", B, X),
    "bond/by-hash": (partial(Bonded, "balance-xor"), "icmp", B, X),
    "bond/in-turn": (partial(Bonded, "balance-rr"), "icmp", B, X),
    "bond/inactive-drops": (partial(Bonded, "active-backup"), "broadcast", X, N),
    "bond/member-hears-nothing": (partial(Bonded, "active-backup"), "unicast", X, M),
    "bond/no-member-sends": (partial(Bonded, "balance-rr", M, N, miimon=0), "icmp", B, X),
    "multicast/down-has-no-route": (never_up, "mcast6", X, B),
    "bond/nobody-watches": (partial(Bonded, "active-backup", M, miimon=0), "icmp", B, X),
}
