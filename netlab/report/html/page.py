"""Templates, style sheets and scripts become one file that loads nothing and runs only what is ours."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup


def render(name: str, view: Mapping[str, Any], *, script: str | None = None, styles: tuple[str, ...] = ()) -> str:
    """A page from its template and its view; scripts and styles are put in."""
    code = asset(script) if script else ""
    sheets = "".join(asset(sheet) for sheet in ("page.css", *styles))
    text: str = template(name).render(view, style=Markup(sheets), script=Markup(code), policy=_policy(code))
    return text


def template(name: str) -> Template:
    return _environment().get_template(name)


@cache
def asset(name: str) -> str:
    """A file that ships beside the templates."""
    return resources.files("netlab.report").joinpath("assets", name).read_text("utf-8")


def island(value: Any) -> Markup:
    """Data for scripts: JSON that no parser of HTML takes for the end of its element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("netlab.report", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _policy(code: str) -> str:
    """A content security policy: nothing is loaded, and only the script with this hash runs."""
    scripts = "'none'"
    if code:
        digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
        scripts = f"'sha256-{digest}'"
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {scripts}; base-uri 'none'"
