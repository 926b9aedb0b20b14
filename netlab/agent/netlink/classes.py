"""pyroute2's message classes, imported without the rest of pyroute2, and the attributes that they lack.

The package's ``__init__`` brings asyncio, NDB and every other protocol: 140 ms, against 35 ms for the
messages alone, and the agent's start is the largest part of a short run. So the package is entered in
``sys.modules`` as a bare namespace before its submodules are imported.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from typing import Any


def _bare_package(name: str) -> None:
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module = types.ModuleType(name)
    module.__path__ = list(spec.submodule_search_locations)
    module.__spec__ = spec
    sys.modules[name] = module


_bare_package("pyroute2")

from pyroute2.netlink.rtnl.fibmsg import fibmsg  # noqa: E402
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg  # noqa: E402
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg, macvx_data  # noqa: E402
from pyroute2.netlink.rtnl.ndmsg import ndmsg  # noqa: E402
from pyroute2.netlink.rtnl.rtmsg import rtmsg  # noqa: E402

__all__ = ["fibmsg", "ifaddrmsg", "ifinfmsg", "ndmsg", "rtmsg"]

_kinds: dict[str, Any] = ifinfmsg.ifinfo.data_map


class _macvlan_data(macvx_data):  # type: ignore[misc]
    # include/uapi/linux/if_link.h, enum IFLA_MACVLAN_*, read in 6.18
    nla_map = (
        *macvx_data.nla_map,
        ("IFLA_MACVLAN_BC_QUEUE_LEN", "uint32"),
        ("IFLA_MACVLAN_BC_QUEUE_LEN_USED", "uint32"),
        ("IFLA_MACVLAN_BC_CUTOFF", "int32"),
    )

    class flags(macvx_data.flags):  # type: ignore[misc]
        value_map = {0: "none", 1: "nopromisc", 2: "nodst", 3: "nopromisc,nodst"}  # noqa: RUF012


_known_bridge_data: Any = _kinds["bridge"]


class _bridge_data(_known_bridge_data):  # type: ignore[misc]
    # include/uapi/linux/if_link.h, enum IFLA_BR_*, read in 6.18
    nla_map = (
        *((number, *entry) for number, entry in enumerate(_known_bridge_data.nla_map)),
        (48, "IFLA_BR_FDB_N_LEARNED", "uint32"),
        (49, "IFLA_BR_FDB_MAX_LEARNED", "uint32"),
    )


_kinds.update(macvlan=_macvlan_data, macvtap=_macvlan_data, bridge=_bridge_data)
