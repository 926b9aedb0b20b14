"""Values that a ``state`` expectation can name, in the form in which they are read back."""

from __future__ import annotations

from collections.abc import Callable

from netlab.contract.types.links import FLAGS, INTERFACES, MODES, PORT_FLAGS
from netlab.contract.types.links.bond import MAC_POLICIES
from netlab.spec import scalars
from netlab.spec.problems import did_you_mean
from netlab.spec.scalars import Wrong

Value = str | int | bool | tuple[str, ...]

#: IF_OPER_* (include/uapi/linux/if.h), as iproute2 writes them, in lower case.
_OPERSTATES = ("unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up")


def _word(*words: str) -> Callable[[str], Value]:
    def parse(text: str) -> Value:
        if text not in words:
            raise Wrong(f"{text!r} is not one of {', '.join(words)}", did_you_mean(text, words))
        return text

    return parse


def _number(text: str) -> Value:
    return scalars.number(text, 0, (1 << 32) - 1)


def _address(text: str) -> str:
    return str(scalars.address(text))


_FLAG: Callable[[str], Value] = scalars.flag
_LINK: dict[str, Callable[[str], Value]] = {
    "kind": _word(*INTERFACES),
    "mode": _word(*MODES),
    "flag": _word(*PORT_FLAGS),
    "mac": scalars.mac,
    "mtu": _number,
    **dict.fromkeys(FLAGS, _FLAG),
    "state": _word("up", "down"),
    "carrier": _FLAG,
    "operstate": lambda text: _word(*_OPERSTATES)(text.lower()),
    "promiscuity": _number,
    "addresses": _address,
    "allowed_macs": scalars.mac_or_link,
    "id": _number,
    "protocol": _word("802.1Q", "802.1ad"),
    "nodst": _FLAG,
    "bcqueuelen": _number,
    "bclim": lambda text: scalars.number(text, -1, (1 << 31) - 1),
    **dict.fromkeys(("miimon", "num_grat_arp"), _number),
    **dict.fromkeys(("active_slave", "primary"), str),
    "fail_over_mac": _word(*MAC_POLICIES),
    "stp": _FLAG,
    "fdb_max_learned": _number,
    "vlan_filtering": _FLAG,
    "default_pvid": _number,
}
_PORT: dict[str, Callable[[str], Value]] = {
    **dict.fromkeys(("hairpin", "isolated", "learning", "locked"), _FLAG),
    **dict.fromkeys(("flood", "mcast_flood", "bcast_flood"), _FLAG),
    **dict.fromkeys(("mab", "neigh_suppress", "proxy_arp", "proxy_arp_wifi"), _FLAG),
    **dict.fromkeys(("pvid", "untagged", "tagged"), _number),
    "state": _word("forwarding", "disabled", "listening", "learning", "blocking"),
}
_LISTS = ("addresses", "allowed_macs", "untagged", "tagged")


def value(key: str, given: str | tuple[str, ...], mac_of: Callable[[str], str], *, port: bool) -> Value:
    """One value of a ``state`` entry; ``mac_of`` gives the MAC of a link. Both raise Wrong.

    ``=A:eth0`` and ``!A:eth0`` stay: they are compared with what is read back of that link.
    """
    parsers = _PORT if port else _LINK
    parse = parsers.get(key)
    if parse is None:
        raise Wrong(
            f"{key!r} is not read back from a {'port' if port else 'link'}",
            did_you_mean(key, parsers, "known"),
        )
    if key in _LISTS:
        texts = given if isinstance(given, tuple) else (given,)
        values = (str(parse(text)) for text in texts)
        return tuple(value if key != "allowed_macs" or scalars.is_mac(value) else mac_of(value) for value in values)
    if isinstance(given, tuple):
        raise Wrong(f"{key!r} has one value", "leave the brackets out")
    if given[:1] in ("=", "!"):
        mac_of(given[1:])
        return given
    if key == "mac" and given == "local-unicast":
        return given
    return parse(given)
