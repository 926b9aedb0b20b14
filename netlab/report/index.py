"""The index of a folder of reports: every run in it, what was claimed, what was found.

It is made from the ``run.json`` of each folder below. The page itself keeps what it took from each, with the file's
time and size: so a run refreshes its own line without reading the other records.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from netlab.errors import ReportError
from netlab.report import words
from netlab.report.folder import Folder, at

Record = Mapping[str, Any]
Row = dict[str, Any]

NAME = "index.html"
RECORD = "run.json"
_ISLAND = re.compile(r'<script type="application/json" id="runs">(.*?)</script>', re.DOTALL)


def refresh(reports: Folder | Path, fresh: Mapping[Path, Record] | None = None) -> Path:
    """Write the index anew; ``fresh`` are records just written, by their folder. Raises ReportError."""
    return at(reports).write(NAME, as_html(list(rows(reports, fresh or {}))))


def refresh_own(reports: Path) -> None:
    """Write the index anew where there is one of netlab's, and leave any other page alone. Raises ReportError."""
    if at(reports).state(NAME) is not None and _island(at(reports)) is not None:
        refresh(reports)


def rows(reports: Folder | Path, fresh: Mapping[Path, Record]) -> Iterator[Row]:
    """A row for each folder that has a record, in the order of their names; one behind a link is elsewhere."""
    reports = at(reports)
    kept = _kept(reports)
    for folder in reports.names():
        state = (reports / folder).state(RECORD)
        if state is None:
            # None there, or another run is just replacing it: its own index will have it.
            continue
        stamp = [state.st_mtime_ns, state.st_size]
        path = reports.path / folder
        if path in fresh:
            yield row(fresh[path], folder, stamp)
        elif folder in kept and kept[folder]["stamp"] == stamp:
            yield kept[folder]
        else:
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                # What isn't a record (any more, or yet) has no line.
                text, _ = (reports / folder).read(RECORD)
                yield row(json.loads(text), folder, stamp)


#: What a row has; one with other columns is of another version of netlab.
_COLUMNS = {
    "folder",
    "stamp",
    "name",
    "description",
    "kernel",
    "started",
    "verdict",
    "counts",
    "steps",
    "endpoints",
    "claims",
}


def row(record: Record, folder: str, stamp: Sequence[int] = ()) -> Row:
    """What the index says of one run."""
    topology, summary = record["topology"], record["summary"]
    return {
        "folder": folder,
        "stamp": list(stamp),
        "name": topology["name"],
        "description": topology["description"],
        "kernel": record["kernel"],
        "started": record["started"],
        "verdict": summary["verdict"],
        "counts": {word: summary[word] for word in words.COUNTED},
        "steps": len(record["steps"]),
        "endpoints": len(record["endpoints"]),
        "claims": [
            {key: claim.get(key, "") for key in ("number", "says", "stand_in", "verdict")} for claim in record["claims"]
        ],
    }


def as_html(found: Sequence[Row]) -> str:
    from netlab.report.html import page

    data = page.island({one["folder"]: one for one in found})
    return page.render("index.html.j2", {**_view(found), "data": data}, styles=("index.css",))


def as_markdown(found: Sequence[Row], page: str = "summary.md") -> str:
    """The index as Markdown, for places that show a folder's README."""
    from netlab.report.markdown import code, plain

    view = _view(found)
    lines = ["# The claims, checked", "", _sentence(view), ""]
    if view["claims"]:
        lines += ["| # | Claim | Verdict | Run |", "|---|---|---|---|"]
        for one in view["claims"]:
            link = f"[{plain(one['name'])}]({one['href']}/{page})"
            lines.append(f"| {plain(one['number'])} | {plain(one['says'])} | {one['mark']} {one['verdict']} | {link} |")
        lines.append("")
    if view["others"]:
        lines += ["| Other runs | | Cells |", "|---|---|--:|"]
        for one in view["others"]:
            about = plain(one["description"])
            link = f"[{plain(one['name'])}]({one['href']}/{page})"
            lines.append(f"| {one['mark']} {link} | {about} | {one['total']:,} |")
        lines.append("")
    lines.append("Each folder has its run as a page of its own (`report.html`) and as Markdown (`summary.md`).")
    lines.append(f"Linux {', '.join(code(kernel) for kernel in view['kernels'])}.")
    return "\n".join(lines) + "\n"


def _sentence(view: Mapping[str, Any]) -> str:
    counts = view["counts"]
    claims = ", ".join(f"{number} {word}" for word, number in view["verdicts"].items() if number)
    return (
        f"{view['runs']} runs, {counts['pass']:,} cells as expected, {counts['fail']:,} not, "
        f"{counts['inconclusive']:,} not proved. Claims: {claims or 'none'}."
    )


# --- the page ---------------------------------------------------------------------------------------


def _view(found: Sequence[Row]) -> dict[str, Any]:
    claims = sorted(
        (
            {
                **claim,
                "mark": words.CLAIM_MARKS[claim["verdict"]],
                "name": one["name"],
                "run": one["verdict"],
                "run_mark": words.OUTCOME_MARKS[one["verdict"]],
                "href": quote(f"./{one['folder']}"),
            }
            for one in found
            for claim in one["claims"]
        ),
        key=lambda claim: (claim_order(claim["number"]), claim["name"]),
    )
    others = [
        {
            **one,
            "mark": words.OUTCOME_MARKS[one["verdict"]],
            "href": quote(f"./{one['folder']}"),
            "total": sum(one["counts"].values()),
        }
        for one in found
        if not one["claims"]
    ]
    return {
        "runs": len(found),
        "counts": {word: sum(one["counts"][word] for one in found) for word in words.COUNTED},
        "verdict": _worst(one["verdict"] for one in found),
        "verdicts": {word: sum(claim["verdict"] == word for claim in claims) for word in words.CLAIM_MARKS},
        "claims": claims,
        "others": others,
        "kernels": sorted({one["kernel"] for one in found}),
    }


def _worst(verdicts: Iterable[str]) -> str:
    seen = set(verdicts)
    return next((word for word in ("fail", "inconclusive") if word in seen), "pass")


def claim_order(number: str) -> tuple[int, str]:
    """``9`` before ``24`` before ``24b``."""
    digits = re.match(r"\d*", number)
    head = digits.group() if digits else ""
    return int(head or "1000000"), number[len(head) :]


def _kept(reports: Folder) -> dict[str, Row]:
    """The valid rows of the present index; none where there is no such page, or one that isn't netlab's."""
    try:
        found = json.loads(_island(reports) or "{}")
    except ValueError:
        return {}
    rows = found.items() if isinstance(found, dict) else ()
    return {folder: one for folder, one in rows if _sound(one)}


def _island(reports: Folder) -> str | None:
    """The data that the present index keeps; None where there is no such page, or one that isn't netlab's."""
    try:
        match = _ISLAND.search(reports.read(NAME)[0].decode("utf-8"))
    except (OSError, ValueError, ReportError):
        return None
    return match.group(1) if match else None


def _sound(one: Any) -> bool:
    """Whether a row is what `row` makes, in this version of netlab."""
    return (
        isinstance(one, dict)
        and one.keys() == _COLUMNS
        and one["verdict"] in words.COUNTED[:3]
        and isinstance(one["counts"], dict)
        and all(isinstance(one["counts"].get(word), int) for word in words.COUNTED)
        and isinstance(one["claims"], list)
        and all(isinstance(claim, dict) and claim.get("verdict") in words.CLAIM_MARKS for claim in one["claims"])
        and all(isinstance(claim.get(key), str) for claim in one["claims"] for key in ("number", "says"))
    )
