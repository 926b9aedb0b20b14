"""A shell in a host, in a real terminal: tmux draws it, and types into it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.stay.conftest import NETLAB, Stay, about, until

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")

PROMPT = r"^bash-[\d.]+[$#]\s*$"
"""What bash shows where nothing says otherwise."""


class Terminal:
    """One tmux server with one window, in the test's own folder."""

    def __init__(self, stay: Stay) -> None:
        self._tmux = ["tmux", "-f", "/dev/null", "-S", str(stay.folder / "tmux")]
        self._stay = stay
        # An exported prompt would be this bash's, too.
        env = {name: value for name, value in stay.environment.items() if name not in ("PS1", "PROMPT_COMMAND", "TMUX")}
        # So wide that no line is wrapped: what comes behind one that just fills the screen seems to belong to it.
        self.run("new-session", "-d", "-x", "400", "-y", "40", "bash", "--norc", env=env)
        # What is typed before the prompt is there shows twice: the terminal echoes it, and then the shell.
        self.shows(PROMPT)

    def run(self, *argv: str, env: dict[str, str] | None = None) -> str:
        """A command of tmux."""
        done = subprocess.run(
            [*self._stay.prefix, *self._tmux, *argv],
            cwd=self._stay.folder, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def type(self, text: str, *keys: str) -> None:
        """Type a line."""
        self.run("send-keys", "-l", text)
        self.run("send-keys", *keys or ("Enter",))

    def shows(self, pattern: str) -> None:
        """Wait until the screen shows something."""
        until(lambda: re.search(pattern, self.run("capture-pane", "-p", "-J"), re.MULTILINE))

    def close(self) -> None:
        """End it: whatever runs in it gets SIGHUP."""
        self.run("kill-server")


@pytest.fixture
def terminal(stay: Stay) -> Iterator[Terminal]:
    """A terminal in which a shell of host A runs."""
    made = Terminal(stay)
    # What the user's own ~/.bashrc runs takes its time in a guest.
    made.type(f"HOME=$PWD SHELL=/bin/bash {NETLAB} shell A")
    made.shows(r"^\[two A\]")
    yield made
    if (stay.folder / "tmux").exists():
        subprocess.run([*stay.prefix, *made._tmux, "kill-server"], capture_output=True, check=False)


def test_a_shell_is_at_home(stay: Stay, terminal: Terminal) -> None:
    """The prompt says where it is; ip, ping by name and tcpdump work; job control does; its end is the command's."""
    terminal.type("ip -br link show child; ping -c1 -W2 B && echo reached-$?")
    terminal.shows("^child")
    terminal.shows("^reached-0")
    # Ctrl-Z stops the program, not the shell; fg takes it up again; Ctrl-C ends it.
    terminal.type("sed s/^/seen-/")
    until(lambda: about(stay)["programs"] == 2)
    terminal.run("send-keys", "C-z")
    terminal.shows("Stopped")
    terminal.type("fg")
    # It is named, and then has the terminal again: before that keys are the shell's.
    terminal.shows(r"^sed s/\^/seen-/")
    terminal.type("again")
    terminal.shows("^seen-again")
    terminal.run("send-keys", "C-c")
    until(lambda: about(stay)["programs"] == 1)
    # tcpdump changes its user: for that the lab needs more than one.
    users = int(stay("exec", "A", "--", "cat", "/proc/self/uid_map").stdout.split()[2])
    if shutil.which("tcpdump") and users > 1:
        terminal.type("tcpdump -c1 -lni eth0 icmp &")
        terminal.shows("listening on eth0")
        terminal.type("ping -c1 -W2 B > /dev/null")
        terminal.shows("ICMP echo request")
    terminal.type("exit 7")
    # What is typed before that prompt is there may still go to the guest.
    terminal.shows(PROMPT)
    terminal.type("echo ended-$?")
    terminal.shows("^ended-7")


def test_a_terminal_may_close(stay: Stay, terminal: Terminal) -> None:
    """When the terminal goes its shell goes, and the lab stays: from elsewhere it is used on."""
    terminal.close()
    until(lambda: about(stay)["programs"] == 0)
    assert "not reached" not in stay("probe", "A,B").stdout


def test_a_lab_outlives_its_terminal(stay: Stay) -> None:
    """A lab that was brought up in a terminal stays when that is closed."""
    terminal = Terminal(stay)
    terminal.type(f"{NETLAB} up two.yaml -n second")
    terminal.shows("second is up")
    terminal.close()
    assert "reached" in stay("probe", "second", "A,B").stdout


@pytest.mark.skipif(shutil.which("dash") is None, reason="dash is not installed")
def test_a_shell_hands_the_terminal_back(own: Stay) -> None:
    """A plain shell stops, goes on and ends without a word, and a script that has started it reads what is typed
    next."""
    terminal = Terminal(own)
    shell = f"SHELL=$(command -v dash) {NETLAB} shell A"
    terminal.type(shell)
    terminal.shows(r"^\[two A\]")
    terminal.type("kill -STOP $$")
    terminal.shows("Stopped")
    terminal.type("fg")
    # Each prompt that was typed at has something behind it.
    terminal.shows(r"^\[two A\]\s*$")
    terminal.type("echo in-$NETLAB_HOST; exit")
    terminal.shows("^in-A")
    terminal.shows(PROMPT)
    terminal.type(f"sh -c '{shell}; echo ended-$?; read word; echo got-$word'")
    terminal.shows(r"^\[two A\]\s*$")
    terminal.type("exit 5")
    terminal.shows("^ended-5")
    terminal.type("word")
    terminal.shows("^got-word")
    assert "Cannot set" not in terminal.run("capture-pane", "-p", "-J")
    terminal.close()
