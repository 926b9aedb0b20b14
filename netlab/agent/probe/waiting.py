"""Where a frame may wait that no fence crosses: then silence proves nothing.

- Proxy answers (proxy_arp, proxy_ndp) wait for a random time of up to ``proxy_delay``, 0.8 s (arp_process,
  ndisc_recv_ns, pneigh_enqueue), and no counter shows them. With a delay of 0 they are sent at once: every lab gets
  that.
- With ``app_solicit`` the kernel first asks a program, and sends a request a second later (arp_solicit,
  neigh_timer_handler).
- A queueing discipline that a process inside the lab has set may hold a frame for any time.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Container, Iterable, Mapping

from netlab.agent.links import limit
from netlab.agent.netlink import dumps, proxy_delay
from netlab.agent.netns import Netns
from netlab.contract.types import AnyLink, State

#: Each neighbour table's name, and the folder of its sysctls.
_TABLES = {"arp_cache": "net/ipv4/neigh", "ndisc_cache": "net/ipv6/neigh"}
#: Settings of a neighbour table that delay packets unless they are 0.
_LATE = ("proxy_delay", "app_solicit")
_STEERING = "net/core/rps_default_mask"
#: Qdiscs that hold nothing: those for incoming frames have handle ffff: (TC_H_INGRESS), the kernel's default ones 0:.
_PASSING = (0x0000, 0xFFFF)


def answer_at_once(namespaces: Mapping[str, Netns], state: State, known: Container[str]) -> list[str]:
    """Let every link send proxy answers at once, unless the file says otherwise; returns the commands for new links.

    Every link is set each time, since one whose MTU grows may get IPv6 anew. Raises OSError.
    """
    given = _given(state, "proxy_delay")
    commands = []
    for ns_id, links in _speakers(state).items():
        requests = []
        for link in links:
            mine = [
                proxy_delay(link.namespace, link.ifindex, link.ifname, table, 0)
                for table in _TABLES if (link.id, table) not in given
            ]  # fmt: skip
            requests += [request.message for request in mine]
            if link.id not in known:
                commands += [request.command for request in mine]
        # A link with an MTU below 1280 has no IPv6 (addrconf_notify), and a kernel may have none at all.
        namespaces[ns_id].netlink.carry_out(requests, "a proxy delay cannot be set", allowed={errno.ENOENT})
    return commands


class Unfenced:
    """What may hold frames of one lab in one step."""

    def __init__(self, namespaces: Mapping[str, Netns], state: State) -> None:
        self._namespaces = namespaces
        self._state = state
        self._speakers = _speakers(state)
        self._delays = any(value != "0" for name in _LATE for value in _given(state, name).values())

        #: The namespaces that hand packets to other CPUs: rounds don't prove that these were handled (get_rps_cpu).
        self._steered = [ns.id for ns in state.namespaces if (ns.sysctl(_STEERING) or "").strip("0,")]

    def look(self) -> str:
        """Why silence proves nothing now, else ''. It looks only where the file or a program of the user may be the
        reason."""
        if self._steered:
            return (
                f"no proof: {self._steered[0]} has packets handled by other CPUs than they come by (rps_default_mask)"
            )
        for ns_id, ns in self._namespaces.items():
            found = ""
            if ns.visited or self._delays:
                found = _delayed(ns, self._speakers.get(ns_id, ()))
            if ns.visited:
                found = found or _queueing(ns, self._state.links_of(ns_id))
            if found:
                return f"no proof: {found}"
        return ""


def _speakers(state: State) -> dict[str, list[AnyLink]]:
    """The links that may answer for others, by namespace: a switch has no addresses."""
    found: dict[str, list[AnyLink]] = {}
    for link in state.links:
        if link.interface:
            found.setdefault(link.namespace, []).append(link)
    return found


def _given(state: State, name: str) -> dict[tuple[str, str], str]:
    """The values of a setting that the file itself gives, by the link and the table's name."""
    found = {}
    for ns_id, links in _speakers(state).items():
        sysctls = dict(state.namespace(ns_id).sysctls)
        for link in links:
            for table, folder in _TABLES.items():
                value = sysctls.get(f"{folder}/{link.ifname}/{name}")
                if value is not None:
                    found[link.id, table] = value
    return found


def _delayed(ns: Netns, links: Iterable[AnyLink]) -> str:
    """Which of these links may ask, or answer for others, late, else ''."""
    names = {link.ifindex: link.id for link in links}
    for table in dumps.neighbor_tables(ns.netlink):
        parameters = table.get("NDTA_PARMS", {})
        index = parameters.get("NDTPA_IFINDEX")
        if index not in names:
            continue
        if parameters["NDTPA_APP_PROBES"]:
            return f"{names[index]} asks for its neighbours late (app_solicit)"
        if delay := parameters.get("NDTPA_PROXY_DELAY"):
            return f"{names[index]} may answer for others after up to {delay} ms (proxy_delay)"
    return ""


def _queueing(ns: Netns, links: Iterable[AnyLink]) -> str:
    """Which interface has a queueing discipline that isn't of the plan, else ''."""
    planned = {link.ifindex: limit.made(link) for link in links}
    for index, kind, handle, parent in limit.qdiscs(ns):
        if handle >> 16 not in _PASSING and (kind, parent) not in planned.get(index, ()):
            return f"{ns.id}:{_name(ns, index)} has a queueing discipline of its own ({kind}): frames may wait there"
    return ""


def _name(ns: Netns, index: int) -> str:
    try:
        with ns:
            return socket.if_indextoname(index)
    except OSError:
        # Gone since the dump.
        return f"if{index}"
