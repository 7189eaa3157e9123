"""Nothing that Hygeia shows loads anything from outside: pages, styles, printed sheets, mails, documentation."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import swagger_ui_bundle

from alerts.notify import Notice
from alerts.notify.email import Mail
from gateway.api import docs, guard
from gateway.api.pages import PAGES

ROOT = Path(__file__).resolve().parents[2]
SHOWN = sorted(
    file
    for folder in (PAGES, ROOT / "custody" / "evidence" / "templates")
    for file in folder.rglob("*")
    if file.suffix in {".html", ".js", ".css", ".svg", ".json"}
)
#: An address of another host, with a scheme or without; a comment of JavaScript is none.
ADDRESS = re.compile(r"""(?:\b(?:https?|wss?|ftp)://|["'(]//)[\w.-]+[^\s"'`)>]*""")
#: Addresses that name a thing and are not loaded.
NAMES = {"http://www.w3.org/2000/svg"}
#: Files that cite where a method was described, in comments.
CITING = {"dashboards/pages/static/vendor/qr/decode.js"}
#: Attributes that make a browser or a mail program load something by itself.
LOADING = {"src", "srcset", "poster", "background", "data", "action", "formaction", "manifest", "xlink:href"}


class Loads(HTMLParser):
    """What a document loads without being asked."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note addresses of attributes and styles; what a link leads to is loaded only when pressed."""
        for name, value in attrs:
            if value and (name in LOADING or (name == "href" and tag != "a")):
                self.found.append(value)
            if value and name == "style" and "url(" in value:
                self.found.append(value)


def loads(document: str) -> list[str]:
    """Addresses outside that a document loads."""
    parser = Loads()
    parser.feed(document)
    return [one for one in parser.found if not re.match(r"(/(?!/)|#|data:|\{\{)", one)]


@pytest.mark.parametrize("file", SHOWN, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_file_of_a_page_names_another_host(file: Path) -> None:
    """Not even in a script, where an address could be put together; fonts and styles come from nowhere else."""
    text = file.read_text("utf-8")
    if file.relative_to(ROOT).as_posix() in CITING:
        text = re.sub(r"/\*.*?\*/|(?m:^\s*//.*$)|(?m:\s// .*$)", "", text, flags=re.DOTALL)
    assert set(ADDRESS.findall(text)) <= NAMES
    if file.suffix == ".html":
        assert loads(text) == []
    if file.suffix in {".css", ".html", ".svg"}:
        assert "@import" not in text
        assert [one for one in re.findall(r"url\(([^)]*)\)", text) if not re.match(r"[\"']?(#|data:|/)", one)] == []


def test_the_check_of_pages_finds_what_it_looks_for() -> None:
    """A page with a font, a picture or a script of elsewhere would fail."""
    assert loads('<img src="https://tiles.example/1.png"><script src="//cdn.example/x.js"></script>') == [
        "https://tiles.example/1.png",
        "//cdn.example/x.js",
    ]
    assert loads('<a href="https://other.example">x</a><link rel="stylesheet" href="/static/live.css">') == []
    assert ADDRESS.findall("fetch('//cdn.example/x'); new WebSocket(`wss://a.example/b`) // fine") != []


@pytest.mark.parametrize("policy", [guard.POLICY, docs._POLICY], ids=["pages", "swagger"])
def test_the_policy_lets_nothing_in_from_outside(policy: str) -> None:
    """Whatever a page would try, the browser refuses: only the own address, and no script in a page."""
    parts = {name: values for name, *values in (part.split() for part in policy.split(";"))}
    assert parts["default-src"] == ["'none'"]
    assert {value for values in parts.values() for value in values} <= {"'none'", "'self'", "data:", "'unsafe-inline'"}
    assert parts["script-src"] == parts["connect-src"] == ["'self'"]
    assert parts["frame-ancestors"] == parts["base-uri"] == ["'none'"]


def test_swagger_ui_asks_no_validator_and_loads_its_own_files() -> None:
    """Its wheel has them, and the badge of a validator outside is off."""
    assert loads(docs._PAGE) == []
    assert "validatorUrl: null" in (PAGES / "static" / "docs.js").read_text("utf-8")
    style = (Path(swagger_ui_bundle.swagger_ui_path) / "swagger-ui.css").read_text("utf-8")
    assert {one.strip("\"'")[:5] for one in re.findall(r"url\(([^)]*)\)", style)} <= {"data:"}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_mail_shows_itself_without_loading_anything(language: str) -> None:
    """Hospitals read it where no picture could be fetched, and nobody should see that it was opened."""
    body = json.dumps({"id": "al-1", "rule": "x", "severity": "major", "state": "active"}).encode()
    notice = Notice("fired", "k", 1, body, link="https://hygeia.example/ack/abc")
    mail = Mail(sender="hygeia@example.org", language=language).message(notice, ["a@example.org"])
    page = mail.get_body(("html",))
    assert page is not None
    assert loads(str(page.get_content())) == []
    assert "hygeia.example/ack/abc" in str(page.get_content())


def test_the_documentation_has_its_pictures_with_it() -> None:
    """Every picture of a page of docs/ and of the README lies in the project."""
    pages = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "README.zh-CN.md"]
    for page in pages:
        for target in re.findall(r"!\[[^\]]*\]\(([^)\s]+)", page.read_text("utf-8")):
            assert (page.parent / target).is_file(), f"{page.name}: {target}"
        assert loads(re.sub(r"```.*?```|`[^`]*`", "", page.read_text("utf-8"), flags=re.DOTALL)) == [], page.name


def test_printed_sheets_name_no_other_host() -> None:
    """Fonts of PDFs are embedded (test_printing); what they are drawn with are this project's own drawings."""
    for file in (ROOT / "gateway" / "printing").glob("*.py"):
        assert set(ADDRESS.findall(file.read_text("utf-8"))) <= NAMES, file.name
