"""A namespace's nftables, loaded by nft(8), whose messages name lines of the ruleset."""

from __future__ import annotations

import errno
import os
import re
import subprocess
from collections.abc import Callable

from netlab.agent.errors import BuildFailed, not_started
from netlab.agent.netns import Netns
from netlab.contract.types import SetNftables, Where

#: ``/dev/stdin:3:5-10: Error: syntax error``: line, first column, words.
_ERROR = re.compile(r"^/dev/stdin:(\d+):(\d+)-\d+: Error: (.*)$", re.MULTILINE)
_ARGV = ["nft", "-f", "-"]
#: What nft says where the kernel has no nftables at all; of a rule it may mean that this hook can't do this.
_LACKING = (errno.EPROTONOSUPPORT, errno.EOPNOTSUPP, errno.EAFNOSUPPORT)
#: Comes before the ruleset, in the same transaction.
_FLUSH = "flush ruleset\n"


def load(ns: Netns, change: SetNftables, log: Callable[[str], None]) -> None:
    """Replace all of the namespace's rules by those of the change, at once or not at all. Raises BuildFailed."""
    command = f"ip netns exec {ns.id} {' '.join(_ARGV)}"
    log(f"{command}   # the ruleset of {change.where}")
    try:
        done = ns.run(_ARGV, f"{_FLUSH}{change.ruleset}\n")
    except subprocess.TimeoutExpired as error:
        raise BuildFailed(0, "nft doesn't come to an end", command, ns.id, change.where) from error
    except OSError as error:
        raise not_started("nft", error, command, ns.id, change.where) from error
    if done.returncode:
        raise _refused(ns, change, command, done.stderr.strip())


def _refused(ns: Netns, change: SetNftables, command: str, said: str) -> BuildFailed:
    """nft's own words, at their place in the file."""
    where, words = change.where, said or "nft says nothing of what is wrong"
    lacking, line = any(os.strerror(number) in said for number in _LACKING), 0
    if found := _ERROR.search(said):
        line, column, words = int(found[1]) - _FLUSH.count("\n"), int(found[2]), found[3]
        if change.text is not None:
            where = Where(change.text.file, change.text.line + line - 1, change.text.column + column - 1)
        else:
            words = f"line {line}, column {column} of the ruleset: {words}"
    failed = BuildFailed(0, f"nft: {words}", command, ns.id, where)
    failed.lacking = lacking and line < 1
    if lacking:
        failed.hint = "this kernel has no nftables, or not this part of it: sudo modprobe nf_tables"
    return failed
