"""The page as a static site: Python compiled to WebAssembly (Pyodide), netlab's own rooms, and nothing from elsewhere.

The parts that netlab doesn't ship are fetched once by pip and npm, which know where their registries are. Each is
compared with the checksum that stands here.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path, PurePosixPath

from netlab.errors import CANNOT_RUN, NetlabError

Note = Callable[[str], None]

PYODIDE = "314.0.7"
#: npm's own checksum of it, and the files that a page needs.
PYODIDE_SHA512 = "0YvXxEhfEdpLfb/XkM2BFAeMROq0iMUX2bzzH9pOttyMcWkwq+HbE5uyuGD82LN7y2q+SNvi/6V5JEsOlD2R1A=="
RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
#: Python packages as pip calls them, each with its checksum; and how pip is told for which machine they are.
PACKAGES = {
    "pyemscripten_2026_0_wasm32": {
        "pydantic==2.14.4": "653a2ad9f6d8858529c77c72717d0ea991d6c6837fe683246b2f4b2bbfc3fadc",
        "pydantic-core==2.50.5": "b2910ec0fa5aeb9bef70156f2b79f4783978fdcfaa7b2f1b5d1814458d2e79a1",
        "annotated-types==0.8.0": "f072f4d804ea359e4eaf198b1af7a8b0943881a87f31bb764f8bf219bb9419e0",
        "typing-extensions==4.16.0": "481caa481374e813c1b176ada14e97f1f67a4539ce9cfeb3f350d78d6370c2e8",
        "typing-inspection==0.4.5": "bc210535442b39e1bf2805e0c7a17dfd6a4ace760c84c7f7d16245d23a6b1c39",
        "jinja2==3.1.6": "85ece4451f492d0c13c5dd7c13a64681a86afae63a5f347908daf103ce6d2f67",
    },
    # These aren't made for WebAssembly. Their modules in Python work without the compiled part, which is left out.
    "manylinux2014_x86_64": {
        "pyyaml==6.0.3": "c458b6d084f9b935061bc36216e8a69a7e293a2f1e68bf956dcd9e6cbcd143f5",
        "markupsafe==3.0.3": "457a69a9577064c05a97c41f4e65148652db078a3a509039e64d3467b9e7ef97",
    },
}
#: The parts of netlab that predict and draw.
ROOMS = ("contract", "spec", "plan", "model", "judge", "report", "why", "playground")


def build(folder: Path, note: Note = lambda _: None) -> None:
    """Write the site into a folder. Raises NetlabError where a part can't be had, OSError where it can't be written."""
    parts = _parts(note)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyodide").mkdir(exist_ok=True)
    for name in RUNTIME:
        shutil.copyfile(parts / "pyodide" / name, folder / "pyodide" / name)
    (folder / "netlab.zip").write_bytes(_archive(parts))
    for name in ("playground.js", "playground.css", "worker.js"):
        (folder / name).write_text(asset(name), "utf-8")
    (folder / "index.html").write_text(index("worker"), "utf-8")
    (folder / "topologies.json").write_text(topologies(), "utf-8")
    note(f"{folder} is written: serve it with any web server")


def asset(name: str) -> str:
    """A file of the page."""
    return resources.files("netlab.playground").joinpath("assets", name).read_text("utf-8")


def topologies() -> str:
    """The gallery, as JSON."""
    from netlab.playground.answer import gallery

    return json.dumps(gallery(), ensure_ascii=False)


def index(mode: str, token: str = "") -> str:
    """The page itself, for answers from a ``worker`` or from a ``server``."""
    policy = _policy()
    page = asset("index.html").replace("POLICY", policy).replace('data-mode="MODE"', f'data-mode="{mode}"')
    return page.replace("<title>", f'<meta name="token" content="{token}">\n<title>') if token else page


def _policy() -> str:
    """A content security policy: nothing from elsewhere. The report in the frame runs its own script, known by hash."""
    script = resources.files("netlab.report").joinpath("assets", "report.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'sha256-{digest}'; "
        "style-src 'self' 'unsafe-inline'; "
        "connect-src 'self'; worker-src 'self'; img-src data:; frame-src 'self'; base-uri 'none'; form-action 'none'"
    )


# --- parts ------------------------------------------------------------------------------------------


def _parts(note: Note) -> Path:
    """The folder with all parts, fetched if they aren't there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netlab" / f"playground-{_version()}"
    if cache.is_dir():
        return cache
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache.parent) as scratch:
        made = Path(scratch) / "parts"
        (made / "python").mkdir(parents=True)
        note("fetching Pyodide by npm …")
        _runtime(Path(scratch), made / "pyodide")
        note("fetching Python packages by pip …")
        _python(Path(scratch), made / "python")
        try:
            made.rename(cache)
        except OSError:
            # Another process was faster, with the same parts.
            if not cache.is_dir():
                raise
    return cache


