"""pyroute2 as a witness of our netlink messages, with the attributes that it lacks."""

from __future__ import annotations

import pytest
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg, macvx_data


class macvlan_data(macvx_data):
    """With what pyroute2 lacks (include/uapi/linux/if_link.h of 6.18)."""

    nla_map = (
        *macvx_data.nla_map,
        ("IFLA_MACVLAN_BC_QUEUE_LEN", "uint32"),
        ("IFLA_MACVLAN_BC_QUEUE_LEN_USED", "uint32"),
        ("IFLA_MACVLAN_BC_CUTOFF", "int32"),
    )

    class flags(macvx_data.flags):
        value_map = {0: "none", 1: "nopromisc", 2: "nodst", 3: "nopromisc,nodst"}  # noqa: RUF012


class bridge_data(ifinfmsg.ifinfo.data_map["bridge"]):
    """With what pyroute2 lacks (include/uapi/linux/if_link.h of 6.18)."""

    nla_map = (
        *((number, *entry) for number, entry in enumerate(ifinfmsg.ifinfo.data_map["bridge"].nla_map)),
        (49, "IFLA_BR_FDB_MAX_LEARNED", "uint32"),
    )


# pyroute2 notes at a class that its map is compiled, and theirs is another than that of the class they are made from.
for one in (macvlan_data, bridge_data):
    one._nlmsg_base__compiled_nla = False

KINDS = {"macvlan": macvlan_data, "macvtap": macvlan_data, "bridge": bridge_data}


def learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pyroute2 know what it lacks, for as long as a test takes."""
    for name, data in KINDS.items():
        monkeypatch.setitem(ifinfmsg.ifinfo.data_map, name, data)
