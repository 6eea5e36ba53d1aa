"""Hostile texts in every place that shows them, in a real Chromium (checklist G1).

Each text is shown to run in a farm without guards (unguarded_farm.py) and to be inert in the real
one. The browser is told to ignore every content security policy, so that one wall is tested alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from hostile_payloads import BODIES, FIELD, Payload
from playwright.sync_api import Browser, BrowserContext, Dialog, Error

from otterwiki_engine.authorship import Author
from otterwiki_engine.repository import Repository
from tests.browser.conftest import ROBOT, ROOT, RunningFarm, free_port, wait_until_healthy
from tests.browser.test_two_people import PNG

UNGUARDED = Path(__file__).with_name("unguarded_farm.py")
SHOWN_SECONDS = 20_000  # milliseconds until a page must have finished its scripts
AUTHOR = Author("alice.test", "did.plc.alice@users.robot.localhost")

# Does what a reader might: follows script links, moves over and focuses what listens, sends forms.
POKE = """async () => {
    const quiet = (act) => { try { act(); } catch (_error) { /* the next one */ } };
    for (const element of document.querySelectorAll('*')) {
        for (const {name, value} of [...element.attributes]) {
            if (name.startsWith('on') && value.includes('__fired'))
                quiet(() => element.dispatchEvent(new Event(name.slice(2))));
            if (/^\\s*javascript:/i.test(value) && name.endsWith('href'))
                quiet(() => element.dispatchEvent(new MouseEvent('click', {bubbles: true})));
        }
        if (element.protocol === 'javascript:') quiet(() => element.click());
        if (element.tagName === 'FORM' && /^\\s*javascript:/i.test(element.getAttribute('action')))
            quiet(() => element.submit());
        if ((element.getAttribute('formaction') || '').startsWith('javascript:'))
            quiet(() => element.click());
    }
    // An image that fails after all others: what they had to run has run by then.
    await new Promise((done) => {
        const last = new Image();
        last.onerror = done;
        last.src = '/-/no/such/image.png?' + Math.random();
    });
}"""
DRAWN = """async () => {
    if (window.MathJax?.startup?.promise) await window.MathJax.startup.promise;
    return true;
}"""


def field(number: int) -> str:
    return FIELD.replace("FIRE", f"__fired({number})")


PAGE_NAME, FILE_NAME, HEADING, MESSAGE, OLD_TEXT, PREFIX = 901, 902, 903, 904, 905, 906
ICON, TITLE, LINK, DRAFT, PREVIEW, FLASH, MISSING = 907, 908, 909, 910, 911, 912, 913
FILE = 914
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
    f"<script>__fired({FILE})</script><rect width='9' height='9'/></svg>"
)
PREFIX_FOLDER = f"x'+__fired({PREFIX})+'"


@dataclass(frozen=True)
class Place:
    """Somewhere a hostile field is shown: its path, and which field. `runs`: see Payload."""

    name: str
    path: str
    number: int
    runs: bool = True


def address(*parts: str) -> str:
    return "/" + "/".join(quote(part, safe="") for part in parts)


PLACES = (
    Place("page_title", address(field(PAGE_NAME)), PAGE_NAME),
    Place("page_history", address(field(PAGE_NAME), "history"), PAGE_NAME),
    Place("page_source", address(field(PAGE_NAME), "source"), PAGE_NAME),
    Place("page_blame_title", address(field(PAGE_NAME), "blame"), PAGE_NAME),
    Place("page_editor", address(field(PAGE_NAME), "edit"), PAGE_NAME),
    Place("page_rename", address(field(PAGE_NAME), "rename"), PAGE_NAME),
    Place("page_delete", address(field(PAGE_NAME), "delete"), PAGE_NAME),
    Place("page_index", "/-/index", PAGE_NAME),
    Place("sidebar_tree", "/Plain", PAGE_NAME),
    Place("changelog_page", "/-/changelog", PAGE_NAME),
    Place("search_title", "/-/search/text", PAGE_NAME),
    Place("search_snippet", "/-/search/needle", OLD_TEXT, runs=False),  # the index has no tags
    Place("search_line", "/-/search?query=needle&is_casesensitive=y", OLD_TEXT),
    Place("file_list", "/Files/attachments", FILE_NAME),
    Place("file_page", address("Files", "attachment", field(FILE_NAME) + ".txt"), FILE_NAME),
    Place("file_embedding", "/Files", FILE_NAME),
    Place("heading", "/Headings", HEADING),
    Place("heading_in_page_index", "/-/index", HEADING, runs=False),  # its tags are dropped
    Place("commit_message_history", "/Changed/history", MESSAGE),
    Place("commit_message_changelog", "/-/changelog", MESSAGE),
    Place("blame", "/Changed/blame", OLD_TEXT),
    Place("diff", "/Changed/diff/{old}/{new}", OLD_TEXT),
    Place("commit", "/-/commit/{new}", OLD_TEXT),
    Place("old_revision", "/Changed/view/{old}", OLD_TEXT),
    Place("missing_page", address(field(MISSING)), MISSING),
    Place("menu_icon", "/Plain", ICON),
    Place("menu_title", "/Plain", TITLE),
    Place("menu_link", "/Plain", LINK, runs=False),  # made a link to a page, guards or not
)
LOOKS = re.compile(r"/static/(css|webfonts|img)/")
NUMBERED = tuple(enumerate(BODIES, start=1))


@dataclass
class Wiki:
    """Alice's wiki of hostile texts, and how to look at it."""

    farm: RunningFarm
    old: str
    new: str

    def url(self, path: str) -> str:
        return self.farm.url("alice", path.format(old=self.old, new=self.new))


