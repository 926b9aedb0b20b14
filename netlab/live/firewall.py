"""The rules that container tools set on a host, as an nftables ruleset with the same effect.

Only their effect on who reaches whom is kept: chains of the tools' own, counters and published ports are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netlab.live.addresses import version
from netlab.live.reading import Network


def ruleset(networks: Sequence[Network]) -> str:
    """The ruleset for the networks' bridges; empty where they need none."""
    parts = []
    for family, table in ((4, "ip"), (6, "ip6")):
        those = [one for one in networks if any(version(subnet.prefix) == family for subnet in one.subnets)]
        forward = list(_forward(those))
        nat = list(_masquerade(those, family, table))
        chains = []
        if forward:
            head = ["type filter hook forward priority filter; policy accept;", "ct state established,related accept"]
            chains.append(_chain("forward", [*head, *forward]))
        if nat:
            chains.append(_chain("postrouting", ["type nat hook postrouting priority srcnat; policy accept;", *nat]))
        if chains:
            parts.append(f"table {table} containers {{\n" + "".join(chains) + "}\n")
    return "".join(parts)


def _chain(name: str, lines: list[str]) -> str:
    return f"  chain {name} {{\n" + "".join(f"    {line}\n" for line in lines) + "  }\n"


def _forward(networks: Sequence[Network]) -> Iterator[str]:
    for one in networks:
        if one.firewall.apart:
            yield f'iifname "{one.device}" oifname "{one.device}" drop'
    for one in networks:
        if one.firewall.closed:
            yield f'iifname "{one.device}" oifname != "{one.device}" drop'
    for one in networks:
        if one.firewall.guarded or one.firewall.closed:
            yield f'iifname != "{one.device}" oifname "{one.device}" drop'
    apart = [one for one in networks if one.firewall.isolated]
    for one in apart:
        for other in apart:
            if other is not one:
                yield f'iifname "{one.device}" oifname "{other.device}" drop'


def _masquerade(networks: Sequence[Network], family: int, table: str) -> Iterator[str]:
    for one in networks:
        for subnet in one.subnets:
            if not one.firewall.masquerade or version(subnet.prefix) != family:
                continue
            if one.kind == "bridge":
                yield f'{table} saddr {subnet.prefix} oifname != "{one.device}" masquerade'
            else:
                yield f"{table} saddr {subnet.prefix} {table} daddr != {subnet.prefix} masquerade"
