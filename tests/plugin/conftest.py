"""Fixtures of the plugin's tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugin.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project."""
    return Project(tmp_path)


@pytest.fixture
def open_project() -> Iterator[Project]:
    """An empty project to which another user can get: each run of pytest closes its temporary folders to others."""
    with tempfile.TemporaryDirectory(prefix="netlab-") as name:
        yield Project(Path(name))
