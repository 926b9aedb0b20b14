"""Sysctls: which are read, and which of their values a topology file must say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netlab.model.sysctls import FOLLOWED, FOLLOWED4, FOLLOWED6
from netlab.plan.sysctls import FORWARD4, defaults

_ALL4, _ALL6 = "net/ipv4/conf/all/", "net/ipv6/conf/all/"
_FORWARD6 = f"{_ALL6}forwarding"
#: Those of a namespace.
OF_NAMESPACE = (
    *sorted(FOLLOWED),
    *(f"{_ALL4}{name}" for name in sorted(FOLLOWED4)),
    *(f"{_ALL6}{name}" for name in sorted(FOLLOWED6)),
)
#: The kernel's own of those that the plan leaves alone and that are not 0 (igmp_net_init, inet_init_net).
_UNTOUCHED = {"net/ipv4/igmp_max_memberships": "20", "net/ipv4/raw_l3mdev_accept": "1"}
#: Those of an interface. What is IPv6's decides nothing where it has no IPv6 address: the plan switches that by itself.
OF_INTERFACE = (
    *(f"net/ipv4/conf/{{}}/{name}" for name in sorted(FOLLOWED4)),
    *(f"net/ipv6/conf/{{}}/{name}" for name in sorted(FOLLOWED6 - {"disable_ipv6"})),
)


def namespace(values: Mapping[str, str], bridges: bool) -> Iterator[tuple[str, str]]:
    """What a file must say of a namespace: path and value, in an order in which no write undoes another.

    Where it has no bridge (``bridges``), those of bridges decide nothing, although Linux has them on everywhere.
    """
    usual = defaults()
    forward = values.get(FORWARD4[0], "0") != "0"
    if forward:
        usual[f"{_ALL4}accept_redirects"] = "0"
    for path in (FORWARD4[0], *OF_NAMESPACE):
        value = values.get(path)
        if value is None or path == FORWARD4[1] or path == f"{_ALL6}disable_ipv6":
            continue
        if path.startswith("net/bridge/") and not bridges:
            continue
        usual.setdefault(path, _UNTOUCHED.get(path, "0"))
        if value != usual[path]:
            usual[path] = value
            yield path, value


def interface(conf: Mapping[str, str], name: str, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The same of an interface, in a namespace with these ``values``."""
    usual = defaults()
    forward = {4: values.get(FORWARD4[0], "0"), 6: values.get(_FORWARD6, "0")}
    for one in OF_INTERFACE:
        path = one.format(name)
        value = conf.get(path)
        if value is None:
            continue
        expected = usual.get(one.format("default"), "0")
        if one.endswith("/forwarding"):
            expected = forward[4 if one.startswith("net/ipv4") else 6]
        if value != expected:
            yield path, value
