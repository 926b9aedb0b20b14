"""Steps of a random topology, and interfaces that the kernel may refuse."""

from __future__ import annotations

from tests.fuzz import bonds, options, rulesets, ways
from tests.fuzz.lan import Document, Lan, Nic


def steps(lan: Lan) -> None:
    """One to three steps, each with one or two changes."""
    made: list[Document] = []
    for k in range(lan.pick((1, 2, 3), (5, 3, 1))):
        step: Document = {"name": f"step {k + 1}"}
        for _ in range(lan.pick((1, 2), (3, 1))):
            kind = lan.pick(("interface", "port", "namespace", "switch", "delete", "add"), (5, 4, 2, 1, 1, 1))
            kind = "bond" if lan.chance(0.6, "bond") else kind
            _CHANGES[kind](lan, step)
        if len(step) > 1:
            made.append(step)
    if lan.has("refused-set") or lan.chance(0.3, "refusals"):
        refused = _refused_change(lan)
        if refused:
            made.append(refused)
    if made:
        lan.document["steps"] = made


def _set(step: Document, target: str, **values: object) -> None:
    given = step.setdefault("set", {}).setdefault(target, {})
    given.update(values)


def _interface(lan: Lan, step: Document) -> None:
    nic = lan.pick(lan.living())
    kinds = ["state", "addresses"] + ["neighbors"] * (nic.spec.get("type") != "vrf")
    bond = nic.spec.get("type") == "bond"
    # ipvlan children take their parent's new MTU and don't tell IPv6 of it (ipvlan_adjust_mtu).
    if not bond and not any(one.driver == "ipvlan" and one.ips(6) for one in lan.children(nic)):
        kinds.append("mtu")
    if (nic.parent is None and "fail_over_mac" not in nic.spec) or nic.mode:
        kinds.append("mac")
    if nic.mode:
        kinds += ["mode", "mode"]
        if nic.mode == "source":
            kinds += ["allowed", "allowed"]
        kinds.append("queue")
    if lan.has("flags"):
        kinds += ["flag", "flag", "flag"]
    match lan.pick(kinds):
        case "state":
            now = nic.spec.get("state", "up")
            nic.spec = {**nic.spec, "state": "down" if now == "up" else "up"}
            _set(step, nic.id, state=nic.spec["state"])
            if now == "up":
                nic.addresses = [a for a in nic.addresses if ":" not in a]
        case "addresses":
            number = lan.nics.index(nic) + 1
            found = [a for a in nic.addresses if lan.chance(0.5)]
            if lan.has("ipv4"):
                found.append(f"10.0.{lan.pick((0, 0, 1))}.{150 + number}/24")
            nic.addresses = found
            _set(step, nic.id, addresses=list(found))
        case "flag":
            _set(step, nic.id, **options.flag(lan, nic))
        case "neighbors":
            _set(step, nic.id, neighbors=options.neighbors(lan, nic))
        case "mac":
            _set(step, nic.id, mac=f"02:bb:00:00:00:{lan.rng.randrange(1, 250):02x}")
            if nic.spec.get("mac") == "auto":
                nic.spec = {**nic.spec, "mac": "given"}
        case "mtu":
            roof = nic.parent.spec.get("mtu", 1500) if nic.parent else 1500 - 100 * (nic.spec.get("type") == "vxlan")
            least = max([1280 if nic.ips(6) else 600, *(c.spec.get("mtu", 0) for c in lan.children(nic))])
            sizes = [mtu for mtu in (600, 1000, 1280, 1400, 1500) if least <= mtu <= roof]
            if sizes and "peer" not in nic.spec:
                nic.spec = {**nic.spec, "mtu": lan.pick(sizes)}
                _set(step, nic.id, mtu=nic.spec["mtu"])
        case "mode" if nic.mode != "passthru":
            nic.spec = {**nic.spec, "mode": lan.pick(("bridge", "vepa", "private", "source"))}
            _set(step, nic.id, mode=nic.spec["mode"])
            if nic.mode == "source" and lan.chance(0.7):
                _set(step, nic.id, allowed_macs=options.allowed(lan))
        case "allowed":
            _set(step, nic.id, allowed_macs=options.allowed(lan))
        case "queue":
            _set(step, nic.id, bcqueuelen=lan.pick((0, 1000)))


