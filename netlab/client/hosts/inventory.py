"""Which machine plays which host, and how it is reached: ``--on`` and ``--vagrant``."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from netlab.contract.dataclass import dataclass
from netlab.errors import UsageError, did_you_mean

#: Where `vagrant/provision.sh` puts netlab.
VAGRANT_PYTHON = "/opt/netlab/bin/python"
_PYTHON = re.compile(r"[\w./~+-]+")
_KEYS = ("ssh", "nic", "python", "sudo", "options")


@dataclass(frozen=True)
class Machine:
    """One machine: ``host`` of the topology, ``ssh`` the destination for ssh(1), ``options`` before that.

    ``nics`` pairs interfaces of the host with NICs; the interface '' stands for the only one. The NIC of other
    interfaces is the one that has the interface's address.
    """

    host: str
    ssh: str
    nics: tuple[tuple[str, str], ...] = ()
    options: tuple[str, ...] = ()
    python: str = "python3"
    sudo: bool = True

    def __str__(self) -> str:
        return f"{self.host} ({self.ssh})"


def parse(text: str) -> dict[str, Machine]:
    """From a file's name, or from ``A=user@host1:eth1,B=user@host2:eth1``. Raises UsageError."""
    if "=" not in text:
        return _from_file(Path(text))
    found: dict[str, Machine] = {}
    for part in text.split(","):
        host, equals, rest = part.strip().partition("=")
        ssh, colon, nic = rest.rpartition(":")
        if not equals or not colon or not host or not ssh or not nic:
            raise UsageError(f"--on {part.strip()!r} isn't HOST=USER@MACHINE:NIC")
        if host in found:
            raise UsageError(f"--on names {host} twice")
        found[host] = _machine(host, ssh, (("", nic),), (), "python3", True)
    return found


def _from_file(path: Path) -> dict[str, Machine]:
    import yaml

    try:
        # Every scalar as it is written: a host may be called `no`.
        given = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # makes nothing but strings
    except OSError as error:
        raise UsageError(f"--on {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"--on {path}: {' '.join(str(error).split())}") from error
    if not isinstance(given, dict) or not given:
        raise UsageError(f"--on {path}: expected a mapping of hosts, such as A: {{ssh: user@host1, nic: eth1}}")
    return {host: _from_mapping(f"--on {path}: {host}", host, values) for host, values in given.items()}


def _from_mapping(where: str, host: str, values: Any) -> Machine:
    if not isinstance(values, dict) or not isinstance(values.get("ssh"), str):
        raise UsageError(f"{where}: expected {{ssh: user@host, nic: eth1}}")
    for key in values:
        if key not in _KEYS:
            raise UsageError(f"{where}: no key {key!r}{did_you_mean(key, _KEYS)}; there are {', '.join(_KEYS)}")
    nic = values.get("nic", {})
    nics = tuple(nic.items()) if isinstance(nic, dict) else (("", nic),)
    options, sudo = values.get("options", []), values.get("sudo", "true")
    if not isinstance(options, list) or not all(isinstance(word, str) for word in options):
        raise UsageError(f"{where}: 'options' is a list of words for ssh, such as [-p, 2222]")
    if sudo not in ("true", "false"):
        raise UsageError(f"{where}: 'sudo' is true or false, not {sudo!r}")
    if not all(isinstance(one, str) and one for _, one in nics):
        raise UsageError(f"{where}: 'nic' is a name, or a mapping of interfaces to names")
    return _machine(host, values["ssh"], nics, tuple(options), values.get("python", "python3"), sudo == "true")


def _machine(
    host: str, ssh: str, nics: tuple[tuple[str, str], ...], options: tuple[str, ...], python: Any, sudo: bool
) -> Machine:
    if ssh.startswith("-"):
        raise UsageError(f"{host}: {ssh!r} is no machine's name")
    if not isinstance(python, str) or not _PYTHON.fullmatch(python):
        raise UsageError(f"{host}: {python!r} is no path of a Python")
    return Machine(host, ssh, nics, options, python, sudo)


def vagrant(hosts: list[str], config: Path) -> dict[str, Machine]:
    """The machines of the Vagrantfile here, each for the host of its name; ssh's configuration is written to
    ``config``.

    Raises UsageError where there is no Vagrant or nothing is up.
    """
    try:
        done = subprocess.run(
            ["vagrant", "ssh-config"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError as error:
        raise UsageError("vagrant is not installed", fix="sudo apt-get install vagrant", exit_code=3) from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it failed"]
        raise UsageError(f"vagrant ssh-config: {said[0]}", fix="vagrant up", exit_code=3)
    config.write_text(done.stdout)
    known = {name.lower(): name for name in re.findall(r"^Host (\S+)$", done.stdout, re.MULTILINE)}
    missing = [host for host in hosts if host.lower() not in known]
    if missing:
        raise UsageError(
            f"Vagrant has no machine for {', '.join(missing)}; it has {', '.join(known.values())}", exit_code=3
        )
    return {host: Machine(host, known[host.lower()], (), ("-F", str(config)), VAGRANT_PYTHON) for host in hosts}
