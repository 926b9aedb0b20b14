"""Symbolic links where netlab writes what nobody has named: somebody else's repository may have put them there."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Netlab


@pytest.fixture
def precious(files: Path) -> Path:
    """A file of the user's, outside of the repository."""
    path = files / "home" / ".bashrc"
    path.parent.mkdir()
    path.write_text("precious\n")
    return path


@pytest.mark.parametrize("link", ["reports/two/run.json", "reports/two/summary.md", "reports/index.html"])
def test_a_file_of_a_report_is_a_link(netlab: Netlab, files: Path, precious: Path, link: str) -> None:
    """Exit code 2 before anything is built, a line that names the link, one that fixes it; the target is as it was."""
    place = files / link
    place.parent.mkdir(parents=True)
    place.symlink_to(precious)
    done = netlab("run", "two.yaml", "-l", "icmp")
    assert (done.returncode, done.stdout) == (2, "")
    assert precious.read_text() == "precious\n"
    assert done.stderr.splitlines() == [
        f"netlab: {link}: a symbolic link: netlab writes through none that you haven't named",
        f"  remove it (rm {link}), or name another folder (--report-dir DIR)",
    ]


@pytest.mark.parametrize("link", ["reports", "reports/two"])
def test_a_folder_of_a_report_is_a_link(netlab: Netlab, files: Path, precious: Path, link: str) -> None:
    """Exit code 2, and nothing is written behind the link."""
    place = files / link
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(precious.parent, target_is_directory=True)
    done = netlab("run", "two.yaml", "-l", "icmp")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"netlab: {link}: a symbolic link" in done.stderr
    assert list(precious.parent.iterdir()) == [precious]


def test_a_link_that_names_nothing(netlab: Netlab, files: Path) -> None:
    """A link to what isn't there yet makes nothing there."""
    (files / "reports" / "two").mkdir(parents=True)
    (files / "reports" / "two" / "report.html").symlink_to(files / "new")
    assert netlab("run", "two.yaml", "-l", "icmp").returncode == 2
    assert not (files / "new").exists()


def test_several_files_and_one_link(netlab: Netlab, files: Path, precious: Path) -> None:
    """The topology whose report meets a link is refused, the other one is examined; exit code 2."""
    (files / "reports" / "two").mkdir(parents=True)
    (files / "reports" / "two" / "run.json").symlink_to(precious)
    done = netlab("run", "two.yaml", "red.yaml", "-l", "icmp")
    assert done.returncode == 2
    assert "two.yaml: reports/two/run.json: a symbolic link" in done.stderr
    assert (files / "reports" / "red" / "run.json").is_file()
    assert precious.read_text() == "precious\n"


def test_a_folder_that_is_named_may_be_a_link(netlab: Netlab, files: Path, precious: Path) -> None:
    """``--report-dir``, ``--pcap`` and ``--junit`` follow links, as is usual; what netlab names below them doesn't."""
    (files / "elsewhere").mkdir()
    (files / "link").symlink_to("elsewhere")
    (files / "junit").symlink_to("elsewhere/junit.xml")
    argv = ("run", "two.yaml", "-l", "icmp", "--report-dir", "link", "--pcap", "link/caps", "--junit", "junit")
    assert netlab(*argv).returncode == 0
    found = {str(path.relative_to(files / "elsewhere")) for path in (files / "elsewhere").rglob("*")}
    assert {"two/run.json", "index.html", "junit.xml", "caps/two/A~eth0.pcapng"} <= found
    (files / "elsewhere" / "two" / "run.json").unlink()
    (files / "elsewhere" / "two" / "run.json").symlink_to(precious)
    done = netlab(*argv)
    assert done.returncode == 2
    assert "link/two/run.json: a symbolic link" in done.stderr
    assert precious.read_text() == "precious\n"


def test_a_capture_is_a_link(netlab: Netlab, files: Path, precious: Path) -> None:
    """A capture's file that is a link is refused with exit code 2; its target is as before."""
    (files / "caps" / "two").mkdir(parents=True)
    (files / "caps" / "two" / "A~eth0.pcapng").symlink_to(precious)
    done = netlab("run", "two.yaml", "-l", "icmp", "--no-report", "--pcap", "caps")
    assert done.returncode == 2
    assert "caps/two/A~eth0.pcapng: a symbolic link" in done.stderr
    assert precious.read_text() == "precious\n"


def test_a_record_that_is_rendered_again(netlab: Netlab, files: Path, precious: Path) -> None:
    """`netlab report` writes through no link beside the record, nor over an index.html that isn't netlab's."""
    assert netlab("run", "two.yaml", "-l", "icmp").returncode == 0
    page = files / "reports" / "two" / "report.html"
    page.unlink()
    page.symlink_to(precious)
    done = netlab("report", "reports/two")
    assert done.returncode == 2
    assert "reports/two/report.html: a symbolic link" in done.stderr
    assert precious.read_text() == "precious\n"
    page.unlink()
    (files / "reports" / "index.html").write_text("mine")
    assert netlab("report", "reports/two").returncode == 0
    assert (files / "reports" / "index.html").read_text() == "mine"


def test_records_behind_links_are_not_in_the_index(netlab: Netlab, files: Path) -> None:
    """The index is of what stands in the folder: not of files and folders elsewhere, and no FIFO holds it up."""
    import os

    assert netlab("run", "two.yaml", "-l", "icmp", "--report-dir", "other").returncode == 0
    reports = files / "reports"
    for name in ("file", "pipe"):
        (reports / name).mkdir(parents=True)
    (reports / "file" / "run.json").symlink_to(files / "other" / "two" / "run.json")
    os.mkfifo(reports / "pipe" / "run.json")
    (reports / "folder").symlink_to(files / "other" / "two")
    assert netlab("run", "red.yaml", "-l", "icmp", timeout=60).returncode == 1
    page = (reports / "index.html").read_text()
    assert "./red" in page
    assert not any(f"./{name}" in page for name in ("file", "pipe", "folder"))