def _port(lan: Lan, step: Document) -> None:
    wires = lan.wires()
    if not wires:
        return
    nic = lan.pick(wires)
    key = lan.pick(("hairpin", "hairpin", "isolated", "flood", "bcast_flood", "mcast_flood", "learning", "up",
                    "attached", "locked", "state"))  # fmt: skip
    options_: Document = {}
    match key:
        case "state":
            options_["state"] = lan.pick(("forwarding", "disabled", "listening", "learning"))
        case "learning" if lan.has("proxies"):
            options_ = options.proxies(lan)
        case "locked":
            options_ = {"locked": True, "learning": False, "fdb": [nic.id]}
        case _:
            options_[key] = lan.chance(0.5)
    _set(step, nic.id, port=options_)


def _namespace(lan: Lan, step: Document) -> None:
    namespaces = sorted({nic.namespace for nic in lan.living()})
    target = lan.pick(namespaces)
    if (lan.has("forward") or lan.has("ways")) and lan.chance(0.4):
        found = options.routes(lan, target)
        if lan.has("ways"):
            found = ways.further(lan, target, found)
        _set(step, target, routes=found)
        return
    if lan.chance(0.7, "nftables"):
        _set(step, target, nftables=rulesets.ruleset(lan, target) if lan.chance(0.8) else "")
        return
    before = lan.features
    lan.features = before | {"sysctls"}
    found_ = options.sysctls(lan, target)
    lan.features = before
    if found_:
        _set(step, target, sysctls=found_)


def _switch(lan: Lan, step: Document) -> None:
    switch = lan.pick(list(lan.document["switches"]))
    _set(step, switch, state=lan.pick(("down", "up")))


def _delete(lan: Lan, step: Document) -> None:
    others = [nic for nic in lan.living() if nic.spec.get("type") not in ("bridge", "bond")]
    others = [nic for nic in others if nic.name != "eth0" or not lan.has("vxlan")]
    if "set" in step or "add" in step or not others:
        return
    nic = lan.pick(others)
    keep = [one for one in lan.living() if one is not nic and one.parent is not nic]
    if len(keep) < 2:
        return
    step.setdefault("delete", []).append(nic.id)
    for one in (nic, *lan.children(nic)):
        one.alive = False


def _down(nic: Nic) -> bool:
    """Whether an interface is down, or one that it sits on."""
    return nic.spec.get("state") == "down" or (nic.parent is not None and _down(nic.parent))


def _add(lan: Lan, step: Document) -> None:
    from tests.fuzz.topologies import addresses, ipvlan

    parents = [nic for nic in lan.parents() if not any(c.mode == "passthru" for c in lan.children(nic))]
    # A vlan that begins down keeps its carrier until it is first set up (vlan_dev_stop).
    parents = [nic for nic in parents if nic.spec.get("type") != "vlan" or not _down(nic)]
    if "add" in step or not parents:
        return
    name = f"n{len(lan.nics)}"
    spec: Document
    if lan.chance(0.5):
        parent = lan.pick(parents)
        brothers = lan.children(parent)
        if brothers and not brothers[0].mode:
            spec = ipvlan(lan, parent, brothers)
        else:
            spec = {"type": "macvlan", "parent": parent.name, "mode": lan.pick(("bridge", "vepa", "private"))}
        nic = Nic(parent.host, f"{parent.host}/{name}", "m0", spec, parent)
        host: Document = {"containers": {name: {"interfaces": {"m0": spec}}}}
        hosts = {parent.host: host}
    else:
        spec = {"switch": lan.pick(list(lan.document["switches"]))}
        nic = Nic(name, name, "eth0", spec)
        hosts = {name: {"interfaces": {"eth0": spec}}}
    lan.nics.append(nic)
    addresses(lan, [nic])
    step["add"] = {"hosts": hosts}


