"""What is told of a finding."""

from __future__ import annotations

import pytest

from netlab.report import told


@pytest.mark.parametrize(
    ("kind", "detail", "more"),
    [
        ("duplicate", "duplicate", ""),
        ("duplicate", "", ""),
        ("unexpected", "duplicate", " (more than one copy arrived)"),
    ],
)
def test_a_detail_is_told_once(kind: str, detail: str, more: str) -> None:
    """In brackets stands what the kind of a finding doesn't say already."""
    assert told.more({"kind": kind, "detail": detail, "layer": "arp", "src": "A:x", "dst": "B:x"}) == more
