"""What hypervisors, access points and clouds let a port send and get, in the options of a bridge's port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Policy(NamedTuple):
    """The options of a port that has one; what it is, and how it is lifted where it is real ('' where it can't be).

    ``admits`` says whether the port sends only frames from the MAC of its interface, by an entry for it; else the entry
    only says where frames to that MAC go.
    """

    options: Mapping[str, bool]
    says: str
    lifted: str

    @property
    def admits(self) -> bool:
        """Whether only frames from the interface's own MAC are taken."""
        return self.options.get("locked", False)


#: Only its own MAC may send, and only frames to that, broadcasts and multicasts are delivered.
_OWN_MAC = {"locked": True, "learning": False, "flood": False}
POLICIES: dict[str, Policy] = {
    "vsphere": Policy(
        _OWN_MAC,
        "a port group of vSphere with its security settings at Reject",
        "set Promiscuous mode, MAC address changes and Forged transmits of the port group to Accept",
    ),
    "hyperv": Policy(
        _OWN_MAC,
        "a network adapter of Hyper-V without MAC spoofing",
        "Set-VMNetworkAdapter -VMName NAME -MacAddressSpoofing On",
    ),
    "virtualbox": Policy(
        {"learning": False, "flood": False},
        "a bridged adapter of VirtualBox whose promiscuous mode is Deny",
        "VBoxManage modifyvm NAME --nic-promisc1 allow-all",
    ),
    "wifi": Policy(_OWN_MAC, "an access point, which takes one MAC for each client", ""),
    "cloud": Policy(_OWN_MAC, "a cloud, which passes only the MACs that it gave out", ""),
}
#: What takes a policy away: a port's options as the kernel makes them.
NONE = Policy({"locked": False, "learning": True, "flood": True}, "", "")
