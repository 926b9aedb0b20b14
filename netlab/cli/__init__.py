"""The command line: `netlab`. A thin front door.

Nothing large is imported here: an agent that will be needed starts before click is imported.
"""

from __future__ import annotations

import _thread
import gc
import os
import signal
import sys
import time
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from netlab.cli import early
from netlab.cli.called import program
from netlab.contract.lacks import SCARCE
from netlab.errors import CANNOT_RUN, FULL, INTERRUPTED, PASSED, WRONG, printable

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

#: What a lack of memory becomes within Python: a parser without memory finds faults in a module that has none.
_BROKEN = (SystemError, SyntaxError)


class Interrupted(BaseException):
    """A signal asked the process to end; like KeyboardInterrupt it passes every ``except Exception``."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(argv: list[str] | None = None) -> NoReturn:
    """The entry point: run a command, say what went wrong in a line, end with the right exit code."""
    _open_closed_streams()
    # Importing makes many objects and no garbage: a short run ends before the first collection.
    gc.set_threshold(200_000)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from netlab.report import github

        github.guard()
    # Pydantic plugins of other packages are not wanted here, and looking for them takes time.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    for name in ("SIGTERM", "SIGHUP"):
        # Not every system has them; predictions are made anywhere.
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)
    sys.unraisablehook = _ignored
    code = _run(sys.argv[1:] if argv is None else argv)
    # All memory goes with the process: at its end Python would look through everything for garbage.
    gc.freeze()
    sys.exit(code)


def _open_closed_streams() -> None:
    """Open /dev/null for standard streams that are closed (``>&-``): otherwise the next file that is opened gets their
    number, and prints go into it."""
    for number, mode in enumerate("rww"):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free descriptor is the one that is missing (open(2)).
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, ("stdin", "stdout", "stderr")[number], os.fdopen(number, mode, closefd=False))


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(number)


def _ignored(what: UnraisableHookArgs, /) -> None:
    """What was raised where nothing can be (a finalizer, a callback) Python prints and forgets. A signal that came then
    comes again, a moment later and so elsewhere."""
    if isinstance(what.exc_value, KeyboardInterrupt):
        _thread.start_new_thread(_again, (signal.SIGINT,))
    elif isinstance(what.exc_value, Interrupted):
        _thread.start_new_thread(_again, (what.exc_value.number,))
    else:
        sys.__unraisablehook__(what)


def _again(number: int) -> None:
    time.sleep(0.01)
    os.kill(os.getpid(), number)


def _run(argv: list[str]) -> int:
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            # As `netlab.__main__` has set it: from here on Ctrl-C is caught.
            signal.signal(signal.SIGINT, signal.default_int_handler)
        early.start(argv)
        code = _command(argv)
    except KeyboardInterrupt:
        # A second Ctrl-C now gives no traceback from the cleanup.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print("netlab: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Interrupted as interrupted:
        print(f"netlab: ended by {signal.Signals(interrupted.number).name}", file=sys.stderr)
        return 128 + interrupted.number
    except BrokenPipeError:
        code = PASSED
    except Exception as error:
        try:
            return _failed(error)
        except (MemoryError, ImportError) as worse:
            # There was not even memory for the message.
            return _lacking(worse)
    finally:
        early.close()
    return _flushed(code)


def _failed(error: Exception) -> int:
    """Say what went wrong; returns the exit code. An unforeseen error is raised again."""
    if isinstance(error, (MemoryError, ImportError)) or (isinstance(error, _BROKEN) and _memory_is_limited()):
        # Where there is no memory for its words Python's own errors become others.
        return _lacking(error)
    if isinstance(error, OSError) and error.errno in FULL | SCARCE:
        if error.errno in FULL and error.filename is None:
            return _unwritable(error)
        about = f"{printable(os.fsdecode(error.filename))}: " if isinstance(error.filename, (str, bytes)) else ""
        fix = "raise the limits of open files, processes and memory (ulimit -n, -u, -v)"
        print(f"netlab: {about}{error.strerror}" + (f"\n  {fix}" if error.errno in SCARCE else ""), file=sys.stderr)
        return CANNOT_RUN
    from netlab.cli.problems import explain

    return explain(error)


def _flushed(code: int) -> int:
    """The exit code, once everything is written; a reader that has gone (`| head`) is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
    except OSError as error:
        return _unwritable(error)
    return code


def _memory_is_limited() -> bool:
    try:
        import resource
    except ModuleNotFoundError:
        # No such thing outside of Unix.
        return False
    except (ImportError, MemoryError):
        # It can't even be mapped.
        return True
    return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY


def _lacking(error: Exception) -> int:
    """Say that there is too little memory (a library that can't be mapped is an ImportError), or no such package."""
    limited = _memory_is_limited()
    if isinstance(error, ModuleNotFoundError) or (isinstance(error, ImportError) and not limited):
        fix = "install netlab with all that it needs"
    else:
        fix = "raise the memory limit (ulimit -v)" if limited else "free some memory"
    said = "" if isinstance(error, _BROKEN) else printable(str(error))
    print(f"netlab: {said or 'out of memory'}\n  {fix}", file=sys.stderr)
    return CANNOT_RUN


def _unwritable(error: OSError) -> int:
    """Say that the report itself could not be written; a disk is full, say."""
    _forget_stdout()
    print(f"netlab: standard output can't be written: {error.strerror}", file=sys.stderr)
    return CANNOT_RUN


def _forget_stdout() -> None:
    """Python flushes once more at its end, and would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command(argv: list[str]) -> int:
    import click

    from netlab.cli.group import cli

    if "_NETLAB_COMPLETE" in os.environ:
        from netlab.cli.completion import register

        register()
        cli.main(args=argv, prog_name=program(), complete_var="_NETLAB_COMPLETE")
    if not argv:
        # To click before 8.2 that would be a success.
        with cli.make_context(program(), [], resilient_parsing=True) as context:
            click.echo(context.get_help(), err=True)
        return WRONG
    try:
        # Not click's main(), which turns EPIPE and Ctrl-C into exit code 1.
        with cli.make_context(program(), argv) as context:
            return int(cli.invoke(context) or PASSED)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return WRONG
    except click.Abort:
        raise KeyboardInterrupt from None
