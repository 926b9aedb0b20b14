"""How many queues a frame can wait in, one after the other, on its way between any two interfaces."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from netlab.contract.types import AnyLink, joins


def hops(links: Sequence[AnyLink]) -> int:
    """A safe upper bound for one traversal.

    Each veth crossing is one receive backlog: from an interface to its switch (or a bridge in its host), from switch to
    switch along the longest path, and from there to the other interface. macvlan adds the workqueue of the parent and
    the backlog behind it, and so does each child that is a bridge's port; the loopback device adds one. A bridge hands
    up to its own interface without a queue.
    """
    bound = 1
    queues = frozenset().union(*(link.queues for link in links))
    if "backlog" in queues:
        by_id = {link.id: link for link in links}
        bound += 2 + _longest([ends for link in links if (ends := joins(link, by_id.__getitem__)) is not None])
    if "workqueue" in queues:
        bound += 2 + 2 * sum(link.lower is not None and link.port_of is not None for link in links)
    if "tunnel" in queues:
        # The packet with the frame may wait until ARP has found the next hop; at the other end the frame waits for NAPI
        # (gro_cells_receive).
        bound = 4 * bound + 1
    # A shaped interface is one more queue. A frame passes at most two of them: a child's and its parent's.
    return bound + min(2, sum(link.shaped for link in links))


def _longest(wires: list[tuple[str, str]]) -> int:
    """The longest path between two switches; where there is a loop, which STP may cut anywhere, through all of them."""
    beside: dict[str, list[str]] = {}
    for a, b in wires:
        beside.setdefault(a, []).append(b)
        beside.setdefault(b, []).append(a)
    longest = 0
    seen: set[str] = set()
    for start in beside:
        if start in seen:
            continue
        distances = _distances(start, beside)
        seen |= distances.keys()
        edges = sum(len(beside[switch]) for switch in distances) // 2
        if edges >= len(distances):
            longest = max(longest, len(distances) - 1)
        else:
            far = max(distances, key=lambda switch: distances[switch])
            longest = max(longest, *_distances(far, beside).values())
    return longest


def _distances(start: str, beside: dict[str, list[str]]) -> dict[str, int]:
    distances = {start: 0}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        for other in beside[here]:
            if other not in distances:
                distances[other] = distances[here] + 1
                queue.append(other)
    return distances
