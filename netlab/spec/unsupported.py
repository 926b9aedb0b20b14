"""Kinds of links that Linux has and a topology file can't ask for yet: said once, without consequences."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.contract.types.links import INTERFACES
from netlab.spec.nodes import Node
from netlab.spec.problems import Problems

#: Kinds of ip-link(8) that users of macvlan may look for, those that netlab has learned since among them.
KINDS = frozenset(
    (
        "bareudp", "batadv", "bond", "can", "dummy", "erspan", "geneve", "gre", "gretap", "hsr", "ifb", "ip6gre",
        "ip6gretap", "ip6tnl", "ipip", "ipoib", "ipvlan", "ipvtap", "macsec", "netdevsim", "netkit", "nlmon", "sit",
        "tap", "team", "tun", "vcan", "vlan", "vrf", "vti", "vxcan", "vxlan", "wireguard", "xfrm",
    )
)  # fmt: skip


def leave_out(root: Node, file: str, problems: Problems) -> None:
    """Remove such interfaces from the tree and report each once: their keys and modes would all be errors, too."""
    for namespace, interfaces in _sections(root):
        for name, node in list(interfaces.items()):
            kind = node.value.get("type") if isinstance(node.value, dict) else None
            if kind is None or not isinstance(kind.value, str) or kind.value not in KINDS - {*INTERFACES}:
                continue
            are = f"{', '.join(INTERFACES[:-1])} and {INTERFACES[-1]} are"
            problems.add(kind.where(file), f"{kind.value} isn't supported yet", are)
            problems.gone.add(name)
            problems.hurt.update((namespace, name))
            del interfaces[name]


def _sections(root: Node) -> Iterator[tuple[str, dict[str, Node]]]:
    """Every mapping of interfaces in the file, with the name of its host or container."""
    steps = root.find("steps")
    adding = [step.find("add") for step in (steps.value if steps and isinstance(steps.value, list) else ())]
    for top in filter(None, (root, *adding)):
        for name, host in _items(top.find("hosts")).items():
            yield name, _items(host.find("interfaces"))
            for inner, container in _items(host.find("containers")).items():
                yield inner, _items(container.find("interfaces"))


def _items(node: Node | None) -> dict[str, Node]:
    return node.value if node is not None and isinstance(node.value, dict) else {}
