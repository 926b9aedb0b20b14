"""Another user beside root: a root who has cloned this below /root is the only one who can run it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

_FOLDERS = {folder for file in (Path(__file__), Path(sys.executable)) for folder in file.absolute().parents}
_CLOSED = sorted(str(folder) for folder in _FOLDERS if not folder.stat().st_mode & 0o001)
LACK = (
    "only root can be another user, by setpriv"
    if os.geteuid()
    else f"another user can't enter {_CLOSED[0]}: clone it elsewhere"
    if _CLOSED
    else ""
)
#: Of tests in which an ordinary user runs netlab, and root watches.
needs_another_user = pytest.mark.skipif(bool(LACK), reason=LACK)
