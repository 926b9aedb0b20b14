"""Texts of a topology file to values: addresses, MACs, names, numbers, flags. Each raises `Wrong`."""

from __future__ import annotations

import ipaddress
import re

from netlab.contract.types import Address
from netlab.contract.types.parts import OWN_FOLDERS
from netlab.spec.problems import did_you_mean

_MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")
_NUMBER = re.compile(r"-?[0-9]+")
_MARK = re.compile(r"0x[0-9a-fA-F]{1,8}|[0-9]{1,10}")
#: Longer numbers are out of any range, and aren't computed.
_DIGITS = 18
_NAME = re.compile(r"[^\W_](?:[\w.+-]*)|_[\w.+-]*")
#: IFNAMSIZ and ALTIFNAMSIZ less the closing NUL (include/uapi/linux/if.h).
IFNAME_BYTES = 15
ALTNAME_BYTES = 127
#: PATH_MAX, with room for what stands before it (include/uapi/linux/limits.h).
PATH_LENGTH = 3000
#: RT_TABLE_* (include/uapi/linux/rtnetlink.h).
TABLES = {"main": 254, "local": 255, "default": 253}
#: What other tools' files have in the place of an address.
_GIVEN_BY_OTHERS = ("dhcp", "dhcp4", "dhcp6", "auto", "slaac", "ra", "static", "none")


class Wrong(ValueError):
    """A text that is not what it should be; ``offset`` characters into it is where it goes wrong."""

    def __init__(self, message: str, hint: str = "", offset: int = 0) -> None:
        super().__init__(message)
        self.hint = hint
        self.offset = offset


def text(value: object) -> str:
    """The scalar as written."""
    if isinstance(value, str):
        return value
    if value is None:
        raise Wrong("a value is missing")
    raise Wrong(f"must be one value, not a {'mapping' if isinstance(value, dict) else 'list'}")


def flag(value: object) -> bool:
    """``true``/``false``, ``on``/``off``."""
    word = text(value)
    if word in ("true", "on", "True", "TRUE", "On", "ON"):
        return True
    if word in ("false", "off", "False", "FALSE", "Off", "OFF"):
        return False
    raise Wrong(f"{word!r} is neither true nor false", "write true or false, or on or off")


def number(value: object, low: int, high: int) -> int:
    """A decimal number between ``low`` and ``high``."""
    word = text(value)
    if not _NUMBER.fullmatch(word):
        raise Wrong(f"{short(word)} is not a whole number")
    if len(word) > _DIGITS or not low <= int(word) <= high:
        shown = word if len(word) <= 60 else f"a number of {len(word)} digits"
        raise Wrong(f"{shown} is out of range", f"{low} to {high}")
    return int(word)


def name(value: object) -> str:
    """The name of a host, container or switch."""
    word = text(value)
    if not _NAME.fullmatch(word):
        bad = next((c for c in word if not re.fullmatch(r"[\w.+-]", c)), None)
        what = f"{bad!r} cannot stand in the name {short(word)}" if bad else f"{short(word)} is not a name"
        raise Wrong(what, "letters, digits, '.', '_', '+' and '-', a letter or digit first")
    if word == "any":
        raise Wrong("'any' cannot be a name", "it means every endpoint")
    if len(word) > 63:
        raise Wrong(f"the name {short(word)} is longer than 63 characters")
    return word


def file_path(value: object) -> str:
    """The path of a file in a folder that a private host has of its own."""
    word = text(value)
    parts = [part for part in word.split("/") if part not in ("", ".")]
    # Everywhere /var/run is a link to /run, and /var/lock one to /run/lock.
    if parts[:2] in (["var", "run"], ["var", "lock"]):
        parts = ["run", *parts[2 if parts[1] == "run" else 1 :]]
    path = "/" + "/".join(parts)
    if not word.startswith("/") or ".." in parts or word.endswith("/") or "\0" in word or len(word) > PATH_LENGTH:
        raise Wrong(f"{short(word)} is not the path of a file", "write it from the root on: /etc/example.conf")
    if not any(path.startswith(f"{own}/") for own in OWN_FOLDERS):
        raise Wrong(f"{short(word)} is no place of a host's own", f"a host has its own {', '.join(OWN_FOLDERS)}")
    return path


def file_mode(value: object) -> int:
    """Permissions in octal: ``0640``."""
    word = text(value)
    if not re.fullmatch(r"0?[0-7]{3,4}", word):
        raise Wrong(f"{short(word)} is no file mode", "write it in octal: 0640")
    return int(word, 8)


