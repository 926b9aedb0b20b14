"""What a topology (or a record) says is text wherever it is shown: never markup, never a script."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netlab.report import diagram, diff, html, index, markdown
from netlab.report.diff import html as diff_html
from netlab.report.diff import markdown as diff_markdown
from tests.report_html.browser import Browser
from tests.report_html.labs import HOSTILE, SPELLS

Record = dict[str, Any]
Show = Callable[..., Browser]

#: Whatever came out of a page's data and not out of its template.
_FOREIGN = """
const scripts = [...document.querySelectorAll("script:not([type])")].length;
const handlers = [...document.querySelectorAll("*")].filter((one) =>
  [...one.attributes].some((attribute) => attribute.name.startsWith("on")));
const links = [...document.querySelectorAll("a")].filter((one) => one.protocol === "javascript:");
const images = document.querySelectorAll("img, iframe, object, embed, svg[onload], base, form").length;
return {scripts, handlers: handlers.length, links: links.length, images};
"""


@pytest.fixture(scope="module")
def hostile(record: Callable[..., Record]) -> Record:
    """A real record of a topology with hostile names."""
    return record(HOSTILE)


@pytest.fixture(params=SPELLS, ids=range(len(SPELLS)))
def bewitched(request: pytest.FixtureRequest, record: Callable[..., Record]) -> Record:
    """A record in which a hostile hand has put something else in the place of names, words and values."""
    spell = json.dumps(request.param)[1:-1]
    text = json.dumps(record("vepa-hairpin"))
    # Ids stay what they are to each other: the container's, the interfaces', the port's in brackets.
    for name, other in (
        ("A/web", f"A/{spell}"),
        (":eth0", f":{spell}"),
        ('"eth0"', f'"{spell}"'),
        ("baseline", spell),
        ("net/bridge/br_forward.c", spell),
        ("bridge/no-reflection", spell),
        ("unreachable", spell),
    ):
        text = text.replace(name, other)
    found: Record = json.loads(text)
    found["kernel"] = found["netlab"] = request.param
    return found


def without_policy(page: str) -> str:
    """A page as it would be without the policy that lets no foreign script run: escaping has to do alone."""
    return re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)


def assert_harmless(page: Browser, scripts: int) -> None:
    """Nothing was called and nothing is there that isn't ours; and it stays so when everything is unfolded."""
    page.run("for (const one of document.querySelectorAll('details')) one.open = true")
    for cell in page.all("table.m td[tabindex]")[:1]:
        page.run("arguments[0].focus()", cell)
    for place in page.all("svg.diagram [data-at] .area")[:2]:
        if place.is_displayed():
            page.hover(place)
    assert page.run("return window.alerted") == []
    assert page.run(_FOREIGN) == {"scripts": scripts, "handlers": 0, "links": 0, "images": 0}


def test_a_hostile_topology_in_html(hostile: Record, show: Show) -> None:
    """Its page shows the name as it is written, and nothing happens."""
    page = show(without_policy(html.render(hostile)))
    assert page.text("h1") == "<script>alert(1)</script>"
    assert_harmless(page, scripts=1)
    assert page.complaints() == []


def test_a_bewitched_record_in_html(bewitched: Record, show: Show) -> None:
    """Names that no topology could have do no harm either: records come from anywhere."""
    page = show(without_policy(html.render(bewitched)))
    assert_harmless(page, scripts=1)


def test_the_policy_alone_would_stop_a_script(hostile: Record, show: Show) -> None:
    """A script smuggled into the page as it is written is not run: the policy names ours by its hash."""
    text = html.render(hostile).replace("<main", "<script>alert('smuggled')</script><main", 1)
    page = show(text)
    assert page.run("return window.alerted") == []
    assert any("Content Security Policy" in line for line in page.complaints())
    assert page.run("return document.documentElement.classList.contains('js')"), "ours is run"


