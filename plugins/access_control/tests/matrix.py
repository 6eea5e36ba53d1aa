"""The farm and the walk of the permission matrix.

Every cell is a request through the front door with what a browser would send, the valid form token
and Origin included. What a subject holds (cookies, form token) was handed out while they could
still read the wiki: a refusal is never owed to something missing.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from werkzeug.test import Client, TestResponse

from otterwiki_engine.authorship import Author
from otterwiki_engine.repository import Repository
from otterwiki_tenant import acls, people, wikis
from otterwiki_tenant.access import Role
from otterwiki_tenant.current import wiki_context
from otterwiki_tenant.identity import COOKIE_NAME
from otterwiki_tenant.people import OPERATOR, By
from otterwiki_tenant.testing import DOMAIN, PORT, SmallFarm, add_person, base_url
from otterwiki_tenant.users import User

from .matrix_oracle import Claim, Kind, needs, outcome
from .matrix_programs import SAYS_NO, Body
from .matrix_requests import PAGES, Request, requests
from .matrix_tokens import make_tokens

WIKI, OTHER = "alice", "robert"
_SIGN_IN = f"http://{DOMAIN}:{PORT}/auth/login?"
_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
_AUTHOR = Author("Maker", "maker@example.org")
_TABLES = ("preferences", "drafts")
_OWN = "the subject's own"


@dataclass(frozen=True)
class Subject:
    """Somebody who asks: what is true of them, and what they send."""

    name: str
    claim: Claim
    cookie: str = ""
    form_token: str = ""
    authorization: str | None = None


@dataclass(frozen=True)
class World:
    """What is true of the wiki during one part of the walk; `suspended` names wiki or owner."""

    is_public: bool
    suspended: str = ""

    def __str__(self) -> str:
        visibility = "public" if self.is_public else "private"
        return visibility + (f", {self.suspended} suspended" if self.suspended else "")


@dataclass
class Walk:
    """How many cells were walked, and every one that was not answered as the document says."""

    cells: int = 0
    served: int = 0
    wrong: list[str] = field(default_factory=list)


class MatrixFarm:
    """Alice's wiki is walked; Robert's must stay as it is. Both hold the same pages."""

    def __init__(self, home: Path, document: str) -> None:
        self.small = SmallFarm(home)
        self.farm = self.small.farm
        self.needs = needs(document)
        self._client = Client(self.small.front_door, use_cookies=False)
        self._bases: dict[str, str] = {}
        files = {slug: self.farm.layout.wiki(slug) / "wiki.db" for slug in (WIKI, OTHER)}
        self._databases = {
            name: sqlite3.connect(path, isolation_level=None)
            for name, path in {**files, "": self.farm.layout.registry}.items()
        }
        self._seen: dict[str, tuple[int, Any]] = {}
        revisions, _ = self._fill(WIKI), self._fill(OTHER)
        self._people()
        self.requests = list(
            requests(
                self.small.app.url_map,
                revisions=revisions,
                is_served=lambda endpoint, method: self.needs.get((endpoint, method)) != "404",
            )
        )
        self._rows = {slug: self._tables(slug) for slug in (WIKI, OTHER)}

    # ------------------------------------------------------------------ making it

    def _fill(self, slug: str) -> tuple[str, str]:
        with self.repository(slug) as repository:
            repository.commit(dict(PAGES), base=None, author=_AUTHOR, message="pages")
            home = repository.snapshot().read("Home.md")
            made = [
                repository.commit(
                    {"Home.md": home + line}, base=None, author=_AUTHOR, message="line"
                ).revision
                for line in (b"\nfirst\n", b"\nfirst\n\nsecond\n")
            ]
            self._bases[slug] = made[1]
        return made[1], made[0]

    def _people(self) -> None:
        """Everybody gets cookies and a form token while the wiki is open to them."""
        farm, owner = self.farm, By(self.small.alice.did, None)
        people.set_public(farm, WIKI, True, owner)
        editor, viewer = self.small.edith, self.small.victor
        suspended, deleted = (add_person(farm, f"{name}.test") for name in ("simon", "dora"))
        people.grant(farm, WIKI, suspended.did, Role.EDITOR, owner)
        ended = self._browser("ended session", "nobody", self.small.alice, credential="none")
        self.owner = self._browser("owner", "owner", self.small.alice)
        self.editor = self._browser("editor", "editor", editor)
        self.viewer = self._browser("viewer", "viewer", viewer)
        self.stranger = self._browser("stranger", "stranger", self.small.carol)
        self.nobody = self._browser("nobody", "nobody", None)
        gone = [
            self._browser("suspended person", "nobody", suspended, credential="none"),
            self._browser("deleted account", "nobody", deleted, credential="none"),
        ]
        self._end_session(ended)
        people.suspend_user(farm, suspended.did)
        people.delete_account(farm, deleted.did, By(deleted.did, None))
        self.token = Subject(
            "wiki token",
            Claim("editor", "token"),
            authorization=f"Bearer {self.small.tokens[WIKI]}",
        )
        removed = add_person(farm, "rita.test")
        named = make_tokens(farm, self.small.private, self.small.alice, editor, removed)
        self.named = [
            Subject(f"{role} token", Claim(role, "token"), authorization=header)
            for role, header in named.working.items()
        ]
        self.editors_token = Subject(
            "an editor's token", Claim("editor", "token"), authorization=named.of_an_editor
        )
        self.over = [
            replace(self.owner, name=name, claim=Claim("owner", "bad"), authorization=header)
            for name, header in named.over.items()
        ]
        self.gone = [ended, *gone]
        for subject in (self.editor, self.owner):
            answer = self.send(
                subject, "POST", "/Drafted/draft", {"content": f"# by {subject.name}\n"}
            )
            assert answer.status_code == 200, answer.get_data(as_text=True)

    def _browser(
        self, name: str, role: str, person: User | None, *, credential: str = ""
    ) -> Subject:
        """A browser with the cookies that a page of the wiki gives it, and the page's form token.

        `credential` is what its cookie will be worth during the walk.
        """
        identity = ""
        if person is not None:
            header = self.farm.sign_in(person.did, method="test")
            identity = next(text for text in header if text.startswith(f"{COOKIE_NAME}="))
            identity = identity.partition(";")[0]
        kind = credential or ("session" if person else "none")
        subject = Subject(name, Claim(role, kind), cookie=identity)
        page = self.send(subject, "GET", "/-/search")
        found = _CSRF.search(page.get_data(as_text=True))
        assert page.status_code == 200 and found is not None, name
        cookies = [identity] if identity else []
        for line in page.headers.getlist("Set-Cookie"):
            cookies += [f"{key}={morsel.coded_value}" for key, morsel in SimpleCookie(line).items()]
        return replace(subject, cookie="; ".join(cookies), form_token=found.group(1))

    @contextmanager
    def repository(self, slug: str) -> Iterator[Repository]:
        """A wiki's repository."""
        with wiki_context(self.farm, slug) as entered:
            _ = entered.settings  # makes the tables of its database, if nobody was here before
            yield entered.wiki.repository

    @contextmanager
    def world(self, world: World) -> Iterator[None]:
        """Make the world so; the suspension is lifted at the end."""
        did = self.small.alice.did
        people.set_public(self.farm, WIKI, world.is_public, By(did, None))
        if world.suspended == "wiki":
            people.suspend_wiki(self.farm, WIKI)
        elif world.suspended == "owner":
            people.suspend_user(self.farm, did)
        try:
            yield
        finally:
            if world.suspended == "wiki":
                people.resume_wiki(self.farm, WIKI)
            elif world.suspended == "owner":
                people.resume_user(self.farm, did)
                self.owner = self._browser("owner", "owner", self.small.alice)

    def close(self) -> None:
        """Give back what the farm holds."""
        for database in self._databases.values():
            database.close()
        self.small.close()

    # ------------------------------------------------------------------ walking it

    def walk(
        self, world: World, subjects: Iterable[Subject], only: Iterable[Request] | None = None
    ) -> Walk:
        """Send every request (or `only` some) as every subject and look at answer and effect."""
        walked = Walk()
        with self.world(world):
            for subject in subjects:
                for request in self.requests if only is None else only:
                    self._cell(world, subject, request, walked)
        return walked

    def _cell(self, world: World, subject: Subject, request: Request, walked: Walk) -> None:
        need = self.needs.get((request.endpoint, request.method))
        if need is None:
            walked.wrong.append(f"{request}: no row in the document")
            return
        expected = outcome(
            need,
            subject.claim,
            sends_form=request.method not in ("GET", "HEAD"),
            wants_json=request.wants_json,
            is_public=world.is_public,
            is_suspended=world.suspended == "wiki",
        )
        if request.method == "HEAD" and expected is Kind.SERVED and subject.name != "owner":
            return  # what is served to a GET is seen by the GET; this saves a third of the time
        before = self.state()
        answer = self.send(subject, request.method, request.path, request.form())
        after = self.state()
        walked.cells += 1
        walked.served += expected is Kind.SERVED
        is_change = request.method not in ("GET", "HEAD")
        changes = expected is Kind.SERVED and is_change and request.sent.changes
        wrong = []
        says_no = expected is Kind.SERVED and answer.status_code == SAYS_NO.get(request.endpoint)
        if _kind(answer) is not expected and not says_no:
            wrong.append(f"{expected.value} expected, {answer.status_code} came")
        if (changed := _difference(before, after)) != ({(WIKI, changes)} if changes else set()):
            wrong.append(f"changed {changed or 'nothing'}, {changes or 'nothing'} expected")
        if f"canary-{OTHER}" in _text(answer):
            wrong.append("shows the other wiki")
        if expected is not Kind.SERVED and f"canary-{WIKI}" in _text(answer):
            wrong.append("shows the wiki")
        if wrong:
            what = f"{world}: {subject.name}: {request}, which asks for {need}"
            walked.wrong.append(f"{what}: {'; '.join(wrong)}")
        if before != after:
            self.restore()

    def send(
        self,
        subject: Subject,
        method: str,
        path: str,
        form: dict[str, Any] | Body | None = None,
        *,
        origin: Mapping[str, str] | None = None,
        token: str | None = _OWN,
    ) -> TestResponse:
        """A request to the walked wiki with what `subject` holds.

        By default it comes from a page of that wiki; `origin` are other headers that say from
        where. `token` is the form token that goes with it (the subject's own), None for none: in
        the form, in a header to the API.
        """
        own = {"Sec-Fetch-Site": "same-origin"}
        if method not in ("GET", "HEAD"):
            own["Origin"] = base_url(WIKI)
        headers = dict(own if origin is None else origin)
        if subject.cookie:
            headers["Cookie"] = subject.cookie
        if subject.authorization is not None:
            headers["Authorization"] = subject.authorization
        options: dict[str, Any] = {}
        if method not in ("GET", "HEAD"):
            if token == _OWN:
                token = subject.form_token or None
            if isinstance(form, Body):
                headers |= {} if token is None else {"X-CSRFToken": token}
                options |= {"data": form.content, "content_type": form.content_type}
            else:
                fields = {} if token is None else {"csrf_token": token}
                options["data"] = {**(form or {}), **fields}
        return self._client.open(
            path, method=method, base_url=base_url(WIKI), headers=headers, **options
        )

    def subjects_in(self, world: World) -> list[Subject]:
        """Everybody worth asking in that world, and what is true of them there.

        With the owner suspended, they are nobody, and so are the tokens they made.
        """
        owners_tokens = [self.token, *self.named]
        known = [self.stranger, self.viewer, self.editor, self.owner]
        known += [*owners_tokens, self.editors_token]
        if not world.suspended:
            return [self.nobody, *known, *self.gone, *self._bad(), *self.over]
        if world.suspended == "wiki":
            return [self.nobody, *known]
        return [
            self.viewer,
            self.editor,
            self.editors_token,
            replace(self.owner, claim=Claim("nobody", "none")),
            *(replace(token, claim=Claim("nobody", "bad")) for token in owners_tokens),
        ]

    def _bad(self) -> list[Subject]:
        """The owner's cookies, and beside them an Authorization header that is not this wiki's."""
        return [
            replace(self.owner, name=name, claim=Claim("owner", "bad"), authorization=text)
            for name, text in (
                ("token of the other wiki, owner's cookie", f"Bearer {self.small.tokens[OTHER]}"),
                ("bad token, owner's cookie", f"Bearer {self.small.tokens[WIKI][:-1]}!"),
                ("basic authorization, owner's cookie", "Basic YWxpY2U6eA=="),
            )
        ]

    def _end_session(self, subject: Subject) -> None:
        self.farm.sign_out(subject.cookie)

    # ------------------------------------------------------------------ effects

    def state(self) -> dict[tuple[str, str], object]:
        """Everything a request to a wiki could change, of both wikis."""
        state: dict[tuple[str, str], object] = {}
        for slug in (WIKI, OTHER):
            state[slug, "commit"] = (
                self.farm.layout.wiki(slug) / "repo.git" / "refs" / "heads" / "main"
            ).read_bytes()
            rows = self._watched(slug, lambda slug=slug: self._tables(slug))
            state[slug, "drafts"] = rows["drafts"]
            registered = self._watched("", self._registered)[slug]
            state[slug, "settings"] = (rows["preferences"], registered)
        return state

    def _watched(self, name: str, read: Callable[[], Any]) -> Any:
        """What `read` gives, read again only when somebody has written to that database."""
        version = self._databases[name].execute("PRAGMA data_version").fetchone()[0]
        if name not in self._seen or self._seen[name][0] != version:
            self._seen[name] = (version, read())
        return self._seen[name][1]

    def _registered(self) -> dict[str, object]:
        """What the registry says of the wikis; not when they were seen last and their size."""
        found: dict[str, object] = {}
        with self.farm.database.reading() as session:
            for slug in (WIKI, OTHER):
                members = [(member.did, member.role) for member in acls.members(session, slug)]
                row = {**asdict(wikis.get(session, slug)), "last_accessed": "", "page_count": 0}
                found[slug] = (row, members)
        return found

    def _tables(self, slug: str) -> dict[str, list[tuple[object, ...]]]:
        return {
            table: self._databases[slug].execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
            for table in _TABLES
        }

    def restore(self) -> None:
        """Both wikis as they were when the walk began."""
        for record in (self.small.private, self.small.public):
            name, text = record.display_name, record.description
            people.describe_wiki(self.farm, record.slug, name, text, OPERATOR)
        for slug, base in self._bases.items():
            with self.repository(slug) as repository:
                head = repository.head()
                if head != base:
                    repository.replace_head(base, expected=head)
            for table, rows in self._rows[slug].items():
                self._databases[slug].execute(f"DELETE FROM {table}")
                for row in rows:
                    marks = ", ".join("?" * len(row))
                    self._databases[slug].execute(f"INSERT INTO {table} VALUES ({marks})", row)
        self._seen.clear()  # a connection is not told of what it wrote itself


def _difference(
    before: dict[tuple[str, str], object], after: dict[tuple[str, str], object]
) -> set[tuple[str, str]]:
    return {key for key, value in before.items() if after[key] != value}


def _text(answer: TestResponse) -> str:
    return answer.get_data().decode("utf-8", "replace")


def _kind(answer: TestResponse) -> Kind | None:
    if answer.status_code == 302 and answer.headers["Location"].startswith(_SIGN_IN):
        return Kind.SIGN_IN
    if answer.status_code in (200, 201, 202, 301, 302, 303, 308):
        return Kind.SERVED
    refused = {401: Kind.UNAUTHORIZED, 403: Kind.FORBIDDEN, 404: Kind.NOT_FOUND}
    return refused.get(answer.status_code)