_CHANGES = {
    "interface": _interface, "port": _port, "namespace": _namespace, "switch": _switch, "delete": _delete,
    "add": _add, "bond": bonds.change,
}  # fmt: skip


def _refused_change(lan: Lan) -> Document | None:
    """A step in which one change may be refused."""
    nics = [nic for nic in lan.children() if nic.mode not in ("passthru", "")]
    wires = [nic for nic in lan.parents() if "switch" in nic.spec]
    # Of a switch that speaks STP the model knows nothing but this refusal.
    kind = lan.pick(("mac", "mode", "mtu", "list", "group", "state", "stp"), (12, 12, 8, 8, 4, 12, 1))
    if not (wires if kind in ("state", "stp") else nics):
        return None
    down = [nic for nic in wires if nic.spec.get("state") == "down" or nic.spec.get("port", {}).get("up") is False]
    if kind == "state" and down and lan.chance(0.7):
        wires = down
    nic = lan.pick(wires if kind in ("state", "stp") else nics)
    values: Document = {}
    match kind:
        case "mac":
            assert nic.parent is not None
            others = [one for one in (nic.parent, *lan.children(nic.parent)) if one is not nic]
            values["mac"] = lan.mac_of(lan.pick(others))
        case "mode":
            values["mode"] = "passthru"
        case "mtu":
            values["mtu"] = lan.pick((1501, 2000, 9000))
        case "list":
            values["allowed_macs"] = [lan.pick(("02:00:00:00:00:77", "01:00:5e:00:00:01"))]
        case "group":
            values["mac"] = "01:00:5e:00:00:07"
        case "state":
            values["port"] = {"state": lan.pick(("listening", "learning"))}
        case "stp":
            lan.document["switches"][nic.spec["switch"]]["stp"] = True
            values["port"] = {"state": "disabled"}
    return {"name": "refused", "set": {nic.id: values}, "expect": [{nic.id: {"refused": "EINVAL", "at": "set"}}]}


def refusals(lan: Lan) -> None:
    """An interface, or a change of one, that the kernel may refuse: the model has to know whether, when and how.

    The document expects *some* refusal; what is compared with the model is what the kernel said.
    """
    parents = lan.parents()
    if not parents:
        return
    parent = lan.pick(parents)
    name = "r0"
    spec: Document = {"type": lan.pick(("macvlan", "macvtap"), (4, 1)), "parent": parent.name}
    if lan.chance(0.9):
        spec["mode"] = lan.pick(("bridge", "vepa", "private", "source", "passthru"), (3, 2, 1, 1, 3))
    match lan.pick(("mtu", "mac", "macs", "none", "address")):
        case "mtu":
            spec["mtu"] = lan.pick((parent.spec.get("mtu", 1500) + 1, 68, 9000))
        case "mac":
            mine = [nic for nic in lan.nics if nic.spec.get("mac") not in (None, "auto")]
            macs = [nic.spec["mac"] for nic in mine]
            spec["mac"] = lan.pick(["01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", *macs])
        case "macs":
            spec["allowed_macs"] = [lan.pick(("01:00:5e:00:00:01", "02:00:00:00:00:77"))]
        case "address":
            spec["addresses"] = ["10.0.7.1/24"]
    if lan.chance(0.15):
        spec["state"] = "down"
    host = lan.document["hosts"][parent.host]
    host.setdefault("containers", {})["refused"] = {"interfaces": {name: spec}}
    lan.document.setdefault("expect", []).append(
        {f"{parent.host}/refused:{name}": {"refused": "EINVAL", "at": "create"}}
    )
