"""What a zygote can be asked to do with the pages of wikis: through the page service and through
Otterwiki's storage interface, both on the engine.

Operations are drawn from a seed; what they meet depends on what other processes do to the same
pages. A refusal of the engine is an answer; anything else ends the call with an error.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from otterwiki.gitstorage import StorageError

from otterwiki_engine.authorship import Author
from otterwiki_engine.errors import EngineError
from otterwiki_engine.pages.changes import AppendText, DeletePage, RenamePage, WritePage
from otterwiki_engine.pages.errors import StaleBase
from otterwiki_engine.pages.records import Writer
from otterwiki_engine.pages.service import PageService
from otterwiki_engine.pages.settings import PageSettings
from otterwiki_engine.repository import Repository
from otterwiki_engine.storage import WikiStorage
from otterwiki_engine.wiki import Wiki

SETTINGS = PageSettings(retain_page_name_case=True)
PAGES = (
    "Home", "home", "Log", "Notes", "Notes/Todo", "Notes/Done", "Notes/Deep/Er", "Ä ö", "日本",
    "Plan", "Plan/Next", "x/y",
)  # fmt: skip
WORDS = ("otter", "river", "stone", "Fische", "tide", "moor", "日本語", "naïve")
TITLES = ("Tasks", "Log", "Notes", "Later")


def create(folder: str, *, work_tree: bool) -> None:
    """Make a wiki with a few pages that link to each other."""
    place = Path(folder)
    if work_tree:
        repository = Repository.create(place / ".git", work_tree=place)
    else:
        place.mkdir()
        repository = Repository.create(place / "repo.git", state_dir=place)
    service = PageService(Wiki(repository), SETTINGS)
    dice = random.Random(0)
    for page in PAGES[2:8]:
        service.write(page, _text(dice), by=_writer(0))


def operate(folder: str, wikis: list[str], seed: int, operations: int, acks: str) -> int:
    """Make `operations` operations on the wikis (folders below `folder`); how many were refused.

    The revision of each commit that was acknowledged is a line in the file `acks`.
    """
    work = [_Work(Path(folder, wiki), seed) for wiki in wikis]
    descriptor = os.open(acks, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    dice = random.Random(seed)
    refused = 0
    for _ in range(operations):
        chosen = dice.choice(work)
        try:
            revision = chosen.operate(dice)
        except (EngineError, StorageError):
            refused += 1
            continue
        if revision:
            os.write(descriptor, f"{chosen.name} {revision}\n".encode())
    return refused


def append_lines(folder: str, wikis: list[str], name: str, count: int) -> None:
    """Append `count` lines to the page "List" of each wiki, one at a time and without a base."""
    services = [PageService(open_wiki(Path(folder, wiki)), SETTINGS) for wiki in wikis]
    for number in range(count):
        for wiki, service in zip(wikis, services, strict=True):
            service.append("List", f"- {wiki} {name} {number}\n", by=_writer(1))


def replace(folder: str, wiki: str, base: str | None, text: str) -> str:
    """Write the page "Todo" on revision `base`, None to make it.

    Returns the new revision, "" if it was refused as stale.
    """
    service = PageService(open_wiki(Path(folder, wiki)), SETTINGS)
    try:
        return service.write("Todo", text, base=base, by=_writer(1)).revision
    except StaleBase:
        return ""


def _text(dice: random.Random) -> str:
    lines = []
    if dice.random() < 0.4:
        tags = ", ".join(dice.sample(("red", "blue", "green"), dice.randrange(3)))
        lines.append(f"---\ncategory: {dice.choice(('plan', 'log'))}\ntags: [{tags}]\n---")
    for _ in range(dice.randrange(1, 5)):
        lines.append(f"{'#' * dice.randrange(1, 4)} {dice.choice(TITLES)}\n")
        lines.append(" ".join(dice.choices(WORDS, k=dice.randrange(1, 9))))
        lines.append(_link(dice))
    return "\n".join(lines) + "\n"


def _link(dice: random.Random) -> str:
    page = dice.choice(PAGES)
    address = page.replace(" ", "%20")
    return dice.choice(
        (f"[[{page}]]", f"[[to it|{page}]]", f"[it](/{address})", f"![](/{address}/a.txt)", "plain")
    )


def _writer(seed: int) -> Writer:
    return Writer(Author(f"w{seed}.test", f"did.plc.w{seed}@users.example.org"), f"did:plc:w{seed}")


class _Work:
    """One wiki as one process works on it."""

    def __init__(self, place: Path, seed: int) -> None:
        self.name = place.name
        self._service = PageService(open_wiki(place), SETTINGS)
        # Otterwiki's interface, on the same open wiki.
        self._storage = WikiStorage.__new__(WikiStorage)
        self._storage.__dict__["_own_wiki"] = self._service.wiki
        self._by = _writer(seed)
        self._pair = (self._by.author.name, self._by.author.email)

    def operate(self, dice: random.Random) -> str | None:
        """One operation; the revision of the commit it made, None where it made none."""
        ways: tuple[Callable[[random.Random], str | None], ...] = (
            self._write, self._write, self._replace, self._edit, self._append, self._append,
            self._section, self._section, self._rename, self._rename, self._delete, self._restore,
            self._batch, self._attach, self._ask, self._ask, self._store, self._store,
            self._stage_rename, self._remove, self._revert,
        )  # fmt: skip
        return dice.choice(ways)(dice)

    # ---- through the page service

    def _write(self, dice: random.Random) -> str | None:
        return self._made(self._service.write(dice.choice(PAGES), _text(dice), by=self._by))

    def _replace(self, dice: random.Random) -> str | None:
        page = self._service.read(dice.choice(PAGES))
        return self._made(
            self._service.write(page.path, _text(dice), base=page.revision, by=self._by)
        )

    def _edit(self, dice: random.Random) -> str | None:
        page = self._service.read(dice.choice(PAGES))
        old = dice.choice(page.content.splitlines() or ["none"])
        return self._made(
            self._service.edit(page.path, old, _link(dice), base=page.revision, by=self._by)
        )

    def _append(self, dice: random.Random) -> str | None:
        page, section = dice.choice(PAGES), dice.choice((None, None, "#1", "Log"))
        return self._made(self._service.append(page, _link(dice), section=section, by=self._by))

    def _section(self, dice: random.Random) -> str | None:
        page = self._service.outline(dice.choice(PAGES))
        section = f"#{dice.randrange(1, 4)}"
        edit = dice.choice(("replace_section", "insert_before", "insert_after"))
        text = f"{dice.choice(WORDS)}\n\n{_link(dice)}\n"
        change = getattr(self._service, edit)
        return self._made(
            change(page.path, section, text, base=page.revision, merge=True, by=self._by)
        )

    def _rename(self, dice: random.Random) -> str | None:
        old, new = dice.choice(PAGES), dice.choice(PAGES)
        return self._service.rename(old, new, by=self._by).revision

    def _delete(self, dice: random.Random) -> str | None:
        return self._service.delete(dice.choice(PAGES), by=self._by).revision

    def _restore(self, dice: random.Random) -> str | None:
        entry = dice.choice(self._service.recent_changes(limit=50).entries)
        page = dice.choice(entry.pages or PAGES)
        return self._made(self._service.restore(page, entry.revision, by=self._by))

    def _batch(self, dice: random.Random) -> str | None:
        one, two, three = dice.sample(PAGES, 3)
        change = dice.choice((RenamePage(one, two), DeletePage(two), AppendText(three, "x")))
        done = self._service.batch(
            [AppendText(one, _link(dice)), change, WritePage(f"{three}/made {dice.random()}", "x")],
            by=self._by,
        )
        return done.revision if done.changed else None

    def _attach(self, dice: random.Random) -> str | None:
        page = dice.choice(PAGES)
        if dice.random() < 0.3:
            return self._made(self._service.delete_attachment(page, "a.txt", by=self._by))
        content = str(dice.random()).encode()
        return self._made(
            self._service.write_attachment(page, "a.txt", content, overwrite=True, by=self._by)
        )

    def _ask(self, dice: random.Random) -> str | None:
        """Questions bring the index up, beside writers and after kills."""
        service = self._service
        match dice.randrange(5):
            case 0:
                service.search(dice.choice(WORDS))
            case 1:
                service.list(tag="red", limit=5)
            case 2:
                service.broken_links()
            case 3:
                service.wiki.pages_index(SETTINGS).drop()
            case _:
                service.links(dice.choice(PAGES))
        return None

    def _made(self, written: Any) -> str | None:
        return written.revision if written.changed else None

    # ---- through Otterwiki's storage interface, as its pages use it

    def _store(self, dice: random.Random) -> str | None:
        path = dice.choice(PAGES) + ".md"
        return self._head_if(
            self._storage.store(path, _text(dice), message="stored", author=self._pair)
        )

    def _stage_rename(self, dice: random.Random) -> str | None:
        old, new, third = (f"{page}.md" for page in dice.sample(PAGES, 3))
        touched = [old, new, third]
        try:
            self._storage.rename(old, new, author=self._pair, message="r", no_commit=True)
            self._storage.update(third, _text(dice))
            self._storage.commit([new, third], "renamed", self._pair, no_add=True)
        finally:
            self._storage.restore(touched)
        return None

    def _remove(self, dice: random.Random) -> str | None:
        page = dice.choice(PAGES)
        self._storage.delete([f"{page}.md", page], message="removed", author=self._pair)
        return None

    def _revert(self, dice: random.Random) -> str | None:
        entry = dice.choice(self._service.recent_changes(limit=10).entries)
        self._storage.revert(entry.revision, message="reverted", author=self._pair)
        return None

    def _head_if(self, changed: bool) -> str | None:
        return "" if changed else None


# ---------------------------------------------------------------------- judging


def open_wiki(place: Path) -> Wiki:
    """The wiki in folder `place`."""
    if (place / ".git").is_dir():
        return Wiki(Repository(place / ".git", work_tree=place))
    return Wiki(Repository(place / "repo.git", state_dir=place))


def compare(folder: str, scratch: str) -> dict[str, Any]:
    """The index of the wiki in `folder` once it has caught up, against one made from nothing.

    ``differences`` are rows that only one of the two has, ``rows`` counts those of the new one;
    ``damage`` is what SQLite finds wrong in the old one. `scratch` is a folder to be made.
    """
    wiki = open_wiki(Path(folder))
    repository = wiki.repository
    Path(scratch).mkdir()
    fresh = Wiki(Repository(repository.git_dir, state_dir=Path(scratch)))
    for caught_up in (wiki, fresh):
        caught_up.history.catch_up()
        caught_up.pages_index(SETTINGS).catch_up()
    found, wanted = (set(_rows(one.repository.state_dir / "index.db")) for one in (wiki, fresh))
    return {
        "differences": sorted(
            [f"only in the old: {row!r}" for row in found - wanted]
            + [f"only in the new: {row!r}" for row in wanted - found]
        ),
        "rows": len(wanted),
        "damage": list(_damage(repository.state_dir / "index.db")),
        "pages": len(fresh.pages_index(SETTINGS).paths()),
    }


def tamper(folder: str) -> None:
    """Make the index say something else, as an error in it would."""
    with closing(sqlite3.connect(open_wiki(Path(folder)).repository.state_dir / "index.db")) as db:
        db.execute("UPDATE pages SET title = title || '!' WHERE id = (SELECT min(id) FROM pages)")
        db.execute("DELETE FROM page_links WHERE page = (SELECT max(page) FROM page_links)")
        db.commit()


#: All that the index says, without the numbers it gives to pages.
_QUESTIONS = {
    "standing": "SELECT head, tree_id, settings FROM page_standing",
    "pages": "SELECT path, folded, blob_id, size_bytes, title, heading, category, tags,"
    " front_matter, front_matter_problem, word_count, problem FROM pages",
    "tags": "SELECT path, tag FROM page_tags JOIN pages ON id = page",
    "headings": "SELECT path, line, level, text, anchor FROM page_headings JOIN pages ON id = page",
    "links": "SELECT path, position, kind, target, page_links.folded, anchor, text, line, syntax"
    " FROM page_links JOIN pages ON id = page",
    "unowned": "SELECT page FROM (SELECT page FROM page_tags UNION SELECT page FROM page_headings"
    " UNION SELECT page FROM page_links UNION SELECT rowid FROM page_text)"
    " WHERE page NOT IN (SELECT id FROM pages)",
    "texts": "SELECT pages.path, page_text.* FROM page_text JOIN pages ON id = page_text.rowid",
    "words": "SELECT term, doc FROM page_vocabulary",
    "stems": "SELECT term, doc, cnt FROM temp.stems",
    "commits": "SELECT seq, id, parents, author_name, message FROM commits",
    "changes": "SELECT path, seq, parent, kind, old_path, blob_id, old_blob_id FROM changes",
}


def _rows(index: Path) -> Iterator[tuple[Any, ...]]:
    with closing(sqlite3.connect(index)) as connection:
        connection.execute("CREATE VIRTUAL TABLE temp.stems USING fts5vocab(main, page_text, row)")
        for name, question in _QUESTIONS.items():
            for row in connection.execute(question):
                yield name, *row


def _damage(index: Path) -> Iterator[str]:
    with closing(sqlite3.connect(index)) as connection:
        for (said,) in connection.execute("PRAGMA integrity_check"):
            if said != "ok":
                yield str(said)
        for table in ("page_text", "page_words"):
            try:
                connection.execute(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")
            except sqlite3.Error as error:
                yield f"{table}: {error}"
