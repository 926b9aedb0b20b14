"""`netlab exec`, `netlab shell` and `netlab nsenter`: into a host of a lab that stays."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from typing import NoReturn

import click

from netlab.cli.lab import InLab, has_host, one, pick
from netlab.errors import UsageError

#: Administrators' tools: an ordinary user's PATH often lacks the folders they are in.
_TOOLS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
#: What the shells are told: their prompt begins with lab and host.
_PROMPT = "[{place}] "
_BASH = 'unset NETLAB_BASHRC; if [ -f ~/.bashrc ]; then . ~/.bashrc; fi; PS1="[$NETLAB_LAB $NETLAB_HOST] $PS1"'
#: A file without a name, where the shell is.
_WITH_BASHRC = 'exec "$0" --rcfile /proc/self/fd/9 -i 9<<<"$NETLAB_BASHRC"'
_FISH = "functions -c fish_prompt _netlab_prompt; function fish_prompt; echo -n '[{place}] '; _netlab_prompt; end"


@click.command(
    "exec",
    short_help="Run a command in a host of a lab that stays.",
    context_settings={"allow_interspersed_args": False},
)
@click.argument("words", metavar="[LAB] HOST -- CMD...", nargs=-1, type=InLab("hosts"))
def run(words: tuple[str, ...]) -> NoReturn:
    """Run a command in a host or container: with this terminal, these streams, and its own exit code.

    LAB may be left out where one lab is up. HOST is as in the topology: A, A/c1. Without a shell around it, CMD is
    taken word by word; the command ends with this one, and with the lab.
    """
    if "--" in words:
        split = words.index("--")
        name, host = one(words[:split], "the host")
        command = list(words[split + 1 :])
    else:
        name, rest = pick(words)
        host, *command = rest or [""]
    if not host or not command:
        raise UsageError("the command is missing", fix="netlab exec LAB HOST -- CMD...")
    _become(name, host, command)


@click.command("shell", short_help="Open a shell in a host of a lab that stays.")
@click.argument("words", metavar="[LAB] HOST", nargs=-1, type=InLab("hosts"))
def shell(words: tuple[str, ...]) -> NoReturn:
    """Open a shell in a host or container, in this terminal: $SHELL, whose prompt says where it is.

    LAB may be left out where one lab is up. What is set here by hand ('ip link set') is the lab's; its plan doesn't
    know of it: 'netlab set' is for changes that 'probe' and 'why' are to know.
    """
    name, host = one(words, "the host")
    program = os.environ.get("SHELL") or "/bin/sh"
    os.environ["PS1"] = _PROMPT.format(place=f"{name} {host}")
    _become(name, host, [program, *_greeting(os.path.basename(program), f"{name} {host}")], leads=True)


@click.command("nsenter", short_help="Print the command with which other tools enter a host.")
@click.argument("words", metavar="[LAB] HOST", nargs=-1, type=InLab("hosts"))
def nsenter(words: tuple[str, ...]) -> None:
    """Print the nsenter command that enters the network namespace of a host: for scripts, and for other tools.

    It holds as long as the lab is up.
    """
    from netlab.client import staying

    name, host = one(words, "the host")
    with staying.attached(name) as lab:
        has_host(lab, host)
        click.echo(shlex.join(lab.nsenter(host)))


def _become(name: str, host: str, command: Sequence[str], *, leads: bool = False) -> NoReturn:
    from netlab.client import staying

    with staying.attached(name) as lab:
        has_host(lab, host)
        os.environ |= {"NETLAB_LAB": name, "NETLAB_HOST": host}
        path = os.environ.get("PATH", os.defpath).split(os.pathsep)
        os.environ["PATH"] = os.pathsep.join([*path, *(tool for tool in _TOOLS if tool not in path)])
        lab.become(host, command, leads=leads)


def _greeting(shell: str, place: str) -> list[str]:
    """The options with which a shell's prompt says where it is; $PS1 does it in a plain one."""
    if shell == "bash":
        os.environ["NETLAB_BASHRC"] = _BASH
        return ["-c", _WITH_BASHRC, os.environ.get("SHELL", shell)]
    if shell == "fish":
        return ["-i", "-C", _FISH.format(place=place)]
    return ["-i"]
