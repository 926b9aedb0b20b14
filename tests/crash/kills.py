"""SIGKILL at chosen events of a run's life: every try finds the run under way, and every victim where it was."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass

from tests.crash import world
from tests.crash.runs import DIED, ORDINARY, Ended, NotClean, Runs, expect
from tests.crash.stops import MOMENTS, Events, Stops

VICTIMS = ("front", "launcher", "agent", "iperf3", "other")
#: What there is to be killed when: labs have processes in them only while something is measured.
CELLS = [(moment, victim) for moment in MOMENTS for victim in VICTIMS[:3]] + [
    ("throughput", victim) for victim in ("iperf3", "iperf3", "iperf3", "other")
]
#: So many tries for each kill that is asked for, before it is given up.
TRIES = 3


@dataclass(frozen=True)
class Try:
    """One try: which command is to be stopped where, and who is to be killed: held there, or going on meanwhile."""

    command: tuple[str, ...]
    moment: str
    number: int
    victim: str
    held: bool

    def __str__(self) -> str:
        how = "" if self.held else ", going on"
        return f"kill of {self.victim} at {self.moment} {self.number}{how}: {' '.join(self.command)}"

    @property
    def needs_agent(self) -> bool:
        """Whether the run can't end well once this agent has died. When all is observed nobody needs one; before there
        is anything of a lab (and while `netlab.Labs` opens one) a fresh one is started."""
        afresh = ("launch", "build") if "tests.crash.traffic" in self.command else ("launch",)
        return self.moment not in (*afresh, "teardown")


def kills(runs: Runs, count: int, seed: int) -> None:
    """So many processes killed while a run was under way, spread over its moments and victims; each leaves nothing."""
    chance = random.Random(seed)
    stops = Stops(runs)
    busy = runs.busy()
    traffic = [sys.executable, "-m", "tests.crash.traffic"]
    captured = runs.demo("--pcap", str(runs.reports / "pcap"), "--layers", "icmp")
    commands = [busy, ORDINARY + busy, captured, traffic, ORDINARY + traffic]
    there: dict[tuple[str, ...], Events] = {}
    for command in commands:
        ended = runs.run(command, " ".join(command))
        expect(ended.code == 0, f"undisturbed: {' '.join(command)}", ended)
        there[tuple(command)] = stops.events()
    hits: Counter[tuple[str, str]] = Counter()
    missed: Counter[str] = Counter()
    while hits.total() < count:
        if missed.total() > TRIES * count:
            raise NotClean(f"only {hits.total()} of {count} kills have hit; the others: {dict(missed)}")
        moment, victim = CELLS[hits.total() % len(CELLS)]
        places = [
            (command, number)
            for command, events in there.items()
            for number, inside in events[moment].items()
            if meets(moment, number, inside, victim)
        ]
        # Each command as often as any other, however many events it has.
        command = chance.choice(list(dict.fromkeys(command for command, _ in places)))
        number = chance.choice([number for one, number in places if one == command])
        one = Try(command, moment, number, victim, held=chance.random() < 0.5)
        why = attempt(runs, stops, one, chance)
        if why:
            missed[why] += 1
        else:
            hits[moment, victim] += 1
    print(table(hits))
    others = ", ".join(f"{why} {times}" for why, times in missed.items()) or "none"
    print(f"{hits.total()} kills have hit, nothing was left; tries that hit nobody: {others}")


def meets(moment: str, number: int, inside: set[str], victim: str) -> bool:
    """Whether the victim was there at this event when nobody disturbed the run."""
    if victim in VICTIMS[:3]:
        # The launcher is at the first event of all by itself.
        return (moment, number, victim) != ("launch", 1, "agent")
    return victim in inside if victim == "iperf3" else bool(inside - {"iperf3"})


def attempt(runs: Runs, stops: Stops, one: Try, chance: random.Random) -> str:
    """Kill once, and see how it ends; returns why it doesn't count, or nothing. Raises NotClean."""
    front = stops.start(runs, one.command, one.moment, one.number)
    reached = stops.wait(front.pid)
    victim = find(front.pid, one.victim, chance) if reached else 0
    struck = bool(victim) and one.held and kill(victim)
    stops.release()
    if victim and not one.held:
        time.sleep(chance.uniform(0, 0.003))  # somewhere behind the event, wherever it may be by then
        struck = kill(victim)
    # Not yet waited for, so the number is its own: it was there when the kill had been done, or had just been hit.
    under_way = front.poll() is None or front.returncode == -signal.SIGKILL
    ended = runs.ended(front, str(one))
    if not reached or not victim:
        expect(ended.code == 0, f"undisturbed: {one}", ended)
        return "nobody there yet" if reached else "event not met"
    return "" if judge(one, ended, under_way) and struck else "over already"


def judge(one: Try, ended: Ended, under_way: bool) -> bool:
    """Whether the kill has hit a run under way, by what the run says of it. Raises NotClean where it says it badly."""
    what = str(one)
    died = ended.code == 3 and DIED in ended.err
    if one.victim == "front":
        # Who was killed can't have ended by itself.
        expect(ended.code == -signal.SIGKILL or (ended.code == 0 and not one.held), what, ended)
        return ended.code == -signal.SIGKILL
    if one.victim in ("launcher", "agent"):
        expect(died or (ended.code == 0 and not (one.needs_agent and one.held)), what, ended)
        return died or (under_way and not one.needs_agent)
    # Of its processes the lab knows, and says how they ended; a measurement may have been over.
    expect(ended.code in (0, 1, 4), what, ended)
    return ended.code != 0


def find(front: int, role: str, chance: random.Random) -> int:
    """A living process of the run by its role; 0 where there is none."""
    family = world.descendants(front)
    if role in VICTIMS[:3]:
        # In the order in which they started each other.
        place = VICTIMS.index(role)
        return family[place] if len(family) > place else 0
    inside = [pid for pid in family[3:] if (world.name(pid) == "iperf3") == (role == "iperf3")]
    return chance.choice(inside) if inside else 0


def kill(pid: int) -> bool:
    """SIGKILL; whether it was still there."""
    alive = bool(world.name(pid))
    if alive:
        os.kill(pid, signal.SIGKILL)
    return alive


def table(hits: Counter[tuple[str, str]]) -> str:
    """Who was hit when."""
    rows = [("", *VICTIMS, "all")]
    for moment in MOMENTS:
        row = [hits[moment, victim] for victim in VICTIMS]
        rows.append((moment, *(str(times or "") for times in row), str(sum(row))))
    rows.append(
        ("all", *(str(sum(hits[moment, victim] for moment in MOMENTS)) for victim in VICTIMS), str(hits.total()))
    )
    return "\n".join(f"{row[0]:12}" + "".join(f"{cell:>10}" for cell in row[1:]) for row in rows)