def pattern(value: object) -> str:
    """A regular expression."""
    word = text(value)
    try:
        re.compile(word)
    except re.error as error:
        raise Wrong(f"{short(word)} is no regular expression: {error}") from error
    return word


def port(value: object) -> str:
    """A port of a program: ``80``, ``tcp/80``, ``udp/53``."""
    word = text(value)
    protocol, slash, name = word.rpartition("/")
    if protocol not in (("tcp", "udp") if slash else ("",)) or not name.isdigit() or not 0 < int(name[:9]) < 65536:
        raise Wrong(f"{short(word)} is no port", "write 80, tcp/80 or udp/53")
    return f"{protocol or 'tcp'}/{int(name)}"


def signal(value: object) -> int:
    """A signal by its name: ``TERM``, ``SIGTERM``."""
    from signal import Signals

    word = text(value)
    name = word if word.startswith("SIG") else f"SIG{word}"
    if name not in Signals.__members__:
        known = [one.removeprefix("SIG") for one in Signals.__members__]
        raise Wrong(f"{short(word)} is no signal", did_you_mean(word.removeprefix("SIG"), known))
    return Signals[name]


def owner(value: object) -> str:
    """A user, or ``user:group``."""
    word = text(value)
    if not re.fullmatch(r"[A-Za-z_][\w.-]*(:[A-Za-z_][\w.-]*)?", word):
        raise Wrong(f"{short(word)} is no owner", "write a user, or user:group")
    return word


def title(value: object) -> str:
    """The name of a topology or a step: one line, and no path that leads elsewhere."""
    word = text(value)
    if not word.strip() or len(word) > 100 or len(word.splitlines()) > 1:
        raise Wrong("a name is one line of at most 100 characters")
    if word.startswith("/") or ".." in word.split("/"):
        raise Wrong(f"{short(word)} reads like a path", "leave '/' and '..' out")
    return word


def switch_name(value: object) -> str:
    """The name of a switch: ``--`` in it would read like a link between two."""
    word = name(value)
    if "--" in word:
        raise Wrong(f"'--' cannot stand in the name of the switch {word!r}", "it names the link between two switches")
    return word


def interface_name(value: object) -> str:
    """The name of an interface (dev_valid_name, sysctl_dev_name_is_allowed); longer ones become altnames."""
    word = name(value)
    if word in ("all", "default"):
        raise Wrong(f"an interface cannot be called {word!r}", "the kernel has a use of its own for that name")
    if len(word.encode()) > ALTNAME_BYTES:
        raise Wrong(f"the name {short(word)} is longer than {ALTNAME_BYTES} bytes")
    return word


def mac(value: object) -> str:
    """A MAC in lower case."""
    word = text(value)
    if not _MAC.fullmatch(word):
        raise Wrong(f"{short(word)} is not a MAC address", "six pairs of hex digits, as in 02:00:00:00:00:01")
    return word.lower()


def is_mac(word: str) -> bool:
    """Whether the text is a MAC."""
    return _MAC.fullmatch(word) is not None


def mac_or_auto(value: object) -> str:
    """A MAC, or ``auto``."""
    return "auto" if value == "auto" else mac(value)


def mac_or_link(value: object) -> str:
    """A MAC, or the id of the interface whose MAC it is."""
    word = text(value)
    if is_mac(word):
        return word.lower()
    namespace, colon, interface = word.partition(":")
    if not colon or not namespace or not interface or ":" in interface:
        raise Wrong(f"{short(word)} is not a MAC address", "02:00:00:00:00:01, or an interface, as in B:ens160")
    return word


def addresses(value: object) -> object:
    """What is given as addresses, unless it is a word for another way to get one."""
    if isinstance(value, str) and value.casefold() in _GIVEN_BY_OTHERS:
        address(value)
    return value


def address(value: object) -> Address:
    """An interface's address with its prefix length."""
    word = text(value)
    if word.casefold() in _GIVEN_BY_OTHERS:
        raise Wrong(f"{word!r} is no address: netlab sets addresses itself", "give one, as in [192.168.26.149/24]")
    ip, slash, _ = word.partition("/")
    try:
        if "%" in word:
            raise ValueError
        parsed = ipaddress.ip_interface(word)
    except ValueError:
        hint = "as in 192.168.26.149/24 or fd00::1/64"
        raise Wrong(f"{short(word)} is not an IP address with its prefix length", hint) from None
    if not slash:
        raise Wrong(f"the address {word} lacks its prefix length", f"write {ip}/{24 if parsed.version == 4 else 64}")
    _check_host(parsed)
    return Address(str(parsed.ip), parsed.network.prefixlen)


