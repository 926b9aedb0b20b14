"""Neighbour discovery: addresses, groups."""

from __future__ import annotations


def link_local(mac: str | None) -> int:
    """The link-local address made from a MAC (addrconf_ifid_eui48); 0 where the kernel chooses the MAC."""
    if mac is None:
        return 0
    octets = bytes.fromhex(mac.replace(":", ""))
    eui = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return 0xFE80 << 112 | int.from_bytes(eui, "big")


def solicited_mac(address: int) -> str:
    """The multicast MAC of an address's solicited-node group."""
    low = address & 0xFFFFFF
    return f"33:33:ff:{low >> 16:02x}:{low >> 8 & 0xFF:02x}:{low & 0xFF:02x}"
