"""rtnetlink: requests encoded by tables of attributes, sent in batches over one socket per namespace."""

from netlab.agent.netlink.messages import (
    Request,
    address,
    altname,
    fdb_entry,
    fdb_flush,
    link,
    neighbor,
    peer,
    port_state,
    port_vlan,
    proxy_delay,
    qdisc,
    route,
    rule,
    set_up,
    traffic_class,
    tunnel_entry,
)
from netlab.agent.netlink.socket import Answer, Socket

__all__ = [
    "Answer",
    "Request",
    "Socket",
    "address",
    "altname",
    "fdb_entry",
    "fdb_flush",
    "link",
    "neighbor",
    "peer",
    "port_state",
    "port_vlan",
    "proxy_delay",
    "qdisc",
    "route",
    "rule",
    "set_up",
    "traffic_class",
    "tunnel_entry",
]