def _version() -> str:
    """Changes when any part does."""
    return hashlib.sha256(repr((PYODIDE, PYODIDE_SHA512, PACKAGES)).encode()).hexdigest()[:12]


def _runtime(scratch: Path, target: Path) -> None:
    _fetch(["npm", "pack", "--silent", f"pyodide@{PYODIDE}", "--pack-destination", str(scratch)], "npm", "Pyodide")
    archive = scratch / f"pyodide-{PYODIDE}.tgz"
    _compare(archive, PYODIDE_SHA512, "sha512")
    target.mkdir()
    with tarfile.open(archive) as held:
        for name in RUNTIME:
            member = held.extractfile(f"package/{name}")
            assert member is not None
            (target / name).write_bytes(member.read())


def _python(scratch: Path, target: Path) -> None:
    for platform, packages in PACKAGES.items():
        folder, wanted = scratch / platform, scratch / "wanted.txt"
        wanted.write_text("".join(f"{name} --hash=sha256:{digest}\n" for name, digest in packages.items()))
        options = ["--quiet", "--no-deps", "--disable-pip-version-check", "--require-hashes", "--only-binary=:all:"]
        python = ["--implementation=cp", "--python-version=3.14", "--abi=cp314", "--abi=none"]
        places = [f"--platform={platform}", "--platform=any", "-d", str(folder), "-r", str(wanted)]
        _fetch([sys.executable, "-m", "pip", "download", *options, *python, *places], "pip", "the Python packages")
        foreign = "x86_64-linux-gnu.so"
        for wheel in sorted(folder.glob("*.whl")):
            with zipfile.ZipFile(wheel) as held:
                for member in held.namelist():
                    if not member.endswith(("/", foreign)):
                        _place(target, PurePosixPath(member), held.read(member))


def _place(target: Path, path: PurePosixPath, content: bytes) -> None:
    """Put one file there; nothing outside of the folder. The checksums are known, so this is for a slip of ours."""
    if path.is_absolute() or ".." in path.parts or not path.name:
        return
    file = target / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def _compare(file: Path, expected: str, kind: str) -> None:
    found = base64.b64encode(hashlib.new(kind, file.read_bytes()).digest()).decode()
    if found != expected:
        raise NetlabError(f"{file.name} is not what it should be: its {kind} is {found}", exit_code=CANNOT_RUN)


def _fetch(command: list[str], tool: str, what: str) -> None:
    """Run pip or npm. Raises NetlabError with its own words."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NetlabError(
            f"{tool} is not installed: {what} can't be fetched; 'netlab playground --serve' needs no download",
            exit_code=CANNOT_RUN,
        ) from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        last = next((line for line in reversed(said) if "rror" in line), said[-1] if said else "no reason given")
        raise NetlabError(
            f"{tool} can't fetch {what}: {last}; 'netlab playground --serve' needs no download", exit_code=CANNOT_RUN
        )


def _archive(parts: Path) -> bytes:
    """Everything that Python in the browser imports, as one zip."""
    package = Path(str(resources.files("netlab")))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for root, name, file in _files(parts / "python", package):
            # The same bytes each time: a site is compared by what it holds.
            entry = zipfile.ZipInfo(f"{root}{name.as_posix()}", (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    return made.getvalue()


def _files(python: Path, package: Path) -> Iterator[tuple[str, Path, Path]]:
    for file in sorted(python.rglob("*")):
        if file.is_file() and file.suffix in (".py", ".so", ".typed", ".wasm") and "tests" not in file.parts:
            yield "", file.relative_to(python), file
    for file in sorted(package.iterdir()):
        if file.suffix == ".py":
            yield "netlab/", file.relative_to(package), file
    for room in ROOMS:
        for file in sorted((package / room).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield "netlab/", file.relative_to(package), file
