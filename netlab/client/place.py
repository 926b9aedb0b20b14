"""Where the programs of a namespace live, as seen from this process."""

from __future__ import annotations

import os

from netlab.contract.dataclass import dataclass


@dataclass(frozen=True)
class Place:
    """Descriptors of where a namespace's programs live; they belong to the caller.

    ``init`` is a pidfd of the first process of their PID namespace: setns(2) enters with it the user, mount, PID, UTS
    and IPC namespaces at once. ``network`` is the network namespace. The init of a ``private`` host is in that, too,
    and its mounts have the /sys of the host; in another, enter a copy of the mounts and mount a sysfs. ``number`` is
    the agent's own descriptor of the network namespace. ``names`` are the lab's, as /etc/hosts, of one that isn't
    private: nothing there knows them.
    """

    init: int
    network: int
    private: bool
    number: int = -1
    names: str = ""

    @property
    def alive(self) -> bool:
        """Whether the init is still there."""
        try:
            return self.pid > 0
        except ProcessLookupError:
            return False

    @property
    def pid(self) -> int:
        """The number of the init in this process's own /proc. Raises ProcessLookupError where it has ended."""
        with open(f"/proc/self/fdinfo/{self.init}") as file:
            pid = next((int(line.split()[1]) for line in file if line.startswith("Pid:")), -1)
        if pid <= 0:
            raise ProcessLookupError("the host has ended")
        return pid

    def close(self) -> None:
        """Close the descriptors."""
        os.close(self.init)
        os.close(self.network)
