"""Compose files: networks, and the services in them. What compose or Docker would fill in is assumed."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

from netlab.live import addresses
from netlab.live.formats.drivers import Driver, driver
from netlab.live.names import container_name, unique
from netlab.live.reading import Member, Network, Reading, Subnet
from netlab.live.source import NOTHING, Section, Source
from netlab.spec import scalars
from netlab.spec.nodes import Node

#: Keys of a service that say something of its network that can't be expressed → why.
_LOST = {
    "ports": "published ports: Docker translates them, and netlab sets no such rules",
    "links": "names, which netlab doesn't resolve",
    "external_links": "names, which netlab doesn't resolve",
    "extra_hosts": "names, which netlab doesn't resolve",
    "dns": "names, which netlab doesn't resolve",
    "dns_search": "names, which netlab doesn't resolve",
    "dns_opt": "names, which netlab doesn't resolve",
    "hostname": "names, which netlab doesn't resolve",
    "domainname": "names, which netlab doesn't resolve",
    "cap_add": NOTHING,
    "privileged": NOTHING,
}
#: Keys of a service that say nothing of networks.
_QUIET = """
    annotations attach blkio_config build cap_drop cgroup cgroup_parent command configs cpu_count cpu_percent
    cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on develop
    device_cgroup_rules devices entrypoint env_file environment expose extends gpus group_add healthcheck image init
    ipc isolation label_file labels logging mem_limit mem_reservation mem_swappiness memswap_limit models
    oom_kill_disable oom_score_adj pid pids_limit platform post_start pre_stop profiles provider pull_policy
    read_only restart runtime secrets security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt
    tmpfs tty ulimits use_api_socket user userns_mode uts volumes volumes_from working_dir
