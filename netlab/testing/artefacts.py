"""What is kept of a lab when a test has failed: enough to see its state, and to build it again."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from netlab.client import LabError, SpawnError
from netlab.report.folder import Folder, at

if TYPE_CHECKING:
    from netlab.testing.daemon import Daemon
    from netlab.testing.lab import Lab
    from netlab.testing.namespace import Namespace

_UNSAFE = re.compile(r"[^\w.+-]+")
#: The whole matrix is probed for the record up to this many endpoints.
RECORD_UP_TO = 20
#: The `ip -d -j` commands that are run in every namespace; and how long each may take, in seconds.
ASKED = ("address", "route", "-6 route", "neighbor", "rule")
#: Further commands, by the name that their words get in ``state.json``.
FURTHER = {
    "processes": ("ps", "-eo", "pid,ppid,user,stat,args"),
    "nftables": ("nft", "list", "ruleset"),
    "sockets": ("ss", "-tuanp"),
    "fdb": ("bridge", "-d", "fdb", "show"),
}
TIMEOUT = 5.0


def save(lab: Lab, folder: Folder | Path) -> str:
    """Write the topology (``topology.yaml``), the output of daemons (``A-name.log``), a record of now with its reports,
    the state of every namespace (``state.json``: what ``ip -d -j`` says, processes, sockets, nftables, forwarding
    tables) and the captures into a folder; returns lines that say where.

    Raises ReportError where the folder can't be written to.
    """
    folder = at(folder)
    lines = [f"{folder}: topology.yaml"]
    folder.write("topology.yaml", lab.topology)
    for capture in lab.captures:
        folder.write(f"{_UNSAFE.sub('~', '+'.join(capture.interfaces))[:100].strip('~')}.pcapng", capture.data)
    if lab.captures:
        lines[0] += f", {len(lab.captures)} capture{'s' if len(lab.captures) > 1 else ''}"
    logs = dict(_logs(lab.daemons))
    for name, output in logs.items():
        folder.write(name, output)
    if logs:
        lines[0] += f", {', '.join(logs)}"
    lines += (daemon.death for daemon in lab.daemons if daemon.death)
    try:
        folder.write("state.json", json.dumps(_state(lab), indent=1) + "\n")
        lines[0] += ", state.json"
        if len(lab.state.endpoints) <= RECORD_UP_TO:
            from netlab.report.save import save as save_reports

            record = lab.examine()
            save_reports(record, folder)
            lines[0] += ", run.json and its reports"
            counts = record["summary"]
            lines.append(f"the whole matrix now: {counts['pass']} pass, {counts['fail']} fail")
    except LabError as error:
        lines.append(f"nothing more could be had: {error}")
    return "\n".join(lines)


def _logs(daemons: Iterable[Daemon]) -> Iterator[tuple[str, str]]:
    """The output of each, by the name of its file."""
    taken: set[str] = set()
    for daemon in daemons:
        name = base = _UNSAFE.sub("~", f"{daemon.place}-{os.path.basename(daemon.args[0])}")
        for number in itertools.count(2):
            if name not in taken:
                break
            name = f"{base}-{number}"
        taken.add(name)
        yield f"{name}.log", daemon.output


def _state(lab: Lab) -> dict[str, dict[str, object]]:
    """What iproute2 says of every namespace; its own words where it fails."""
    found: dict[str, dict[str, object]] = {}
    for namespace in lab:
        asked = {what: ("ip", "-d", "-j", *what.split(), "show") for what in ASKED}
        found[namespace.name] = {what: _said(namespace, argv) for what, argv in (asked | FURTHER).items()}
    return found


def _said(namespace: Namespace, argv: tuple[str, ...]) -> object:
    """What a command says, as JSON where that is what it was asked for, else by lines; why not, where it fails."""
    try:
        done = namespace.run(*argv, check=False, timeout=TIMEOUT)
    except SpawnError as error:
        # Images of containers often lack it; the record is to be had all the same.
        return str(error)
    if done.returncode != 0:
        return done.stderr.strip()
    if "-j" not in argv:
        return done.stdout.splitlines()
    try:
        return json.loads(done.stdout or "[]")
    except ValueError:
        return done.stdout
