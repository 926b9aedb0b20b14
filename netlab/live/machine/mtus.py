"""What fits: the MTU of a tunnel, and what its interface carries of it."""

from __future__ import annotations

from netlab.live.machine.values import Device

#: What a tunnel takes of what carries it, by family (vxlan_headroom).
HEADROOM = {4: 50, 6: 70}


def carried(tunnel: Device, below: Device) -> int:
    """The largest MTU, in bytes, that a tunnel can have on an interface."""
    ends = (tunnel.data.get("local"), tunnel.data.get("group"))
    return below.mtu - HEADROOM[6 if any(":" in str(one or "") for one in ends) else 4]
