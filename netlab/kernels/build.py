"""Build a User-Mode Linux of its source: Debian's, or a folder or archive of the user's.

What is made on the way is in a folder of the cache, and stays there until the kernel is done: an interrupted or failed
build goes on where it was.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from netlab.contract.kernels import parse
from netlab.kernels.cache import Cached, folder
from netlab.kernels.debian import Tell, download, unpack
from netlab.kernels.facts import KernelError, ask
from netlab.kernels.store import keep
from netlab.kernels.tools import need, need_headers

FRAGMENT = Path(__file__).with_name("kernel.config")
#: About so many lines make prints (6.1 and 6.12 with `FRAGMENT`).
LINES = 1600
#: How much room it takes on the way, in bytes: source, objects, package.
ROOM = 2_500_000_000


def build(version: str, source: Path | None, jobs: int, tell: Tell) -> Cached:
    """Build the newest release of a version, ``6.12``, and put it into the cache under that name.

    ``source`` is a folder or an archive of its source; by default Debian's package of it is downloaded. Raises
    KernelError; what failed says where the log is.
    """
    try:
        series = parse(version)
    except ValueError:
        raise KernelError(f"{version!r} is no version of Linux", fix="netlab kernel build 6.12") from None
    if platform.machine() != "x86_64":
        raise KernelError(f"a User-Mode Linux runs on x86_64 only, and this is {platform.machine()}")
    need("make", "gcc", "flex", "bison", "bc", "xz", "tar", "strip")
    need_headers()
    work = folder().with_name("build") / version
    work.mkdir(parents=True, exist_ok=True)
    _check_room(work)
    tree, origin = _tree(version, source, work, tell)
    log = work / "build.log"
    _make(tree, work / "objects", log, jobs, tell)
    tell("putting it into the cache", None)
    program = work / "linux"
    subprocess.run(["strip", "-o", program, work / "objects" / "linux"], check=True)
    facts = ask(program)
    if facts.version != series:
        raise KernelError(
            f"the source of {origin} is Linux {facts.release}, not {version}",
            fix=f"netlab kernel build {facts.version} --source {source or origin}",
        )
    kept = keep(program, version, origin)
    shutil.rmtree(work)
    return kept


def _check_room(work: Path) -> None:
    free = shutil.disk_usage(work).free
    if free < ROOM and not (work / "objects" / "linux").exists() and not (work / "source").exists():
        raise KernelError(
            f"{work} has {free >> 20} MB free, and a build takes {ROOM // 1_000_000} MB on the way",
            fix="XDG_CACHE_HOME=FOLDER netlab kernel build …",
        )


def _tree(version: str, source: Path | None, work: Path, tell: Tell) -> tuple[Path, str]:
    """The unpacked source, and where it is from."""
    if source is not None and source.is_dir():
        if not (source / "Kbuild").is_file():
            raise KernelError(f"{source} is no source of Linux: there is no Kbuild in it")
        return source, str(source)
    if source is None:
        package = f"linux-source-{version}"
        archive, release = download(package, work, tell)
        origin = f"{package} {release}"
    elif source.is_file():
        archive, origin = source, source.name
    else:
        raise KernelError(f"there is no {source}", fix="--source takes a folder or an archive of Linux's source")
    tree, done = work / "source", work / "source.of"
    if not (tree.is_dir() and done.is_file() and done.read_text() == origin):
        shutil.rmtree(tree, ignore_errors=True)
        tell("unpacking the source", None)
        if archive.suffix == ".deb":
            unpack(archive, work / "package")
            archive = next(iter((work / "package" / "usr" / "src").glob("linux-source-*.tar.*")), archive)
        _untar(archive, tree)
        shutil.rmtree(work / "package", ignore_errors=True)
        done.write_text(origin)
    return tree, origin


def _untar(archive: Path, tree: Path) -> None:
    new = tree.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    done = subprocess.run(
        ["tar", "-xf", archive, "-C", new, "--strip-components=1"], capture_output=True, text=True, errors="replace"
    )
    if done.returncode != 0 or not (new / "Kbuild").is_file():
        said = done.stderr.strip().splitlines()
        raise KernelError(f"{archive} holds no source of Linux" + (f": {said[-1]}" if said else ""))
    new.rename(tree)


def _make(tree: Path, objects: Path, log: Path, jobs: int, tell: Tell) -> None:
    """Configure and build out of the tree; everything that make says is in the log."""
    objects.mkdir(exist_ok=True)
    made = ["make", "-C", str(tree), "ARCH=um", f"O={objects}"]
    # make's own variables of an outer make are none of this one's.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "KBUILD"))}
    env |= {"LC_ALL": "C", "KCONFIG_ALLCONFIG": str(FRAGMENT)}
    with log.open("wb") as file:
        tell("configuring", None)
        if subprocess.run(
            [*made, "allnoconfig"], stdout=file, stderr=file, stdin=subprocess.DEVNULL, env=env
        ).returncode:
            raise _failed(log)
    already = len(list(objects.rglob("*.o")))
    with (
        log.open("ab") as file,
        subprocess.Popen(
            [*made, f"-j{jobs}", "linux"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=env,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            for number, line in enumerate(process.stdout, already):
                file.write(line)
                if found := re.match(rb"\s+(?:CC|AR|LD)\s+(\S+)", line):
                    tell(f"building: {found[1].decode(errors='replace')}", min(0.99, number / LINES))
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise _failed(log)


def _failed(log: Path) -> KernelError:
    """The first error of the log, and where it is."""
    lines = log.read_text(errors="replace").splitlines()
    errors = [line for line in lines if re.search(r"\berror\b|\*\*\*|not found", line, re.IGNORECASE)] or lines[-1:]
    return KernelError(
        f"the build has failed: {errors[0].strip() if errors else 'make said nothing'}", fix=f"see {log}"
    )
