"""Texts to values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlab.contract.types import Address
from netlab.spec import scalars, sysctls
from netlab.spec.scalars import Wrong


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (scalars.flag, "on", True),
        (scalars.flag, "false", False),
        (scalars.mac, "02:AA:bb:00:00:01", "02:aa:bb:00:00:01"),
        (scalars.mac_or_auto, "auto", "auto"),
        (scalars.mac_or_link, "A/c1:eth0", "A/c1:eth0"),
        (scalars.address, "10.0.0.1/24", Address("10.0.0.1", 24)),
        (scalars.address, "FD00:0::1/64", Address("fd00::1", 64)),
        (scalars.address, "10.0.0.0/31", Address("10.0.0.0", 31)),
        (scalars.address, "10.0.0.255/32", Address("10.0.0.255", 32)),
        (scalars.prefix, "10.1.2.3", "10.1.2.3/32"),
        (scalars.prefix, "default", "default"),
        (scalars.prefix, "fd00:0::/64", "fd00::/64"),
        (scalars.table, "main", 254),
        (scalars.table, "100", 100),
        (scalars.name, "1", "1"),
        (scalars.name, "no", "no"),
        (scalars.name, "null", "null"),
        (scalars.name, "größe-1.x", "größe-1.x"),
        (scalars.interface_name, "ens160.1", "ens160.1"),
        (scalars.sysctl, "net.ipv4.conf.all.rp_filter", "net/ipv4/conf/all/rp_filter"),
        (scalars.sysctl, "net.ipv4.conf.ens160/1.rp_filter", "net/ipv4/conf/ens160.1/rp_filter"),
        (scalars.sysctl, "net/ipv4/conf/ens160.1/rp_filter", "net/ipv4/conf/ens160.1/rp_filter"),
    ],
)
def test_what_is_taken(parse: Callable[[object], Any], text: str, value: object) -> None:
    """A good text becomes its canonical value."""
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "what", "hint"),
    [
        (scalars.flag, "yes", "'yes' is neither true nor false", "on or off"),
        (scalars.flag, "1", "neither true nor false", ""),
        (scalars.flag, None, "a value is missing", ""),
        (scalars.flag, [], "must be one value, not a list", ""),
        (scalars.text, {}, "must be one value, not a mapping", ""),
        (scalars.mac, "1:2", "not a MAC address", "six pairs"),
        (scalars.mac, "02-00-00-00-00-01", "not a MAC address", "six pairs"),
        (scalars.mac_or_link, "ens160", "not a MAC address", "as in B:ens160"),
        (scalars.mac_or_link, "A:b:c", "not a MAC address", "as in B:ens160"),
        (scalars.address, "10.0.0.1", "lacks its prefix length", "write 10.0.0.1/24"),
        (scalars.address, "fd00::1", "lacks its prefix length", "write fd00::1/64"),
        (scalars.address, "10.0.0.256/24", "not an IP address", ""),
        (scalars.address, "10.0.0.1/33", "not an IP address", ""),
        (scalars.address, "fe80::1%eth0/64", "not an IP address", ""),
        (scalars.address, "10.0.0.0/24", "is the network 10.0.0.0/24 itself", ""),
        (scalars.address, "10.0.0.255/24", "is the broadcast address of 10.0.0.0/24", ""),
        (scalars.address, "224.0.0.1/24", "a multicast address", "unicast"),
        (scalars.address, "ff02::1/64", "a multicast address", ""),
        (scalars.address, "::/64", "an unspecified address", ""),
        (scalars.address, "127.0.0.2/8", "a loopback address", ""),
        (scalars.address, "::ffff:10.0.0.1/96", "an IPv4-mapped address", "a unicast one"),
        (scalars.address, "255.255.255.255/32", "the broadcast address", ""),
        (scalars.ip, "10.0.0.1/24", "not an IP address", "as in"),
        (scalars.prefix, "10.0.0.1/8", "not a prefix", "write 10.0.0.0/8"),
        (scalars.prefix, "everywhere", "not a prefix", "or default"),
        (scalars.table, "0", "out of range", ""),
        (scalars.name, "any", "cannot be a name", "every endpoint"),
        (scalars.name, "a b", "' ' cannot stand in the name", ""),
        (scalars.name, "../x", "'/' cannot stand in the name", "letters, digits"),
        (scalars.name, "..", "is not a name", ""),
        (scalars.name, "-x", "is not a name", ""),
        (scalars.name, "$(reboot)", "'$' cannot stand in the name", ""),
        (scalars.name, "a;b", "';' cannot stand", ""),
        (scalars.name, "a->b", "'>' cannot stand", ""),
        (scalars.name, "a@b", "'@' cannot stand", ""),
        (scalars.name, "a[1]", "'[' cannot stand", ""),
        (scalars.name, "a:b", "':' cannot stand", ""),
        (scalars.name, "a*", "'*' cannot stand", ""),
        (scalars.name, "a\u202eb", "cannot stand", ""),
        (scalars.name, "x" * 64, "longer than 63 characters", ""),
        (scalars.switch_name, "a--b", "'--' cannot stand", ""),
        (scalars.interface_name, "all", "cannot be called 'all'", ""),
        (scalars.interface_name, "default", "cannot be called 'default'", ""),
        (scalars.sysctl, "kernel.hostname.x", "belongs to the whole machine", "'net.' only"),
        (scalars.sysctl, "net", "is not a sysctl", ""),
        (scalars.sysctl, "net/ipv4/../../kernel/x", "is not a sysctl", ""),
        (scalars.sysctl, "net.ipv4.conf.//.x", "is not a sysctl", ""),
        (scalars.address, "fe80::1/64", "is a link-local address", "fd00::1/64"),
        (sysctls.key, "net.ipv4.ip_forwad", "no sysctl", "did you mean 'net.ipv4.ip_forward'?"),
        (sysctls.key, "net.ipv4.conf.eth0.rp_filtr", "no sysctl", "'net.ipv4.conf.eth0.rp_filter'"),
        (sysctls.key, "net.ipv4.conf.ens160/1.rp_filtr", "no sysctl", "'net.ipv4.conf.ens160/1.rp_filter'"),
        (sysctls.key, "net.ipv4.con.all.rp_filter", "no sysctl", "'net.ipv4.conf.all.rp_filter'"),
        (sysctls.key, "net.ipv6.conf.eth0.arp_ignore", "no sysctl", "'net.ipv4.conf.eth0.arp_ignore'"),
        (sysctls.key, "net.ipv4.rp_filter", "no sysctl", "'net.ipv4.conf.all.rp_filter'"),
        (sysctls.key, "net.ipv4.conf.all.ip_forward", "no sysctl", "'net.ipv4.ip_forward'"),
        (sysctls.key, "net.ipv6.ip_forward", "no sysctl", "'net.ipv6.conf.all.forwarding'"),
        (sysctls.key, "net.netfilter.nf_hooks_lwtunnel", "belongs to the whole machine", "once it is 1 it stays so"),
        (sysctls.key, "net/netfilter/nf_hooks_lwtunnel", "belongs to the whole machine", "leave it out"),
        (sysctls.key, "net.netfilter.nf_conntrack_max", "belongs to the whole machine", "before Linux 5.13"),
        (scalars.sysctl_value, "", "is not the value", ""),
        (scalars.sysctl_value, "1\n2", "is not the value", ""),
    ],
)
def test_what_is_refused(parse: Callable[[object], Any], text: object, what: str, hint: str) -> None:
    """A bad text is refused with what is wrong and what would be right."""
    with pytest.raises(Wrong) as caught:
        parse(text)
    assert what in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "word", ["net.ipv4.conf.all.new_in_7_0", "net.netfilter.nf_conntrack_acct", "net.core.somaxconn"]
)
def test_an_unknown_sysctl_may_be_a_newer_kernels(word: str) -> None:
    """A name that is like no known one is left to the kernel."""
    assert sysctls.key(word) == word.replace(".", "/")


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("net/ipv4/conf/eth0/rp_filter", "2", "7"),
        ("net/ipv4/ip_forward", "1", "true"),
        ("net/ipv4/conf/all/arp_ignore", "8", "-1"),
        ("net/ipv6/conf/all/disable_ipv6", "0", "2"),
    ],
)
def test_values_of_known_sysctls(path: str, good: str, bad: str) -> None:
    """A value that means nothing to a known sysctl is refused with what does, though the kernel would take it."""
    sysctls.check_value(path, good)
    with pytest.raises(Wrong, match=rf"'{bad}' is not a value of {sysctls.dotted(path)}"):
        sysctls.check_value(path, bad)


def test_numbers_have_bounds() -> None:
    """A number is decimal and within its bounds; a huge one is refused before it is computed."""
    assert scalars.number("68", 68, 65535) == 68
    for text, what in (
        ("67", "67 is out of range"),
        ("1_0", "not a whole number"),
        ("1.0", "not"),
        ("9" * 20, "99999999999999999999 is out of range"),
        ("-" + "9" * 20, "-99999999999999999999 is out of range"),
        ("9" * 5000, "a number of 5000 digits is out of range"),
    ):
        with pytest.raises(Wrong, match=what):
            scalars.number(text, 68, 65535)


@given(st.text())
def test_any_text_is_a_value_or_wrong(text: str) -> None:
    """Whatever the text, a parser gives a value or Wrong, and a name that passes is harmless in a path and a shell."""
    parsers = (
        scalars.flag,
        scalars.mac,
        scalars.address,
        scalars.ip,
        scalars.prefix,
        scalars.table,
        scalars.sysctl,
    )
    for parse in parsers:
        try:
            parse(text)
        except Wrong:
            continue
    try:
        name = scalars.name(text)
    except Wrong:
        return
    assert not set(name) & set(" /:;|&$`\"'<>()[]{}*?!~#@\\,=\n\t\0")
    assert name not in (".", "..")
    assert not name.startswith("-")
