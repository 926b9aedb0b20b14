"""Every fix that `netlab why --live` prints is pasted on a machine that real tools made, which is then asked again."""

from __future__ import annotations

import pytest

from tests.live.pasted import tried
from tests.live.scenes import SCENES


@pytest.mark.parametrize("name", SCENES)
def test_what_is_printed_helps(name: str) -> None:
    """Each fix pasted as it is printed: the same question then has the letter that was promised, and a plain ping or
    connection gets through; its other lines take it back."""
    assert tried(SCENES[name]) == []