"""


def read(source: Source) -> Reading:
    """The networks of a compose file. Raises TopologyError."""
    root = source.root
    root.skip(NOTHING, "version", "name", "volumes", "configs", "secrets", "models")
    root.skip("files that are not here: 'docker compose config' writes them in", "include", loses=True)
    root.skip(NOTHING, *(name for name, _ in root.children() if name.startswith("x-")))
    reading = _Compose(source)
    networks = reading.networks()
    return Reading("the compose file", source.file, networks, tuple(source.assumed), source.finish(), reading.sysctls)


class _Compose:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.drivers: dict[str, tuple[Driver, list[Subnet]]] = {}
        self.declared: set[str] = set()
        self.members: dict[str, list[Member]] = {}
        self.taken: set[str] = set()
        self.waiting: list[tuple[str, Member, Section]] = []
        self.sysctls: dict[str, tuple[tuple[str, str], ...]] = {}
        self.containers: set[str] = set()

    def networks(self) -> tuple[Network, ...]:
        for name, section in self.source.root.entries("networks"):
            self.declared.add(name)
            self._network(name, section)
        for name, section in self.source.root.entries("services"):
            if section.is_mapping():
                self._service(name, section)
        self.source.stop()
        self._give_addresses()
        return tuple(
            of.network(name, tuple(subnets), tuple(self.members.get(name, ())))
            for name, (of, subnets) in self.drivers.items()
        )

    # --- networks -------------------------------------------------------------------------------------

    def _network(self, name: str, section: Section | None) -> None:
        if section is None or section.node.value in (None, "null", "~"):
            section = Section(self.source, _empty(), ("networks", name), "networks.*")
        elif not section.is_mapping():
            return
        external = section.get("external")
        if external is not None and external.node.value not in ("false",):
            section.leave(f"{name} is made elsewhere: import 'docker network inspect' of it", loses=True)
            return
        section.skip(NOTHING, "name", "labels", "attachable", "enable_ipv4", "external")
        section.skip(NOTHING, *(key for key, _ in section.children() if key.startswith("x-")))
        six = section.flag("enable_ipv6")
        options = section.section("driver_opts")
        kind = section.text("driver")
        of = driver(section, kind, options, name, "", section.flag("internal"))
        if of is None:
            return
        subnets = self._subnets(section, of)
        if not any(addresses.version(subnet.prefix) == 4 for subnet in subnets) and not (six and subnets):
            subnets.insert(0, self._assumed_subnet(name, of))
        if six and not any(addresses.version(subnet.prefix) == 6 for subnet in subnets):
            section.skip(
                "no IPv6 subnet is given, so its containers get no IPv6 address here", "enable_ipv6", loses=True
            )
        self.drivers[name] = of, subnets

    def _assumed_subnet(self, name: str, of: Driver) -> Subnet:
        # Docker's own pool begins with 172.17.0.0/16, which the default bridge has.
        prefix = f"172.{18 + len(self.drivers) % 14}.0.0/16"
        self.source.assume(f"{name} has the subnet {prefix}: the file gives none, Docker takes a free one")
        return of.with_gateway(Subnet(prefix))

    def _subnets(self, section: Section, of: Driver) -> list[Subnet]:
        ipam = section.section("ipam")
        if ipam is None:
            return []
        ipam.skip(NOTHING, "driver", "options")
        found = []
        for config in ipam.items("config"):
            if not config.is_mapping():
                continue
            subnet = of.subnet(config, "subnet", "gateway", "ip_range", "aux_addresses")
            if subnet is not None:
                found.append(subnet)
                self.taken |= {ip for _, ip in subnet.reserved} | {subnet.gateway or ""}
        return found

    # --- services -------------------------------------------------------------------------------------

    def _service(self, name: str, section: Section) -> None:
        count = self._count(section)
        section.skip(NOTHING, *_QUIET.split())
        section.skip(NOTHING, *(key for key, _ in section.children() if key.startswith("x-")))
        for key, why in _LOST.items():
            section.skip(why, key, loses=key == "ports")
        called = section.text("container_name") or name
        if "$" in called:
            section.wrong(f"{called!r} holds a variable", "'docker compose config' fills variables in")
            return
        base = container_name(section, called)
        names = [base] if count == 1 else [f"{base}-{i}" for i in range(1, count + 1)]
        names = [unique(one, self.containers) for one in names]
        self.containers.update(names)
        mode = section.get("network_mode")
        if mode is not None and mode.node.value not in ("bridge", "default"):
            mode.leave(f"the service {name} has no network of its own here", loses=True)
            return
        mac = section.value("mac_address", scalars.mac)
        for one in names:
            self.sysctls[one] = self._sysctls(section)
        for number, (network, entry) in enumerate(self._joined(section)):
            self._join(network, entry, names, mac if not number else None)

    def _count(self, section: Section) -> int:
        scale = section.number("scale", 0, 1000)
        deploy = section.section("deploy")
        if deploy is not None:
            replicas = deploy.number("replicas", 0, 1000)
            deploy.skip(NOTHING, *(key for key, _ in deploy.children() if key != "replicas"))
            return replicas if replicas is not None else 1 if scale is None else scale
        return 1 if scale is None else scale

    def _sysctls(self, section: Section) -> tuple[tuple[str, str], ...]:
        child = section.get("sysctls")
        if child is None:
            return ()
        pairs = []
        if isinstance(child.node.value, dict):
            pairs = [(key, entry, entry.as_(scalars.sysctl_value)) for key, entry in section.entries("sysctls")]
        else:
            for entry in child.elements():
                key, _, given = (entry.as_(scalars.text) or "").partition("=")
                pairs.append((key, entry, given))
        found = []
        for key, entry, value in pairs:
            if key.startswith("net.") and value:
                found.append((key, value))
            else:
                entry.leave("not a sysctl of networks")
        return tuple(found)

    def _joined(self, section: Section) -> list[tuple[str, Section]]:
        child = section.get("networks")
        if child is None:
            if "default" not in self.declared:
                self.declared.add("default")
                self._network("default", None)
            return [("default", section)]
        if isinstance(child.node.value, dict):
            return section.entries("networks")
        return [(entry.as_(scalars.text) or "", entry) for entry in child.elements()]

    def _join(self, network: str, entry: Section, names: list[str], mac: str | None) -> None:
        if network not in self.declared:
            if network == "default":
                self.declared.add("default")
                self._network("default", None)
            else:
                from netlab.errors import did_you_mean

                entry.wrong(f"no network {network!r} in 'networks'{did_you_mean(network, self.declared)}")
                return
        if network not in self.drivers:
            entry.leave(f"the network {network} was left out", loses=True)
            return
        own = []
        if isinstance(entry.node.value, dict) and entry.path[-1] == network:
            entry.skip(NOTHING, "aliases", "priority", "gw_priority", "interface_name")
            entry.skip("can't be expressed", "link_local_ips", "driver_opts", loses=True)
            for key in ("ipv4_address", "ipv6_address"):
                ip = entry.value(key, scalars.ip)
                if ip is not None and (found := self._within(network, ip, entry, key)):
                    own.append(found)
            mac = entry.value("mac_address", scalars.mac) or mac
        for i, name in enumerate(names):
            member = Member(name, tuple(own) if not i else (), mac if not i else None)
            self.waiting.append((network, member, entry))

    def _within(self, network: str, ip: str, entry: Section, key: str) -> str | None:
        subnets = self.drivers[network][1]
        child = entry.get(key)
        assert child is not None
        for subnet in subnets:
            if ipaddress.ip_address(ip) in ipaddress.ip_network(subnet.prefix):
                if why := addresses.fault(ip, subnet.prefix):
                    child.wrong(why)
                    return None
                self.taken.add(ip)
                return addresses.with_length(ip, subnet.prefix)
        child.wrong(f"{ip} is in no subnet of {network}", ", ".join(subnet.prefix for subnet in subnets))
        return None

    def _give_addresses(self) -> None:
        """Fixed addresses are known by now; the others get the lowest that are free, as Docker gives them."""
        for network, member, _ in self.waiting:
            own = list(member.addresses)
            for subnet in self.drivers[network][1]:
                version = addresses.version(subnet.prefix)
                if any(addresses.version(one) == version for one in own):
                    continue
                gateway = {subnet.gateway} if subnet.gateway else set()
                ip = addresses.free(subnet.prefix, self.taken | gateway, subnet.pool)
                if ip is not None:
                    self.taken.add(ip)
                    own.append(addresses.with_length(ip, subnet.prefix))
                    self.source.assume(f"{member.container} has {ip} in {network}: the file gives it no address there")
            self.members.setdefault(network, []).append(replace(member, addresses=tuple(own)))


def _empty() -> Node:
    return Node({}, 1, 1)
