#!/usr/bin/env python3
"""The Vagrantfile for real: two virtual machines come up, the demo runs on them, they are destroyed.

``python tools/test_vagrant.py [libvirt] [virtualbox]`` (both, unless named), as root. A box is built out of Debian's
packages and kept in /var/cache/netlab-vagrant; everything else happens in namespaces of its own and ends with them:
libvirtd, the virtual machines, their networks. VirtualBox itself isn't needed: the stand-in in tests/vagrant/standin
does what Vagrant's provider asks for with QEMU. NETLAB_KVM=1 uses KVM; without it the machines are emulated.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests" / "vagrant"
CACHE = Path("/var/cache/netlab-vagrant")
NETLAB = Path(sys.executable).with_name("netlab")
INSIDE = "NETLAB_TEST_VAGRANT"
DEMO = "bridge-two-node.yaml"

PACKAGES = (
    "vagrant vagrant-libvirt libvirt-daemon-system libvirt-daemon-driver-qemu libvirt-clients dnsmasq-base "
    "qemu-system-x86 qemu-utils debootstrap fdisk openssh-client rsync"
)
QEMU_CONF = """
security_driver = "none"
user = "root"
group = "root"
cgroup_controllers = []
namespaces = []
remember_owner = 0
"""


def say(text: str) -> None:
    """A line of progress, with the time since the start."""
    print(f"[{time.monotonic() - STARTED:6.1f} s] {text}", flush=True)


def run(*argv: str | Path, check: bool = True, cwd: Path | None = None, **env: str) -> int:
    """Run a command, its output shown; the exit status."""
    say("$ " + " ".join(map(str, argv)))
    done = subprocess.run(list(map(str, argv)), cwd=cwd, env={**os.environ, **env}, stdin=subprocess.DEVNULL)
    if check and done.returncode:
        sys.exit(f"failed with status {done.returncode}: {' '.join(map(str, argv))}")
    return done.returncode


def main(wanted: list[str]) -> None:
    """Prepare with the network of this machine, then go into namespaces and start again."""
    if os.geteuid() != 0:
        sys.exit("root is needed: to build a box and to run libvirtd")
    if missing := [one for one in ("vagrant", "virsh", "qemu-system-x86_64", "debootstrap") if not shutil.which(one)]:
        sys.exit(f"not installed: {', '.join(missing)}. Install with: sudo apt-get install {PACKAGES}")
    if INSIDE in os.environ:
        reap()
        work = Path(os.environ[INSIDE])
        own_folders(work)
        for provider in wanted or ["libvirt", "virtualbox"]:
            {"libvirt": libvirt, "virtualbox": virtualbox}[provider](work)
        say(f"{len(wanted) or 2} providers: all as expected")
        return
    box = build_box()
    work = Path(tempfile.mkdtemp(prefix="netlab-vagrant-"))
    try:
        copy_project(work / "project")
        (work / "box").symlink_to(box)
        unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        again = [*unshare, sys.executable, str(Path(__file__).resolve()), *wanted]
        sys.exit(subprocess.run(again, env={**os.environ, INSIDE: str(work)}).returncode)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def reap() -> None:
    """Stay behind as PID 1 and take the status of orphans, whose end libvirt waits for; go on in a child."""
    child = os.fork()
    while child:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def build_box() -> Path:
    """The folder with the box, built unless there is one of the same recipe."""
    recipe = TESTS / "box.sh"
    folder = CACHE / hashlib.sha256(recipe.read_bytes()).hexdigest()[:16]
    if not (folder / "netlab.box").exists():
        run(recipe, folder)
    return folder


def copy_project(target: Path) -> None:
    """The working tree as git sees it, and wheels for machines that have no way out."""
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True)
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--wheel-dir", target / "wheelhouse", f"{ROOT}[pytest]")


def own_folders(work: Path) -> None:
    """What libvirt writes outside of its own folders stays in these namespaces; /sys shows their network."""
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "sysfs", "sysfs", "/sys")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    for name in ("etc/libvirt", "var/lib/libvirt", "var/log/libvirt", "var/cache/libvirt"):
        own = work / name
        if Path("/", name).exists():
            shutil.copytree(Path("/", name), own, symlinks=True)
            run("mount", "--bind", own, Path("/", name))
    with open("/etc/libvirt/qemu.conf", "a") as conf:
        conf.write(QEMU_CONF)
    run("ip", "link", "set", "dev", "lo", "up")
    os.environ["VAGRANT_HOME"] = str(work / "vagrant")
    os.environ["NETLAB_BOX"] = "netlab"
    os.environ["NETLAB_BOOT_TIMEOUT"] = "900"
    if os.environ.get("NETLAB_KVM") != "1":
        os.environ["NETLAB_TCG"] = "1"


@contextmanager
def machines(project: Path, provider: str) -> Iterator[None]:
    """Both machines, up and provisioned; destroyed afterwards."""
    run("vagrant", "up", "--no-tty", "--no-color", f"--provider={provider}", cwd=project)
    try:
        yield
    finally:
        run("vagrant", "destroy", "--force", "--no-color", cwd=project)


def demo(project: Path) -> int:
    """The demo on the machines."""
    return run(NETLAB, "run", DEMO, "--vagrant", "--no-report", cwd=project, check=False)


def suite(project: Path) -> None:
    """Topology files as tests, distributed by pytest-xdist over ssh: the recipe of docs/hosts.md."""
    config = subprocess.check_output(["vagrant", "ssh-config"], cwd=project)
    (project / ".vagrant" / "ssh-config").write_bytes(config)
    machines = [
        word
        for name in "AB"
        for word in ("--tx", f"ssh=-F .vagrant/ssh-config {name}//python=/opt/netlab/bin/python//chdir=/vagrant")
    ]
    pytest = Path(sys.executable).with_name("pytest")
    options = ["-o", "addopts=", "-o", "testpaths=topologies", "--dist", "load", *machines, "-k", "bridge-two-node"]
    run(pytest, *options, cwd=project)


def add_box(provider: str, box: Path) -> None:
    """Make Vagrant know the box, in place of an older one."""
    run("vagrant", "box", "add", "--force", "--name", "netlab", "--provider", provider, box)


def libvirt(work: Path) -> None:
    """The libvirt provider, with a libvirtd of our own."""
    project = work / "project"
    say("libvirt")
    daemons = [subprocess.Popen([f"/usr/sbin/{name}"], stdin=subprocess.DEVNULL) for name in ("virtlogd", "libvirtd")]
    for _ in range(100):
        if run("virsh", "-q", "-c", "qemu:///system", "uri", check=False) == 0:
            break
        time.sleep(0.2)
    add_box("libvirt", work / "box" / "netlab.box")
    with machines(project, "libvirt"):
        if demo(project):
            sys.exit("the demo failed on libvirt's machines")
        inside = f"sudo netlab run {DEMO} --no-report"
        run("vagrant", "ssh", "A", "-c", inside, "--", "-T", cwd=project)
        run(NETLAB, "doctor", "--vagrant", cwd=project)
        captures = work / "captures"
        run(NETLAB, "run", DEMO, "--vagrant", "--no-report", "-l", "icmp", "--pcap", captures, cwd=project)
        found = {path.name: path.stat().st_size for path in captures.glob("*/*")}
        say(f"captures: {found}")
        if sorted(found) != ["A~ens160.pcapng", "B~ens160.pcapng"] or min(found.values()) < 1000:
            sys.exit("the captures aren't those of both machines' NICs")
        suite(project)
    for daemon in daemons:
        daemon.terminate()
        daemon.wait()


def virtualbox(work: Path) -> None:
    """The VirtualBox provider, driven by the stand-in; with the policy that drops the children's frames, too."""
    project = work / "project"
    say("virtualbox (the stand-in)")
    box = work / "virtualbox"
    box.mkdir()
    (box / "metadata.json").write_text('{"provider": "virtualbox"}')
    (box / "box.ovf").write_text("<Envelope/>")
    (box / "Vagrantfile").write_text('Vagrant.configure("2") { |config| config.vm.base_mac = "080027000001" }\n')
    run("tar", "-cf", work / "virtualbox.box", "metadata.json", "box.ovf", "Vagrantfile", cwd=box)
    os.environ["PATH"] = f"{TESTS / 'standin'}:{os.environ['PATH']}"
    os.environ["STANDIN_FOLDER"] = str(work / "standin")
    os.environ["STANDIN_IMAGE"] = str(work / "box" / "box.img")
    add_box("virtualbox", work / "virtualbox.box")
    with machines(project, "virtualbox"):
        if demo(project):
            sys.exit("the demo failed on VirtualBox's machines")
        say("now with the policy `deny`: the demo must fail")
        run("vagrant", "reload", "--no-tty", "--no-color", cwd=project, NETLAB_PROMISC="deny")
        if demo(project) != 1:
            sys.exit("the demo passed although the adapters drop what is for a child")


STARTED = time.monotonic()
if __name__ == "__main__":
    main(sys.argv[1:])
