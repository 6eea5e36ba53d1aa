"""Two wikis of one farm in one process, used by several threads at once: what crosses over?

``python -m tests.faults.isolation CONFIG`` serves the farm its environment describes (two people
with a wiki each, nothing in them), fills both wikis with the same pages but other words, sends
requests from four threads, and writes what it saw to a file. CONFIG is JSON: people, requests,
report.

Each wiki has a word of its own in everything: texts, headings, page names, site name, menu, drafts,
attachments, commit messages. Every answer must hold its own wiki's word and none of the other's.
"""

from __future__ import annotations

import io
import json
import sys
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from werkzeug.test import Client, TestResponse

from .farms import DOMAIN
from .web_calls import csrf_token_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

THREADS = 4
COOKIE_NAME = "robot_identity"
_MOST_EXAMPLES = 20


def word_of(slug: str) -> str:
    """The word that is in everything of the wiki, and in nothing of any other."""
    return f"canary{slug}word"


@dataclass(frozen=True)
class Step:
    """One request. In `path` and `form`, ``{word}``, ``{thread}`` and ``{number}`` are filled in.

    `marked` says that the answer must hold the wiki's own word.
    """

    name: str
    path: str
    form: dict[str, str] | None = None
    marked: bool = True


STEPS = [
    Step("view home", "/"),
    Step("table of contents", "/Shared"),
    Step("view own page", "/Own {thread}"),
    Step("save", "/Own {thread}/save", {
        "content": "# Own {word} {number}\n\n## Part {number} of {word}\n\ncommonword {word}\n",
        "commit": "change {number} in {word}",
    }),
    Step("edit", "/Shared/edit"),
    Step("draft", "/Drafted {thread}/draft", {
        "content": "draft {number} {word}", "revision": "", "cursor_line": "1", "cursor_ch": "1",
    }, marked=False),
    Step("continue draft", "/Drafted {thread}/edit"),
    Step("preview", "/Shared/preview", {
        "content": "# Preview {word}\n\n## Second {word}\n\n[[Shared]]\n", "cursor_line": "1",
    }),
    Step("search", "/-/search", {"query": "commonword"}),
    Step("page index", "/-/index"),
    Step("changelog", "/-/changelog"),
    Step("rss feed", "/-/changelog/feed.rss"),
    Step("atom feed", "/-/changelog/feed.atom"),
    Step("history", "/Shared/history"),
    Step("blame", "/Shared/blame"),
    Step("source", "/Shared/source"),
    Step("attachments", "/Shared/attachments"),
    Step("attachment", "/Shared/a/file.txt"),
    Step("picture", "/Shared/a/picture.png"),
    Step("thumbnail", "/Shared/t/picture.png", marked=False),
    Step("site map", "/sitemap.xml"),
    Step("site settings", "/-/admin"),
    Step("menu settings", "/-/admin/sidebar_preferences"),
    Step("own settings", "/-/settings"),
    Step("create page", "/-/create"),
    Step("page with the word", "/Page {word}"),
    Step("syntax help", "/-/syntax"),
    Step("manifest", "/manifest.webmanifest"),
]  # fmt: skip


@dataclass
class Seen:
    """What the requests showed: `crossings` and `failures` are empty when all is well."""

    requests: int = 0
    crossings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)

    def add(self, other: Seen) -> None:
        """Take in what another thread saw."""
        self.requests += other.requests
        self.crossings += other.crossings
        self.failures += other.failures
        self.answers += other.answers


class Browser:
    """One person's browser at one wiki of the farm."""

    def __init__(self, application: WSGIApplication, slug: str, origin: str) -> None:
        self.slug = slug
        self._client = Client(application)
        self._origin = origin
        self._token = ""

    def follow(self, link: str) -> str:
        """Follow a one-time sign-in link; returns the identity cookie's value."""
        scheme, _, rest = link.partition("://")
        host, _, path = rest.partition("/")
        self._client.get(f"/{path}", base_url=f"{scheme}://{host}")
        found = self._client.get_cookie(COOKIE_NAME, domain=DOMAIN)
        if found is None:
            raise RuntimeError(f"the sign-in link of {self.slug} sets no cookie")
        return found.value

    def sign_in(self, identity: str) -> None:
        """Be the person of that cookie, and take a form token from the wiki."""
        self._client.set_cookie(COOKIE_NAME, identity, domain=DOMAIN, origin_only=False)
        page = self.send("/-/create")
        self._token = csrf_token_of(page.get_data(as_text=True))
        if page.status_code != 200 or not self._token:
            raise RuntimeError(f"signing in to {self.slug} failed: {page.status}")

    def send(self, path: str, form: dict[str, Any] | None = None) -> TestResponse:
        """GET `path`, or POST `form` to it; a redirect within the wiki is followed."""
        headers = {"Origin": self._origin, "Sec-Fetch-Site": "same-origin"} if form else {}
        return self._client.open(
            quote(path),
            method="POST" if form else "GET",
            base_url=self._origin,
            data={"csrf_token": self._token, **form} if form else None,
            headers=headers,
            follow_redirects=True,
        )


