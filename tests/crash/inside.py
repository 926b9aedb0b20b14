"""``python -m tests.crash.inside SCENARIO``: PID 1 of a small world, in which runs are ended in every way there is.

Exits with 0 where every run ended as it should, with a clear message, and left nothing behind.
"""

from __future__ import annotations

import argparse
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.crash import world
from tests.crash.kills import kills
from tests.crash.runs import NETLAB, Ended, NotClean, Runs, expect
from tests.crash.stops import MOMENTS, Stops

# --- scenarios --------------------------------------------------------------------------------------


def signals(runs: Runs, _count: int, _seed: int) -> None:
    """SIGTERM, SIGINT (once, and again), SIGHUP in every moment of a run: the exit code says which, and a line does."""
    cases: list[tuple[list[signal.Signals], int, str]] = [
        ([signal.SIGTERM], 143, "netlab: ended by SIGTERM"),
        ([signal.SIGINT], 130, "netlab: interrupted"),
        ([signal.SIGINT, signal.SIGINT], 130, "netlab: interrupted"),
        ([signal.SIGHUP], 129, "netlab: ended by SIGHUP"),
    ]
    stops = Stops(runs)
    undisturbed = runs.run(runs.busy(), "undisturbed")
    expect(undisturbed.code == 0, "undisturbed", undisturbed)
    there = stops.events()
    for moment in MOMENTS:
        for sent, code, message in cases:
            what = f"{'+'.join(one.name for one in sent)} at {moment}"
            front = stops.start(runs, runs.busy(), moment, (len(there[moment]) + 1) // 2)
            reached = stops.wait(front.pid)
            for one in sent:
                front.send_signal(one)
            stops.release()
            ended = runs.ended(front, what)
            expect(reached, f"{what}: not met", ended)
            expect(ended.code == code, what, ended)
            expect(ended.err.strip() == message, what, ended)


def ties(runs: Runs, _count: int, _seed: int) -> None:
    """Whoever of a run's parents is killed, one or both at once, and whatever the agent is at: it ends, too. It may be
    busy, have stopped in the middle of a request, or be stopped by a signal; its launcher may be stopped."""
    stops = Stops(runs)
    dead = {"front": ["front"], "launcher": ["launcher"], "both": ["launcher", "front"]}
    for killed, roles in dead.items():
        for state, stopped in (("waits", []), ("stopped", ["agent"]), ("launcher stopped", ["launcher"])):
            what = f"{killed} killed, {state}"
            front = stops.start(runs, runs.busy(), "probe", 20)
            expect(stops.wait(front.pid), f"{what}: not met", Ended(0, "", ""))
            family = dict(zip(("front", "launcher", "agent"), world.descendants(front.pid), strict=False))
            for role in stopped:
                os.kill(family[role], signal.SIGSTOP)
            agent = os.pidfd_open(family["agent"])
            for role in roles:
                os.kill(family[role], signal.SIGKILL)
            ended = bool(select.select([agent], [], [], world.DEADLINE)[0])
            os.close(agent)
            if "launcher" in stopped and "launcher" not in roles:
                # All that is left is a process that somebody keeps from ending.
                os.kill(family["launcher"], signal.SIGCONT)
            stops.release()
            code = runs.ended(front, what).code
            expect(ended, f"{what}: the agent lives on", Ended(code, "", ""))
            expect(code == (3 if "front" not in roles else -signal.SIGKILL), what, Ended(code, "", ""))


def full_disk(runs: Runs, _count: int, _seed: int) -> None:
    """Reports and captures for which there is no room: exit code 3, one line that says so, no half a file."""
    small = runs.folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", small], check=True)
    runs.before = world.at_rest(runs.folder)
    runs.reports = small / "reports"
    for argv in (runs.demo(), [*runs.demo("--no-report"), "--json", str(small / "run.json")]):
        ended = runs.run(argv, "full disk")
        expect(ended.code == 3 and "No space left on device" in ended.err, "full disk", ended)
        expect(len(ended.err.strip().splitlines()) <= 2, "full disk: more than a line", ended)
        expect("PASS" in ended.out or "--json" in argv, "full disk: the terminal report is lost", ended)
    argv = [NETLAB, "run", "bridge-two-node", "--no-report", "--pcap", str(runs.reports)]
    ended = runs.run(argv, "full disk, captures")
    expect(ended.code in (0, 3), "full disk, captures", ended)
    subprocess.run(["umount", small], check=True)


def streams(runs: Runs, _count: int, _seed: int) -> None:
    """A reader that has gone (`| head`) is quiet; a stdout that is closed or full is not a crash."""
    for argv in (runs.demo(), [NETLAB, "list"], [NETLAB, "show", "mesh-100"], runs.demo("--json", "-")):
        read, write = os.pipe()
        os.close(read)
        front = runs.start(argv, stdout=write)
        os.close(write)
        ended = runs.ended(front, f"| head: {argv[1]}")
        expect(ended.err == "" and ended.code == 0, f"| head: {argv[1]}", ended)
    for argv in (runs.demo(), [NETLAB, "list"]):
        ended = runs.run(["sh", "-c", 'exec "$@" >&-', "sh", *argv], "closed stdout", stdout=None)
        expect(ended.code in (0, 2, 3), "closed stdout", ended)
        with open("/dev/full", "w") as full:
            ended = runs.run(argv, "/dev/full", stdout=full)
        expect(ended.code in (2, 3) and "No space left on device" in ended.err, "/dev/full", ended)


def limits(runs: Runs, _count: int, _seed: int) -> None:
    """Few descriptors, little memory, few processes: it works, or says in a line what is lacking (exit code 3)."""
    cases: list[tuple[str, list[str], Callable[[], object]]] = [
        ("ulimit -n 64", [], lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))),
        ("ulimit -n 64", ["mesh-100"], lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))),
        ("ulimit -n 20", [], lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))),
        ("ulimit -n 10", [], lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (10, 10))),
    ]
    for megabytes in (200, 80, 60, 50, 40, 30, 25):
        bytes_ = megabytes << 20
        cases.append(
            (f"ulimit -v {megabytes} M", [], lambda n=bytes_: resource.setrlimit(resource.RLIMIT_AS, (n, n)))  # type: ignore[misc]
        )
    for what, names, limit in cases:
        argv = [NETLAB, "run", *(names or ["bridge-two-node"]), "--no-report", "--layers", "icmp"]
        ended = runs.run(argv, f"{what} {names}", preexec_fn=limit)
        print(what, names, ended.code, ended.err.strip()[:200])
        expect(ended.code in (0, 3), what, ended)
        expect(ended.code == 0 or len(ended.err.strip().splitlines()) <= 3, f"{what}: more than some lines", ended)
        expect(ended.code == 0 or "raise the" in ended.err, f"{what}: no word of it", ended)
        expect("Errno" not in ended.err, f"{what}: Python's words", ended)
    # Once so many numbers have been given out, a PID namespace gives out none below 300 (RESERVED_PIDS) again.
    for _ in range(320):
        if (pid := os.fork()) == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    for free in (0, 1, 2, 3, 4, 6, 10, 20):
        argv = [NETLAB, "run", "bridge-two-node", "--no-report", "--layers", "icmp"]
        with _pid_max(301 + free):
            front = runs.start(argv)
            front.wait(timeout=120)
        ended = runs.ended(front, f"{free} processes and threads at most")
        print("processes and threads:", free, ended.code, ended.err.strip()[:200])
        expect(ended.code in (0, 3), f"{free} processes and threads", ended)
        expect(ended.code == 0 or "raise the" in ended.err, f"{free} processes and threads: no word of it", ended)


