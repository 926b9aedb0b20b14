"""Records from disk: one file holds one record, or a list of them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from netlab.errors import ReportError
from netlab.report.axes import OLDER, renew
from netlab.report.packed import unpack
from netlab.report.record import SCHEMA
from netlab.report.write import failed

Record = dict[str, Any]


@contextlib.contextmanager
def whole(file: Path) -> Iterator[None]:
    """Raise ReportError where reading a record shows that something is missing or of the wrong type."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        said = f"{type(error).__name__}: {error}"
        raise ReportError(
            f"{file}: not a whole record ({said})", fix="use an unchanged one that 'netlab run' has written"
        ) from error


def records(path: Path) -> list[Record]:
    """The records in a file, or in the ``run.json`` of a folder. Raises ReportError."""
    file = path / "run.json" if path.is_dir() else path
    try:
        content = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise failed(file, "can't be read", error) from error
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{file}: not JSON: {error}") from error
    found = content if isinstance(content, list) else [content]
    for one in found:
        schema = one.get("schema") if isinstance(one, dict) else None
        if schema == OLDER:
            with whole(file):
                renew(one)
        elif schema != SCHEMA:
            raise ReportError(
                f"{file}: not a record of a run that this netlab can read ({schema or 'no schema'})",
                fix=f"records are what 'netlab run' writes as run.json, {SCHEMA} (or {OLDER})",
            )
        with whole(file):
            unpack(one)
    if not found:
        raise ReportError(f"{file}: no record in it")
    return found