def _check_host(parsed: ipaddress.IPv4Interface | ipaddress.IPv6Interface) -> None:
    ip, network = parsed.ip, parsed.network
    for what, is_so in (
        ("multicast", ip.is_multicast),
        ("unspecified", ip.is_unspecified),
        ("loopback", ip.is_loopback),
        # Packets from one are dropped (ip6_rcv_core).
        ("IPv4-mapped", ip.version == 6 and ip.ipv4_mapped is not None),
    ):
        if is_so:
            article = "an" if what[0] in "uI" else "a"
            raise Wrong(f"{ip} is {article} {what} address", "an interface needs a unicast one")
    if isinstance(ip, ipaddress.IPv6Address) and ip.is_link_local:
        raise Wrong(
            f"{ip} is a link-local address, which netlab does not set: every interface has one by itself",
            "give a unique local one, as in fd00::1/64",
        )
    if isinstance(ip, ipaddress.IPv4Address):
        if ip == ipaddress.IPv4Address("255.255.255.255"):
            raise Wrong(f"{ip} is the broadcast address", "an interface needs a unicast one")
        if network.prefixlen < 31:
            if ip == network.network_address:
                raise Wrong(f"{ip} is the network {network} itself", "an interface needs an address within it")
            if ip == network.broadcast_address:
                raise Wrong(f"{ip} is the broadcast address of {network}", "an interface needs another one within it")


def ip(value: object) -> str:
    """A single IP address, without prefix length."""
    word = text(value)
    try:
        if "%" in word:
            raise ValueError
        return str(ipaddress.ip_address(word))
    except ValueError:
        raise Wrong(f"{short(word)} is not an IP address", "as in 192.168.26.1 or fd00::1") from None


def prefix(value: object) -> str:
    """A destination: a prefix or an address, canonical with its length; ``default`` stays."""
    word = text(value)
    if word == "default":
        return word
    try:
        if "%" in word:
            raise ValueError
        return str(ipaddress.ip_network(word))
    except ValueError as error:
        hint = "as in 10.0.0.0/8, 10.1.2.3, fd00::/64 or default"
        if "host bits set" in str(error):
            hint = f"write {ipaddress.ip_network(word, strict=False)}"
        raise Wrong(f"{short(word)} is not a prefix", hint) from None


def table(value: object) -> int:
    """A routing table: ``main``, ``local``, ``default`` or a number."""
    word = text(value)
    return TABLES[word] if word in TABLES else number(word, 1, (1 << 32) - 1)


def fwmark(value: object) -> tuple[int, int]:
    """A mark and a mask, each decimal or hexadecimal; without a mask all bits count."""
    word = text(value)
    mark, slash, mask = word.partition("/")
    found = [int(part, 0) for part in (mark, mask or "0xffffffff") if _MARK.fullmatch(part)]
    if len(found) < 2 or max(found) >= 1 << 32 or (slash and not mask):
        raise Wrong(f"{short(word)} is not a mark", "as in 0x1/0xff, or 5")
    return found[0], found[1]


def sysctl(value: object) -> str:
    """The path below /proc/sys of a key as sysctl(8) writes it: dots and slashes change places."""
    word = text(value)
    first = re.search(r"[./]", word)
    path = word if first and first[0] == "/" else word.translate(str.maketrans("./", "/."))
    parts = path.split("/")
    if len(parts) < 3 or not all(re.fullmatch(r"[^\s\x00]+", part) and part not in (".", "..") for part in parts):
        raise Wrong(
            f"{short(word)} is not a sysctl",
            "as in net.ipv4.conf.all.rp_filter (a dot in a name is written '/')",
        )
    if parts[0] != "net":
        raise Wrong(f"{word!r} belongs to the whole machine", "a namespace has sysctls below 'net.' only")
    return path


def sysctl_value(value: object) -> str:
    """What is written to a sysctl."""
    word = text(value)
    if not word or len(word) > 1024 or "\n" in word:
        raise Wrong(f"{short(word)} is not the value of a sysctl")
    return word


def short(word: str) -> str:
    """A word as it stands in a message."""
    return repr(word) if len(word) <= 60 else repr(word[:57]) + "…"


def is_link_local(text: str) -> bool:
    """Whether an address is one of fe80::/10: it means something on its own link alone."""
    ip = ipaddress.ip_address(text.partition("%")[0])
    return ip.version == 6 and ip.is_link_local
