"""Descriptions as the tools print them, by hand: each key that they have is in one of them."""

from __future__ import annotations

from typing import Any


def docker(name: str = "lan", driver: str = "macvlan", **more: Any) -> dict[str, Any]:
    """A network as ``docker network inspect`` has it; a macvlan with one container by default."""
    number = f"{sum(name.encode()):04x}".ljust(64, "9")
    network = {
        "Name": name,
        "Id": number,
        "Created": "2026-05-04T10:11:12.131415161Z",
        "Scope": "local",
        "Driver": driver,
        "EnableIPv4": True,
        "EnableIPv6": False,
        "IPAM": {
            "Driver": "default",
            "Options": None,
            "Config": [{"Subnet": "192.168.26.0/24", "IPRange": "192.168.26.128/25", "Gateway": "192.168.26.1"}],
        },
        "Internal": False,
        "Attachable": False,
        "Ingress": False,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": {"4e1f0c9d8b7a" * 5 + "4e1f": container("web", "192.168.26.128/24")},
        "Options": {"parent": "eth0", "macvlan_mode": "bridge"} if driver == "macvlan" else {},
        "Labels": {},
    }
    return network | more


def container(name: str, v4: str = "", v6: str = "", mac: str = "") -> dict[str, str]:
    """A container of such a network."""
    return {"Name": name, "EndpointID": "e" * 64, "MacAddress": mac, "IPv4Address": v4, "IPv6Address": v6}


def ipam(*subnets: dict[str, Any]) -> dict[str, Any]:
    """Its ``IPAM``."""
    return {"Driver": "default", "Options": {}, "Config": list(subnets)}


def bridge(name: str = "back", net: str = "172.18.0", **more: Any) -> dict[str, Any]:
    """A bridge network with two containers."""
    those = {f"{i}" * 64: container(f"{name}-{i}", f"{net}.{i + 1}/16", mac=f"02:42:ac:12:00:0{i + 1}") for i in (1, 2)}
    subnets = ipam({"Subnet": f"{net}.0/16", "Gateway": f"{net}.1"})
    return docker(name, "bridge", **{"IPAM": subnets, "Containers": those, **more})


def podman(name: str = "lan", driver: str = "macvlan", **more: Any) -> dict[str, Any]:
    """A network as ``podman network inspect`` has it, with one container."""
    network = {
        "name": name,
        "id": "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9",
        "driver": driver,
        "network_interface": "eth0" if driver == "macvlan" else "podman1",
        "created": "2026-06-03T12:04:33.088567413+02:00",
        "subnets": [
            {
                "subnet": "10.89.0.0/24",
                "gateway": "10.89.0.1",
                "lease_range": {"start_ip": "10.89.0.5", "end_ip": "10.89.0.9"},
            }
        ],
        "ipv6_enabled": False,
        "internal": False,
        "dns_enabled": False,
        "ipam_options": {"driver": "host-local"},
        "containers": {
            "c" * 64: {
                "name": "web",
                "interfaces": {
                    "eth0": {
                        "subnets": [{"ipnet": "10.89.0.5/24", "gateway": "10.89.0.1"}],
                        "mac_address": "6a:1b:2c:3d:4e:5f",
                    }
                },
            }
        },
    }
    return network | more


def conflist(*plugins: dict[str, Any], name: str = "pods") -> dict[str, Any]:
    """A list of CNI plugins."""
    return {"cniVersion": "1.0.0", "name": name, "disableCheck": True, "plugins": list(plugins)}


HOST_LOCAL = {
    "type": "host-local",
    "ranges": [[{"subnet": "10.22.0.0/16", "rangeStart": "10.22.0.50", "rangeEnd": "10.22.0.99"}]],
    "routes": [{"dst": "0.0.0.0/0"}],
}

COMPOSE = """\
name: shop
x-common: &common
  restart: always
  networks: {back: {aliases: [here]}}
services:
  web:
    image: nginx
    ports: ["80:80"]
    sysctls: {net.ipv4.conf.all.arp_ignore: 1, kernel.msgmax: 1}
    networks:
      lan: {ipv4_address: 192.168.1.10, mac_address: "02:42:c0:a8:01:0a"}
      back:
  db:
    <<: *common
    image: postgres
    scale: 2
    networks: [back]
networks:
  lan:
    driver: macvlan
    driver_opts: {parent: eth0, macvlan_mode: private}
    ipam:
      config:
        - subnet: 192.168.1.0/24
          gateway: 192.168.1.1
          ip_range: 192.168.1.128/25
          aux_addresses: {printer: 192.168.1.9}
  back: {internal: true}
"""