def test_a_hostile_index(hostile: Record, bewitched: Record, show: Show, tmp_path: Path) -> None:
    """The index is harmless, whatever runs, claims and folders are called."""
    for folder, record in (
        ("one", hostile),
        ('"><script>alert(1)<', bewitched),
        ("javascript:alert(2)", hostile),
    ):
        path = tmp_path / "reports" / folder.replace("/", "")
        path.mkdir(parents=True)
        (path / "run.json").write_text(json.dumps(record), "utf-8")
    index.refresh(tmp_path / "reports")
    page = show(without_policy((tmp_path / "reports" / "index.html").read_text("utf-8")))
    assert_harmless(page, scripts=0)
    assert len(page.all("table.claims a")) == 3


def test_a_hostile_comparison(hostile: Record, bewitched: Record, record: Callable[..., Record], show: Show) -> None:
    """The page of a comparison is harmless."""
    other = json.loads(json.dumps(bewitched).replace('".UUR"', '".RUR"'))
    found = [diff.compare(hostile, hostile), diff.compare(bewitched, other)]
    page = show(without_policy(diff_html.render(found)))
    assert page.all(".change")
    assert_harmless(page, scripts=0)


def _svgs(record: Record) -> Iterator[str]:
    for step in record["topology"]["plan"]["steps"]:
        yield diagram.as_svg(step["state"], record["topology"]["name"])


def test_a_hostile_picture(hostile: Record, bewitched: Record, show: Show) -> None:
    """A diagram on its own is well-formed XML without a script, and nothing happens where it is shown."""
    for text in (*_svgs(hostile), *_svgs(bewitched)):
        root = ET.fromstring(text)
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert tags <= {"svg", "style", "g", "rect", "text", "tspan", "path", "title"}
        page = show(text, "picture.svg")
        assert page.run("return document.documentElement.localName") == "svg"
        assert page.run("return window.alerted") == []


def test_hostile_markdown(hostile: Record, bewitched: Record, show: Show, module: Callable[[str], Path]) -> None:
    """Markdown rendered by a real parser that lets HTML through holds no script, and mentions nobody."""
    texts = [
        markdown.render(hostile),
        markdown.render_many([hostile, bewitched]),
        markdown.render(bewitched),
        index.as_markdown([index.row(hostile, "a b"), index.row(bewitched, "c")]),
        diff_markdown.render([diff.compare(bewitched, bewitched), diff.compare(hostile, hostile)]),
    ]
    parser = module("markdown-it/dist/markdown-it.min.js").read_text("utf-8")
    for text in texts:
        page = show("<!doctype html><meta charset=utf-8><title>x</title><body></body>")
        page.run(parser)
        page.run(
            "document.body.innerHTML = markdownit({html: true, linkify: true}).render(arguments[0]);"
            # What innerHTML doesn't run would be run where a server sends the page.
            "for (const one of document.querySelectorAll('script')) alert(one.textContent)",
            text,
        )
        assert_harmless(page, scripts=0)
        # In code nobody is mentioned.
        page.run("for (const one of document.querySelectorAll('code')) one.remove()")
        shown = page.run("return document.body.innerText")
        assert not re.search(r"@everyone|#12", shown)


def test_hostile_mermaid(bewitched: Record, show: Show, module: Callable[[str], Path]) -> None:
    """Mermaid, told to trust its input, draws the hostile names as text."""
    library = module("mermaid/dist/mermaid.min.js").as_uri()
    page = show(f"<!doctype html><meta charset=utf-8><title>x</title><body></body><script src='{library}'></script>")
    drawn = page.wait(
        "mermaid.initialize({startOnLoad: false, securityLevel: 'loose'});"
        "const {svg} = await mermaid.render('picture', arguments[0]);"
        "document.body.innerHTML = svg; return svg.length;",
        diagram.as_mermaid(bewitched["topology"]["plan"]["steps"][1]["state"]),
    )
    assert isinstance(drawn, int), drawn
    assert page.run("return window.alerted") == []
    assert page.run("return document.querySelectorAll('body script, body img').length") == 0
    assert "alert(" in page.run("return document.body.textContent")


def test_hostile_dot(bewitched: Record) -> None:
    """Graphviz reads the hostile names as text."""
    if shutil.which("dot") is None:
        pytest.skip("no dot here: apt-get install graphviz")
    state = bewitched["topology"]["plan"]["steps"][0]["state"]
    done = subprocess.run(
        ["dot", "-Tsvg"], input=diagram.as_dot(state, SPELLS[1]), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "<script" not in done.stdout
