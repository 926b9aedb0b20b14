"""Write docs/topology.md: every key of a topology file, its type and default from the schema, with examples.

``python tools/topologydoc.py`` writes it; ``python tools/topologydoc.py --check`` exits with 1 where it would change.
The words and the files between the tables are those of topology_head.md; a table's examples are taken from these files,
and a key that none of them has is an error.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from netlab.compare import FEWEST
from netlab.contract.types import LAYERS
from netlab.contract.types.parts import NEW_PORT
from netlab.plan import readback, veth
from netlab.plan.bridge import OPTIONS as BRIDGE
from netlab.plan.kinds import IDENTITY, KINDS
from netlab.plan.steps import BOX
from netlab.spec import belongings, expect, json_schema, routing_schema, schema
from netlab.spec.measure import OPTIONS

PATH = Path(__file__).parents[1] / "docs" / "topology.md"
HEAD = Path(__file__).with_name("topology_head.md")

Example = dict[tuple[str, str], Any]

#: What the schema calls a text, and is more than that.
TYPES = {
    "addresses": "list of addresses with prefix length",
    "allowed_macs": "list of MACs or interfaces",
    "dev": "interface",
    "Nexthop.via": "address",
    "Route.src": "address",
    "Route.via": "address",
    "fwmark": "mark, mark/mask",
    "Rule.family": "4, 6",
    "expect": "list of [expectations](#expectations)",
    "fdb": "list of MACs or interfaces",
    "Interface.fdb": "mapping: MAC or interface to address",
    "remote": "list of addresses",
    **dict.fromkeys(("group", "local"), "address"),
    "File.from": "path",
    "files": "mapping: path to text or [file](#private-hosts)",
    "from": "prefix, address, `default`",
    "iif": "interface",
    "limit": "rate, mapping, `none`",
    "mac": "MAC, `auto`",
    "File.mode": "octal number",
    "nftables": "nft's ruleset",
    "neighbors": "mapping: address to MAC or interface",
    "oif": "interface",
    "owner": "user, user:group",
    "Program.env": "mapping: name to value",
    "Program.port": "80, `udp/53`",
    "Program.ready": "regular expression",
    "Program.run": "list of words",
    "Program.stop": "signal",
    "programs": "mapping: name to [program](#programs)",
    "set": "mapping: what to settings",
    "sysctls": "mapping: sysctl to value",
    "table": "number, `main`, `local`, `default`",
    "test": "list of expectations, or such by step",
    "to": "prefix, address, `default`",
    **dict.fromkeys(("throughput", "latency", "compare"), "list of [measurements](#measurements)"),
}
#: What holds where a key is left out and the schema knows no default.
DEFAULTS = {
    **dict.fromkeys(("promisc", "allmulticast"), "false"),
    "arp": "true; a dummy's, a VRF's and in l3 false",
    "multicast": "true",
    "ageing_time": "300",
    "bclim": "the kernel's (1)",
    "bcqueuelen": "the kernel's (1000)",
    "dev": "by the gateway",
    "Interface.dev": "none",
    "Interface.table": "required",
    "dstport": "4789",
    "policy": "`none`",
    "Interface.learning": "true",
    "File.mode": "0644",
    "owner": "root",
    "Program.run": "required",
    "Program.stop": "`TERM`",
    "Host.private": "the topology's",
    "Container.private": "its host's",
    "Topology.private": "false",
    "duplicate": "false",
    "family": "by the prefixes",
    "fdb_max_learned": "0",
    "fwmark": "any",
    "onlink": "false",
    "mac": "derived from the names",
    "mcast_snooping": "false",
    "metric": "0; 1024 for IPv6",
    "flag": "none; ipvlan's `bridge`",
    "fail_over_mac": "none",
    "miimon": "the kernel's (0; 802.3ad's 100)",
    "mode": "the kernel's (`vepa`; ipvlan's `l3`, a bond's `balance-rr`)",
    "mtu": f"{veth.MTU}; a child's is its parent's, a vxlan's 50 less than its interface's, a VRF's 65575",
    "num_grat_arp": "1",
    "nodst": "false",
    "priority": "the kernel's",
    "state": "up",
    "step": "1",
    "stp": "false",
    "type": "`veth`",
    "Route.type": "`unicast`",
    "weight": "1",
}
#: Of keys that no file on the page has, since there is none beside it.
EXAMPLES: Example = {("File", "from"): "frr-A.conf"}
#: The options of measurements: what they take, and their defaults.
MEASURES = {
    "bitrate": ("rate", "as fast as it goes", "To send at; UDP's pace."),
    "bytes": ("size", "", "So many in place of a duration."),
    "count": ("number", "", "So many round trips in place of a duration."),
    "duration": ("time", "1s", "Time measured."),
    "engine": ("`auto`, `iperf3`, `sockets`", "`auto`", "iperf3 where it is installed."),
    "family": ("4, 6", "4 where both ends have it", "Of the addresses."),
    "length": ("size", "", "Of a write, a datagram, a request."),
    "mss": ("88 to 9216", "the kernel's", "TCP's segment size."),
    "omit": ("time", "0s", "Left out before."),
    "port": ("number", "a free one", "Of the server."),
    "protocol": ("`tcp`, `udp`", "`tcp`; latency's `udp`", ""),
    "reverse": ("flag", "false", "The server sends."),
    "streams": ("1 to 128", "1", "Connections side by side."),
}
_SECTIONS = {
    "Interface": "interfaces",
    "Host": "hosts",
    "Container": "containers",
    "Switch": "switches",
    "Port": "ports",
}
_SECTIONS |= {"Route": "routes", "Nexthop": "next-hops", "Rule": "rules"}
_SECTIONS |= {"Step": "steps", "Add": "steps", "Claim": "claims"}


def main() -> int:
    """Write or check."""
    text = render()
    if "--check" in sys.argv:
        return int(PATH.read_text("utf-8") != text)
    PATH.write_text(text, "utf-8")
    return 0


def blocks(text: str) -> list[str]:
    """The files on a page."""
    return re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)


def render() -> str:
    """The whole page."""
    text = HEAD.read_text("utf-8")
    whole = json_schema()
    examples = dict(EXAMPLES)
    for block in blocks(text):
        _collect(yaml.load(block, yaml.BaseLoader), whole, "Topology", whole["$defs"], examples)

    def put(found: re.Match[str]) -> str:
        what, _, of = found[1].partition(" ")
        if what == "table":
            return "\n".join(_table(of, whole, examples))
        if what == "options":
            return "\n".join(_options())
        if what == "fewest":
            return str(FEWEST)
        return ", ".join(f"`{word}`" for word in (_keys(of) if what == "keys" else _words(of)))

    return re.sub(r"<!-- (.*?) -->", put, text)


def _table(name: str, whole: Mapping[str, Any], examples: Example) -> Iterator[str]:
    made = whole if name == "Topology" else whole["$defs"][name]
    model = next(getattr(room, name) for room in (schema, belongings, routing_schema) if hasattr(room, name))
    fields = {field.alias or key: field for key, field in model.model_fields.items()}
    kinds = name == "Interface"
    yield "| key | type | default |" + (" of |" if kinds else "") + " example | |"
    yield "|---|---|---|" + ("---|" if kinds else "") + "---|---|"
    for key, part in made["properties"].items():
        if (name, key) not in examples:
            raise SystemExit(f"{HEAD.name} has no example of {key} ({name})")
        cells = [
            f"`{key}`",
            TYPES.get(f"{name}.{key}") or TYPES.get(key) or _type(part),
            _default(name, key, fields[key]),
        ]
        cells += [", ".join(_of(key))] if kinds else []
        cells += [f"`{_short(examples[name, key])}`", part.get("description", "")]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(part: Mapping[str, Any]) -> str:
    choices = [one for one in part.get("anyOf", ()) if one != {"type": "null"}]
    if {"type": "boolean"} in choices:
        return "flag"
    if choices:
        return _type(choices[0])
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return f"[{name.lower()}](#{_SECTIONS[name]})"
    if "enum" in part:
        return ", ".join(f"`{word}`" for word in part["enum"])
    if part.get("type") == "integer":
        return f"{part['minimum']} to {part['maximum']}"
    if part.get("type") == "array":
        return f"list of {_type(part['items'])}s" if "$ref" in part["items"] else "list of names"
    if part.get("type") == "object":
        return f"mapping: name to {_type(part['additionalProperties'])}"
    return "text"


def _default(name: str, key: str, field: Any) -> str:
    if field.is_required():
        return "required"
    if name == "Port":
        value = getattr(NEW_PORT, key)
        return str(value).lower() if isinstance(value, bool) else value or "none"
    if isinstance(field.default, str) and field.default:
        return f"`{field.default}`"
    if key == "name":
        return "the file's"
    if key == "table" and name != "Interface":
        return "`main`"
    return DEFAULTS.get(f"{name}.{key}") or DEFAULTS.get(key, "none")


def _of(key: str) -> list[str]:
    """The kinds of links that take a key; none where all do."""
    return [name for name, kind in KINDS.items() if key in kind.keys]


def _keys(of: str) -> list[str]:
    """What a step can set."""
    adjustable = [key for key in schema.Settings.model_fields if key not in BOX]
    taken = {key for kind in KINDS.values() for key in kind.keys} - IDENTITY
    if of == "box":
        return list(BOX)
    if of == "switch":
        return ["state", *BRIDGE]
    return [key for key in adjustable if key in taken or not _of(key)]


def _words(of: str) -> list[str]:
    found = {
        "outcomes": expect.OUTCOMES,
        "wire": expect.WIRE,
        "layers": LAYERS,
        "link": readback._LINK,
        "port": readback._PORT,
    }
    return list(found[of])


def _options() -> Iterator[str]:
    yield "| option | of | type | default | |"
    yield "|---|---|---|---|---|"
    for name in sorted({name for options in OPTIONS.values() for name in options}):
        of = [metric for metric, options in OPTIONS.items() if name in options]
        taken, default, words = MEASURES[name]
        yield f"| `{name}` | {', '.join(of)} | {taken} | {default} | {words} |"
    yield "| `repetitions` | throughput, latency | 1 to 1000 | 1 | Spread over the time that all take. |"
    yield "| `is` | throughput, latency | bound | none | `at least 1 Gbit/s`, `at most 200 us`, `90 to 100 Mbit/s`. |"


def _collect(value: Any, part: Mapping[str, Any], name: str, models: Mapping[str, Any], found: Example) -> None:
    """Note the first value of each key of each model."""
    choices = [one for one in part.get("anyOf", ()) if one != {"type": "null"}]
    if choices:
        part = choices[0]
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        part = models[name]
    if isinstance(value, dict):
        named = part.get("properties", {})
        for key, below in value.items():
            if key in named:
                found.setdefault((name, key), below)
                _collect(below, named[key], "", models, found)
            elif isinstance(part.get("additionalProperties"), dict):
                _collect(below, part["additionalProperties"], "", models, found)
    elif isinstance(value, list) and isinstance(part.get("items"), dict):
        for below in value:
            _collect(below, part["items"], "", models, found)


def _short(value: Any) -> str:
    """A value in one line, what is nested in it left out."""
    if isinstance(value, dict):
        if len(value) > 1 or any(isinstance(below, (dict, list)) for below in value.values()):
            return f"{{{next(iter(value))}: …}}"
        return "{" + ", ".join(f"{key}: {below}" for key, below in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    return str(value)


if __name__ == "__main__":
    sys.exit(main())