def body_page(payload: Payload) -> str:
    return payload.name


def write_wiki(home: Path) -> tuple[str, str]:
    """Commit every hostile text; returns the revisions between which one was changed."""
    files = {
        "Plain.md": "# Plain\n",
        f"{field(PAGE_NAME)}.md": "text\n",
        "Files.md": "{{AttachmentList}}\n",
        f"Files/{field(FILE_NAME)}.txt": "text\n",
        "Headings.md": f"# {field(HEADING)}\n\n## {field(HEADING)}\n",
        "Changed.md": f"needle {field(OLD_TEXT)}\n\nsecond\n",
        f"{PREFIX_FOLDER}/page.md": "text\n",
        "Shown.md": "![](/Shown/dot.png) ![](/Shown/dot.svg)\n",
        "Shown/dot.svg": SVG,
        "Shown/page.html": f"<script>__fired({FILE})</script>",
        "Shown/page.xhtml": SVG,
        "Shown/page.xml": SVG,
    }
    for number, payload in NUMBERED:
        name = body_page(payload)
        files[f"{name}.md"] = payload.armed(f"__fired({number})")
        for attached, content in payload.attachments:
            files[f"{name}/{attached}"] = content.replace("FIRE", f"__fired({number})")
    folder = home / "wikis" / "alice"
    repository = Repository(folder / "repo.git", state_dir=folder)
    try:
        changes = {path: text.encode() for path, text in files.items()}
        changes["Shown/dot.png"] = PNG
        old = repository.commit(changes, base=None, author=AUTHOR, message="hostile texts")
        new = repository.commit(
            {"Changed.md": f"needle {field(OLD_TEXT)} x\n\nsecond\n".encode()},
            base=None,
            author=AUTHOR,
            message=field(MESSAGE),
        )
    finally:
        repository.close()
    menu = json.dumps(
        [
            {"icon": field(ICON), "title": field(TITLE), "link": "/Plain"},
            {"icon": "", "title": "x", "link": f"javascript:__fired({LINK})"},
        ]
    )
    with sqlite3.connect(folder / "wiki.db") as database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS preferences"
            " (name VARCHAR(256) NOT NULL, value TEXT, PRIMARY KEY (name))"
        )
        for name, value in (
            ("SIDEBAR_CUSTOM_MENU", menu),
            ("SIDEBAR_SHORTCUTS", "home pageindex createpage changelog"),
        ):
            database.execute("INSERT OR REPLACE INTO preferences VALUES (?, ?)", (name, value))
    return old.revision[:7], new.revision[:7]


