"""What a User-Mode Linux can do, by its own words: its version, its help, and the configuration that it was built with.

All of that is told without starting it.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from netlab.contract.dataclass import dataclass
from netlab.contract.kernels import Version, parse
from netlab.errors import CANNOT_RUN, NetlabError, printable

#: Kinds of links that labs may have, by the option that a kernel is built with.
KINDS = {
    "veth": "VETH", "bridge": "BRIDGE", "macvlan": "MACVLAN", "macvtap": "MACVTAP", "ipvlan": "IPVLAN",
    "ipvtap": "IPVTAP", "dummy": "DUMMY", "vlan": "VLAN_8021Q", "bond": "BONDING", "vrf": "NET_VRF", "vxlan": "VXLAN",
    "ifb": "IFB", "wireguard": "WIREGUARD", "tun": "TUN", "netkit": "NETKIT",
}  # fmt: skip
#: Further facts, by name and option.
_MORE = {
    "netem": "NET_SCH_NETEM", "nftables": "NF_TABLES_INET", "smp": "SMP", "bpf": "BPF_SYSCALL",
    "time_travel": "UML_TIME_TRAVEL_SUPPORT",
}  # fmt: skip
_INSTEAD = "a User-Mode Linux runs (netlab kernel build VERSION, or netlab kernel fetch), and a vmlinuz for x86_64"
#: The last series whose processes outlive a kernel that was killed is 6.1; in between none was tried.
ENDS_WITH_ITS_KERNEL = Version(6, 12)


class KernelError(NetlabError):
    """No such kernel, or one that can't be had or run; ``fix`` says what to do instead."""

    exit_code = CANNOT_RUN


@dataclass(frozen=True)
class Facts:
    """A kernel's release; the kinds of links it has; whether it has netem, nftables of all families, several
    processors, BPF, time travel (a simulated clock), and a way to run its processes by seccomp instead of ptrace."""

    release: str
    kinds: tuple[str, ...]
    netem: bool
    nftables: bool
    smp: bool
    bpf: bool
    time_travel: bool
    seccomp: bool

    @property
    def version(self) -> Version:
        """Its series."""
        return parse(self.release)

    @property
    def leaves(self) -> bool:
        """Whether its processes may go on when it is killed."""
        return self.version < ENDS_WITH_ITS_KERNEL

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "kinds": list(self.kinds)}


def from_plain(plain: dict[str, Any]) -> Facts:
    """What `Facts.plain` has made."""
    return Facts(**{**plain, "kinds": tuple(plain["kinds"])})


def ask(program: Path) -> Facts:
    """What a program says of itself. Raises KernelError where it is no User-Mode Linux, or doesn't run here."""
    release = next(iter(_say(program, "--version").splitlines()), "").strip()
    if not re.fullmatch(r"\d+\.\d+[\w.+-]*", release):
        said = printable(release)[:60]
        raise KernelError(f"{program} is no User-Mode Linux: to --version it says {said!r}", fix=_INSTEAD)
    options = dict(re.findall(r"^CONFIG_(\w+)=(.*)$", _say(program, "--showconfig"), re.MULTILINE))
    return from_options(release, options, seccomp="seccomp=" in _say(program, "--help"))


def from_options(release: str, options: Mapping[str, str], *, seccomp: bool = False) -> Facts:
    """What a kernel is by the options that it was built with, those that are set, without ``CONFIG_``."""
    return Facts(
        release=release,
        kinds=tuple(kind for kind, option in KINDS.items() if option in options),
        seccomp=seccomp,
        **{name: option in options for name, option in _MORE.items()},
    )


def _say(program: Path, option: str) -> str:
    try:
        done = subprocess.run(
            [program, option], capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        said = error.strerror if isinstance(error, OSError) else "it doesn't end"
        raise KernelError(f"{program} {option}: {said}", fix=_INSTEAD) from error
    return done.stdout