@contextmanager
def _pid_max(number: int) -> Iterator[None]:
    path = Path("/proc/sys/kernel/pid_max")
    before = path.read_text()
    path.write_text(str(number))
    try:
        yield
    finally:
        path.write_text(before)


def traces(runs: Runs, _count: int, _seed: int) -> None:
    """Leave one trace of each kind, and see that it is found."""
    ended = Ended(0, "", "")

    def found(what: str) -> bool:
        return what in world.look(runs.folder).beyond(runs.before)

    sleeper = subprocess.Popen(["sleep", "1000"])
    expect(found("processes"), "a process", ended)
    sleeper.kill()
    sleeper.wait()
    holder = subprocess.Popen(["unshare", "--net", "sleep", "1000"])
    # A look lowers the limits for a moment: the namespace has to be there before.
    expect(world.wait_until(lambda: world.name(holder.pid) == "sleep", world.DEADLINE), "a namespace to be held", ended)
    held = world.look_until(lambda seen: dict(seen.namespaces)["net"] == 1, runs.folder)
    expect(dict(held.namespaces)["net"] == 1, "a network namespace", ended)
    holder.kill()
    holder.wait()
    for make, undo, what in (
        (["ip", "link", "add", "left0", "type", "veth"], ["ip", "link", "delete", "left0"], "links"),
        (["mount", "-t", "tmpfs", "tmpfs", "/mnt"], ["umount", "/mnt"], "mounts"),
        (["touch", str(runs.folder / "left")], ["rm", str(runs.folder / "left")], "files"),
        (["touch", "/dev/shm/left"], ["rm", "/dev/shm/left"], "files"),
    ):
        subprocess.run(make, check=True)
        expect(found(what), what, ended)
        subprocess.run(undo, check=True)
    if left := world.left_behind(runs.before, runs.folder):
        raise NotClean(left)


def nothing(_runs: Runs, _count: int, _seed: int) -> None:
    """Only see whether a world can be made."""


SCENARIOS: dict[str, Callable[[Runs, int, int], None]] = {
    "kills": kills,
    "signals": signals,
    "ties": ties,
    "full-disk": full_disk,
    "streams": streams,
    "limits": limits,
    "traces": traces,
    "nothing": nothing,
}


def main() -> int:
    """Run one scenario."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            SCENARIOS[asked.scenario](Runs(Path(folder)), asked.count, asked.seed)
        except NotClean as error:
            print(f"NOT CLEAN: {error}")
            return 1
        finally:
            subprocess.run(["umount", "--recursive", "--lazy", folder], check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