def fill(browser: Browser) -> None:
    """Put the wiki's word into everything it has."""
    word = word_of(browser.slug)
    headings = "\n\n".join(f"## Heading {i} {word}\n\ncommonword {word}" for i in range(12))
    pages = {
        "Home": f"# Home {word}\n\n## Welcome {word}\n\n[[Shared]] commonword {word}\n",
        "Shared": f"# Shared {word}\n\n![](/Shared/a/picture.png)\n\n{headings}\n",
        f"Page {word}": f"# Page {word}\n\ncommonword {word}\n",
        **{f"Own {i}": f"# Own {word}\n" for i in range(THREADS)},
        **{f"Drafted {i}": f"# Drafted {word}\n" for i in range(THREADS)},
    }
    posts: list[tuple[str, dict[str, Any]]] = [
        (f"/{name}/save", {"content": text, "commit": f"first {word}"})
        for name, text in pages.items()
    ]
    for name, content in (("file.txt", word.encode()), ("picture.png", _picture(word))):
        form = {"file": (io.BytesIO(content), name), "message": f"file of {word}"}
        posts.append(("/Shared/attachments", form))
    site = {"update_preferences": "true", "site_name": f"Site {word}", "robots_txt": "allow"}
    posts.append(("/-/admin", site | {"site_description": f"About {word}", "site_lang": "en"}))
    menu = {"link": "/Shared", "title": f"Menu {word}", "icon": "", "sidebar_menutree_mode": ""}
    posts.append(("/-/admin/sidebar_preferences", menu | {"sidebar_shortcut_home": "True"}))
    for path, form in posts:
        answer = browser.send(path, form)
        if answer.status_code != 200:
            raise RuntimeError(f"{browser.slug}: POST {path} is answered {answer.status}")


def _picture(word: str) -> bytes:
    """A picture of one pixel, the word in its description."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + checksum

    header = (1).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    shade = sum(word.encode()) % 256
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"tEXt", b"Comment\0" + word.encode())
        + chunk(b"IDAT", zlib.compress(bytes([0, shade, shade, shade])))
        + chunk(b"IEND", b"")
    )


def wander(browsers: list[Browser], thread: int, requests: int) -> Seen:
    """Send `requests` requests, to each wiki in turn, and look at the answers."""
    seen = Seen()
    for number in range(requests):
        browser = browsers[number % len(browsers)]
        step = STEPS[(number // len(browsers) + thread * 7) % len(STEPS)]
        word = word_of(browser.slug)
        fills = {"word": word, "thread": thread, "number": number}
        form = {name: text.format(**fills) for name, text in (step.form or {}).items()}
        answer = browser.send(step.path.format(**fills), form)
        text = answer.get_data().decode("utf-8", "replace") + str(answer.headers)
        others = [other.slug for other in browsers if other is not browser]
        what = f"{browser.slug}: {step.name} (request {number} of thread {thread})"
        seen.requests += 1
        seen.answers[step.name] += 1
        if any(other in text for other in others):
            seen.crossings.append(what)
        if answer.status_code != 200:
            seen.failures.append(f"{what}: {answer.status}")
        elif step.marked and word not in text:
            seen.failures.append(f"{what}: it does not hold the wiki's own word")
    return seen


@dataclass(frozen=True)
class Person:
    """A wiki's owner: the wiki's slug and origin, and a link by which its owner signs in."""

    slug: str
    origin: str
    link: str


def run(application: WSGIApplication, people: list[Person], requests: int) -> Seen:
    """Fill the wikis of `people`, then send `requests` requests from :data:`THREADS` threads."""
    everybody: list[list[Browser]] = [[] for _ in range(THREADS)]
    for person in people:
        first = Browser(application, person.slug, person.origin)
        identity = first.follow(person.link)
        first.sign_in(identity)
        fill(first)
        for browsers in everybody:
            browsers.append(Browser(application, person.slug, person.origin))
            browsers[-1].sign_in(identity)
    seen = Seen()
    with ThreadPoolExecutor(THREADS) as pool:
        each = -(-requests // THREADS)
        for part in pool.map(wander, everybody, range(THREADS), [each] * THREADS):
            seen.add(part)
    return seen


def main(config_json: str) -> None:
    """Serve, fill, wander, report."""
    from otterwiki_robot.wsgi import application

    config = json.loads(config_json)
    people = [Person(**person) for person in config["people"]]
    seen = run(application, people, config["requests"])
    report: dict[str, Any] = {**vars(seen), "answers": dict(seen.answers)}
    for name in ("crossings", "failures"):
        report[f"{name}_count"] = len(report[name])
        report[name] = report[name][:_MOST_EXAMPLES]
    Path(config["report"]).write_text(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1])