@pytest.fixture(scope="module")
def hostile_home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str], str, str]:
    """An initialised farm whose one wiki is full of hostile texts; served by nobody yet."""
    home = tmp_path_factory.mktemp("hostile") / "home"
    environment = {
        **os.environ,
        "ROBOT_HOME": str(home),
        "ROBOT_DEV": "1",
        "ROBOT_WEB_PORT": str(free_port()),
        "ROBOT_WEB_WORKERS": "1",
    }
    farm = RunningFarm(home, int(environment["ROBOT_WEB_PORT"]), environment)
    farm.robot("init")
    farm.robot("user", "add", "alice.test")
    farm.robot("wiki", "create", "alice", "--owner", "alice.test")
    old, new = write_wiki(home)
    return home, environment, old, new


@pytest.fixture(scope="module", params=["guarded", "unguarded"])
def wiki(
    request: pytest.FixtureRequest, hostile_home: tuple[Path, dict[str, str], str, str]
) -> Iterator[Wiki]:
    """The same wiki in the real farm, and in one without guards."""
    home, common, old, new = hostile_home
    port = free_port()
    environment = {**common, "ROBOT_WEB_PORT": str(port)}
    command = [str(ROBOT), "web"]
    if request.param == "unguarded":
        command = [sys.executable, str(UNGUARDED)]
        environment["PYTHONPATH"] = str(ROOT)
    log = home.parent / f"{request.param}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_until_healthy(port, process, log)
        yield Wiki(RunningFarm(home, port, environment), old, new)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Reader:
    """A signed-in browser that takes no notice of content security policies."""

    def __init__(self, context: BrowserContext, wiki: Wiki) -> None:
        self.wiki = wiki
        self.fired: set[int] = set()
        self.dialogs: list[str] = []
        context.expose_binding("__fired", lambda _source, number: self.fired.add(int(number)))
        # Nothing is fetched from elsewhere: an image or a frame there fails at once.
        context.route(lambda url: "robot.localhost" not in url, lambda route: route.abort("failed"))
        # Looks don't matter here, and each page would ask for thirty files.
        context.route(LOOKS, lambda route: route.abort("failed"))
        self.page = context.new_page()
        self.page.on("dialog", self._dialog)
        self.page.goto(str(wiki.farm.robot("login-link", "alice.test")["url"]))

    def _dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def look_at(self, path: str) -> set[int]:
        """Which texts ran on the page at `path`."""
        self.fired.clear()
        self.page.goto(self.wiki.url(path), wait_until="load")
        return self.poke()

    def poke(self) -> set[int]:
        """Which texts run on the page that is open."""
        self.page.evaluate(DRAWN)
        if self.page.locator("pre.mermaid").count():
            self.page.wait_for_function(
                "() => [...document.querySelectorAll('pre.mermaid')]"
                ".every((drawn) => drawn.dataset.processed)",
                timeout=SHOWN_SECONDS,
            )
        for formula in self.page.locator("mjx-container:visible").all():
            formula.click(force=True)  # only a real click makes a link of a formula
        self.page.evaluate(POKE)
        return set(self.fired)


@pytest.fixture
def reader(browser: Browser, wiki: Wiki) -> Iterator[Reader]:
    context = browser.new_context(bypass_csp=True)
    context.set_default_timeout(SHOWN_SECONDS)
    yield Reader(context, wiki)
    context.close()


def check(seen: dict[str, set[int]], expected: dict[str, int], *, guarded: bool) -> None:
    """Nothing ran where there are guards; everything `expected` did where there are none."""
    if guarded:
        assert {name: fired for name, fired in seen.items() if fired} == {}
    else:
        missing = sorted(name for name, number in expected.items() if number not in seen[name])
        assert not missing, " ".join(missing)


@pytest.fixture
def guarded(request: pytest.FixtureRequest) -> bool:
    return bool(request.node.callspec.params["wiki"] == "guarded")


def test_g1_texts_of_pages(reader: Reader, guarded: bool) -> None:
    seen = {payload.name: reader.look_at(address(payload.name)) for payload in BODIES}
    expected = {payload.name: number for number, payload in NUMBERED if payload.runs}
    check(seen, expected, guarded=guarded)
    assert not reader.dialogs


def test_g1_fields_wherever_they_are_shown(reader: Reader, guarded: bool) -> None:
    seen = {place.name: reader.look_at(place.path) for place in PLACES}
    check(seen, {place.name: place.number for place in PLACES if place.runs}, guarded=guarded)
    assert not reader.dialogs


