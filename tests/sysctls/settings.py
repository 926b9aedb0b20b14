"""Every sysctl that a namespace of this kernel has, the values that are worth a try, and which the kernel takes.

A process in namespaces of its own asks the kernel: /proc/sys/net is that of who looks.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field

from netlab.model import sysctls as model
from netlab.plan import sysctls as plan
from netlab.spec import sysctls as spec
from netlab.spec.scalars import Wrong

#: What can be written in a namespace with one wire in it, with its value.
_LIST = r"""
import os
for folder, _, files in os.walk("/proc/sys/net"):
    for path in (os.path.join(folder, file) for file in files):
        mode = os.stat(path).st_mode
        if mode & 0o200:
            try:
                text = open(path).read() if mode & 0o400 else ""
            except OSError:
                text = ""  # stable_secret can't be read before it has a value
            print(path.removeprefix("/proc/sys/"), " ".join(text.split()), sep="\t")
"""
#: Write each value of standard input; what the kernel says, and whether another namespace sees it then.
_TRY = r"""
import ctypes, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
mine, other = os.open("/proc/self/ns/net", 0), os.open(f"/proc/{os.getppid()}/ns/net", 0)
def read(path):
    try:
        return open(path).read()
    except OSError:
        return None
result = {}
for path, value in json.load(sys.stdin):
    file = "/proc/sys/" + path
    before, told = read(file), ""
    libc.setns(other, 0)
    elsewhere = read(file)
    libc.setns(mine, 0)
    try:
        with open(file, "w") as out:
            out.write(value)
    except OSError as error:
        told = error.strerror
    libc.setns(other, 0)
    wide = read(file) != elsewhere
    libc.setns(mine, 0)
    if before is not None and not told:
        try:
            with open(file, "w") as out:
                out.write(before)
        except OSError:
            pass  # what it was can't be written back: the namespace goes anyway
    result[path + " " + value] = "machine-wide" if wide else told
print(json.dumps(result))
"""
_LINK = "ip link add eth0 type veth peer name p0"
_OF_INTERFACE = re.compile(r"(net/ipv[46]/(?:conf|neigh))/([^/]+)/(.+)")

#: Values of sysctls that take text, or several numbers.
_WORDS = {
    "net/core/rps_default_mask": ["1"],
    "net/ipv4/fib_multipath_hash_fields": ["0", "1", "4095"],
    "net/ipv4/ip_local_port_range": ["1024 65535", "60000 60100"],
    "net/ipv4/ip_local_reserved_ports": ["8080", "1-65535"],
    "net/ipv4/ping_group_range": ["0 2147483647", "1 0"],
    "net/ipv4/tcp_congestion_control": ["reno", "cubic"],
    "net/ipv4/tcp_fastopen_key": ["00000001-00000002-00000003-00000004"],
    "net/ipv4/tcp_rmem": ["4096 4096 4096", "4096 16777216 16777216"],
    "net/ipv4/tcp_wmem": ["4096 4096 4096", "4096 16777216 16777216"],
    "net/ipv4/tcp_rto_max_ms": ["1000"],
    "net/ipv6/conf/*/stable_secret": ["2001:db8::1"],
    "net/ipv6/icmp/ratemask": ["0", "0-127"],
    "net/mptcp/path_manager": ["kernel", "userspace"],
}
#: Sizes of tables that every namespace would make anew.
_BOUNDED = {"net/ipv4/tcp_child_ehash_entries": 4096, "net/ipv4/udp_child_hash_entries": 4096}


#: What the agent itself sets (netlab/agent/probe/waiting.py).
_BY_AGENT = {"net/ipv4/neigh/*/proxy_delay": "0", "net/ipv6/neigh/*/proxy_delay": "0"}
#: Every interface has another usual value: that of its link.
_OF_LINK = "net/ipv6/conf/*/mtu"


@dataclass(frozen=True, order=True)
class Setting:
    """A sysctl (``net/ipv4/conf/*/rp_filter``: at every interface) and a value of it."""

    path: str
    value: str


@dataclass
class Known:
    """A sysctl: the value that every lab gives it, or that a namespace has; what the kernel takes, what it refuses."""

    default: str
    taken: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    wide: bool = False


def existing() -> dict[str, str]:
    """The sysctls that a namespace has and the model no rule for, with their values; of interfaces, one for all."""
    found: dict[str, str] = {}
    for line in sorted(_inside(_LIST).splitlines()):
        path, _, value = line.partition("\t")
        if path not in spec.MACHINE_WIDE and not model.followed(path) and "/lo/" not in path:
            # That of an interface comes after that of all.
            found[_OF_INTERFACE.sub(r"\1/*/\3", path)] = value
    del found[_OF_LINK]
    return found


def known() -> dict[str, Known]:
    """Every sysctl with the values that the kernel takes."""
    given = plan.defaults() | _BY_AGENT
    fresh = existing()
    found, tried = {}, []
    for path, value in fresh.items():
        one = found[path] = Known(given.get(path) or given.get(path.replace("*", "default"), value))
        tried += [Setting(path, value) for value in _values(path, one.default, fresh[path])]
    told = json.loads(_inside(_TRY, json.dumps([(one.path.replace("*", "eth0"), one.value) for one in tried])))
    for setting in tried:
        answer = told[f"{setting.path.replace('*', 'eth0')} {setting.value}"]
        one = found[setting.path]
        (one.refused if answer else one.taken).append(setting.value)
        one.wide |= answer == "machine-wide"
    return found


def _inside(script: str, text: str = "") -> str:
    """What a script says in a namespace of its own, below a shell in another."""
    user = ["--user", "--map-root-user"] if os.geteuid() else []
    inner = ["unshare", "--net", "sh", "-c", f'{_LINK} && exec "$0" -c "$1"', sys.executable, script]
    outer = ["unshare", *user, "--net", "sh", "-c", f'{_LINK} && "$@"; exit $?', "sh", *inner]
    return subprocess.run(outer, input=text, capture_output=True, text=True, check=True).stdout


def _values(path: str, default: str, fresh: str) -> list[str]:
    """What is to be tried: the kernel's own, of numbers the least, and some beyond the default; of flags all."""
    if path in _WORDS:
        return [value for value in _WORDS[path] if value != default]
    if not re.fullmatch(r"-?[0-9]+", default):
        return []
    usual = int(default)
    limits = spec.limits(path.replace("*", "all"))
    if limits is not None:
        tried = set(range(limits[0], limits[1] + 1))
    else:
        tried = {0, 1, 2, int(fresh), usual * 4 if usual > 2 else 1000}
    return [
        str(one) for one in sorted(tried) if one != usual and one < _BOUNDED.get(path, 1 << 31) and _meant(path, one)
    ]


def _meant(path: str, value: int) -> bool:
    """Whether a topology file may say this value."""
    try:
        spec.check_value(path.replace("*", "all"), str(value))
    except Wrong:
        return False
    return True