@pytest.mark.parametrize("path", ["/-/create", address(PREFIX_FOLDER, "page", "rename")])
def test_g1_prefixes_of_page_names(reader: Reader, guarded: bool, path: str) -> None:
    reader.look_at(address(PREFIX_FOLDER, "page"))
    seen = {path: reader.look_at(path)}
    assert "toggle" in reader.page.content() or "prefix" in reader.page.content()
    check(seen, {path: PREFIX}, guarded=guarded)


SEND = """async ([path, fields]) => {
    const form = new URLSearchParams(fields);
    const token = document.querySelector('[name=csrf_token]');
    if (token) form.set('csrf_token', token.value);
    const answer = await fetch(path, {method: 'POST', body: form});
    return [answer.status, await answer.text()];
}"""


def test_g1_drafts(reader: Reader, guarded: bool) -> None:
    reader.page.goto(reader.wiki.url("/Plain/edit"))
    status, _ = reader.page.evaluate(
        SEND, ["/Plain/draft", {"content": field(DRAFT), "cursor_line": "0", "revision": ""}]
    )
    assert status == 200
    check({"draft": reader.look_at("/Plain/edit")}, {"draft": DRAFT}, guarded=guarded)


@pytest.mark.parametrize(
    "text", [field(PREVIEW), 'a\n\n<a title="x\n' + field(PREVIEW) + '">y</a>\n']
)
def test_g1_previews(reader: Reader, guarded: bool, text: str) -> None:
    reader.page.goto(reader.wiki.url("/Plain/edit"))
    reader.fired.clear()
    status, answer = reader.page.evaluate(
        SEND, ["/Plain/preview", {"content": text, "cursor_line": "1"}]
    )
    assert status == 200
    reader.page.evaluate(
        "(html) => { document.body.append(Object.assign(document.createElement('div'),"
        " {innerHTML: html})); }",
        json.loads(answer)["preview_content"],
    )
    check({"preview": reader.poke()}, {"preview": PREVIEW}, guarded=guarded)


def test_g1_messages_that_flash_up(reader: Reader, guarded: bool) -> None:
    reader.page.goto(reader.wiki.url("/Plain/attachments"))
    reader.fired.clear()
    upload = {"name": f"{field(FLASH)}.txt", "mimeType": "text/plain", "buffer": b"x"}
    reader.page.set_input_files("input[type=file]", upload)
    with reader.page.expect_navigation():
        reader.page.locator("input[type=file]").evaluate("(input) => input.form.submit()")
    check({"flash": reader.poke()}, {"flash": FLASH}, guarded=guarded)


# Only of the real farm: a feed that is not escaped is no XML.
@pytest.mark.parametrize("wiki", ["guarded"], indirect=True)
@pytest.mark.parametrize("kind", ["rss", "atom"])
def test_g1_feeds_hold_no_element_of_a_page(reader: Reader, kind: str) -> None:
    path = f"/-/changelog/feed.{kind}"
    reader.page.goto(reader.wiki.url("/Plain"))
    kind_sent, text = reader.page.evaluate(
        "async (path) => { const answer = await fetch(path);"
        " return [answer.headers.get('content-type'), await answer.text()]; }",
        path,
    )
    tree = ElementTree.fromstring(text.encode())
    assert "__fired" in text
    assert not [element.tag for element in tree.iter() if "xhtml" in str(element.tag)]
    assert kind_sent.partition(";")[0] in (
        "application/rss+xml",
        "application/atom+xml",
    )


@pytest.mark.parametrize("wiki", ["guarded"], indirect=True)  # about the real farm
def test_g3_images_are_shown_and_nothing_attached_is_opened(reader: Reader) -> None:
    assert reader.look_at("/Shown") == set()
    sizes = reader.page.eval_on_selector_all(
        "img[src^='/Shown/']", "(images) => images.map((image) => image.naturalWidth > 0)"
    )
    assert sizes == [True, True]
    for name in ("dot.svg", "page.html", "page.xhtml", "page.xml"):
        with reader.page.expect_download(), contextlib.suppress(Error):
            reader.page.goto(reader.wiki.url(f"/Shown/{name}"))
        assert reader.fired == set()
    reader.page.goto(reader.wiki.url("/Shown/dot.png"))
    assert reader.page.evaluate("document.images[0].naturalWidth") > 0
