"""H6, A17: what is taken away is gone at the next request, on every door of every worker.

`robot serve` runs with two workers. A change is made by another process; then each worker by itself
(the other one is stopped meanwhile) is asked at every door that was open.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from otterwiki_robot.installation import Installation
from otterwiki_robot.settings import read_settings
from otterwiki_tenant import clock, names, people, sessions, token_store, tokens, users
from otterwiki_tenant.access import Role
from otterwiki_tenant.audit import By
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.token_store import TokenRecord

from .made_farm import ALICE, BOB

EDITH = "edith.test"
START_SECONDS = 120.0
CANARY = "canary-of-alice"
#: What of a wiki is open to whoever may read it, and shows the canary or exists with it only.
DOORS = {
    "page": "/Home",
    "front page": "/",
    "raw source": "/Home/source?raw=1",
    "history": "/Home/history",
    "attachment": "/Home/a/notes.txt",
    "file": "/Home/notes.txt",
    "search": "/-/search/findable",
    "changelog": "/-/changelog",
    "RSS": "/-/changelog/feed.rss",
    "Atom": "/-/changelog/feed.atom",
    "index": "/-/index",
    "sitemap": "/sitemap.xml",
    "static file": "/static/img/otter.png",
}
#: What of the account pages is open to a member, and to anybody signed in.
MEMBERS_PAGES = {"collaborators": "/app/collaborators", "export": "/app/export"}
OWN_PAGES = {"account": "/app/account", "overview": "/app/"}
_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: str


@dataclass
class Served:
    """The farm that is served, and a handle on its registry from this process."""

    port: int
    home: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes]
    farm: Farm
    tokens: dict[str, str]

    def ask(
        self, slug: str | None, path: str, headers: Mapping[str, str], form: str | None = None
    ) -> Answer:
        """One request on a connection of its own."""
        host = f"{slug + '.' if slug else ''}robot.localhost:{self.port}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Host": host, **headers}
        if form is not None:
            sent |= {
                "Origin": f"http://{host}",
                "Content-Type": "application/x-www-form-urlencoded",
            }
        try:
            connection.request("GET" if form is None else "POST", path, body=form, headers=sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode("utf-8", "replace"))
        finally:
            connection.close()

    def robot(self, *arguments: str) -> dict[str, object]:
        """Run a command in a process of its own."""
        command = [sys.executable, "-m", "otterwiki_robot", *arguments, "--json"]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    def sign_in(self, handle: str) -> dict[str, str]:
        """The Cookie header of a new session."""
        did = names.development_did(handle)
        header = self.farm.sign_in(did, method="test")[0]
        return {"Cookie": header.partition(";")[0]}

    def workers(self) -> list[int]:
        """The processes that answer: those below ours that have no process below them."""
        parents: dict[int, int] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                parents[int(entry.name)] = int(fields[1])
        ours = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
            ours |= more
        return sorted(pid for pid in ours if pid not in parents.values())

    @contextmanager
    def only(self, worker: int) -> Iterator[None]:
        """Let nobody but that worker answer."""
        others = [pid for pid in self.workers() if pid != worker]
        assert len(others) == 1
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def served(made_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("doors")
    shutil.copytree(made_home, folder / "home", symlinks=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ROBOT_")},
        "ROBOT_DEV": "1",
        "ROBOT_HOME": str(folder / "home"),
        "ROBOT_WEB_PORT": str(port),
        "ROBOT_WEB_WORKERS": "2",
    }
    installation = Installation(read_settings(environment))
    installation.farm.bcrypt_rounds = 4
    log = folder / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "otterwiki_robot", "serve"],
            env=environment,
            stdout=stream,
            stderr=stream,
        )
    running = Served(port, folder / "home", environment, process, installation.farm, {})
    try:
        _wait(running, log)
        assert len(running.workers()) == 2
        yield running
    finally:
        installation.close()
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(served: Served, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    pause = threading.Event()
    while True:
        try:
            if served.ask(None, "/health", {}).status == 200 and len(served.workers()) == 2:
                return
        except OSError:
            pause.wait(0.05)
        assert served.process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()


@pytest.fixture
def alice_wiki(served: Served, tmp_path: Path) -> Iterator[str]:
    """A private wiki of Alice's made anew, Edith its editor; deleted afterwards."""
    if (served.home / "wikis" / "alice").exists():
        served.farm.delete_wiki("alice")
    alice = names.development_did(ALICE)
    made = served.farm.create_wiki("alice", owner_did=alice)
    served.tokens["alice"] = made.token
    notes = tmp_path / "notes"
    (notes / "Home").mkdir(parents=True)
    (notes / "Home.md").write_text(f"# Home\n\n{CANARY} findable\n\n## Headings\n")
    (notes / "Home" / "notes.txt").write_text(f"{CANARY}\n")
    served.robot("wiki", "import", "alice", str(notes))
    edith = names.development_did(EDITH)
    with served.farm.database.reading() as session:
        known = users.active_by_did(session, edith)
    if known is None:
        people.add_user(served.farm, did=edith, handle=EDITH)
    people.grant(served.farm, "alice", edith, Role.EDITOR, By(alice, None))
    yield "alice"
    if (served.home / "wikis" / "alice").exists():
        people.resume_wiki(served.farm, "alice")
    people.resume_user(served.farm, alice)


Change = Callable[[Served], object]


def _open_doors(served: Served, headers: Mapping[str, str], *, by_token: bool) -> dict[str, Answer]:
    """Every door that such a request could find open, and what is behind it now."""
    found = {name: served.ask("alice", path, headers) for name, path in DOORS.items()}
    if not by_token:
        for name, path in MEMBERS_PAGES.items():
            found[name] = served.ask(None, f"{path}?wiki=alice", headers)
    return found


def _saves(served: Served, headers: Mapping[str, str], form: Mapping[str, str]) -> Answer:
    fields = {"content": "# Written\n", "commit": "x", **form}
    return served.ask("alice", "/Written/save", headers, urlencode(fields))


def _form_of(served: Served, headers: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The cookies and the form token of a page, handed out while it was open."""
    page = served.ask("alice", "/Home?edit", headers)
    token = _CSRF.search(page.body)
    assert token is not None
    pairs = [line.partition(";")[0] for line in page.headers.get_all("Set-Cookie") or []]
    return {"Cookie": "; ".join([headers["Cookie"], *pairs])}, {"csrf_token": token[1]}


def _revoke(served: Served) -> None:
    served.robot("acl", "revoke", "alice", EDITH)


def _end_session(served: Served) -> None:
    did = names.development_did(EDITH)
    with served.farm.database.reading() as session:
        records = sessions.of_person(session, did, clock.now())
    for record in records:
        assert served.farm.end_session(record.id, By(did, None))


def _sign_out_everywhere(served: Served) -> None:
    served.farm.sign_out_everywhere(By(names.development_did(EDITH), None))


def _suspend(served: Served) -> None:
    served.robot("user", "suspend", EDITH)


def _delete_account(served: Served) -> None:
    did = names.development_did(EDITH)
    people.delete_account(served.farm, did, By(did, None))


def _suspend_wiki(served: Served) -> None:
    served.robot("wiki", "suspend", "alice")


def _delete_wiki(served: Served) -> None:
    served.farm.delete_wiki("alice")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (_revoke, 404),
        (_end_session, 302),
        (_sign_out_everywhere, 302),
        (_suspend_wiki, 403),
        (_delete_wiki, 404),
        (_suspend, 302),
        (_delete_account, 302),
    ],
)
def test_a17_the_next_request_by_cookie_is_refused(
    served: Served, alice_wiki: str, change: Change, status: int
) -> None:
    cookie, form = _form_of(served, served.sign_in(EDITH))
    for worker in served.workers():
        with served.only(worker):
            for name, answer in _open_doors(served, cookie, by_token=False).items():
                assert answer.status == 200, f"{name} is not open: {answer.status}"
            assert served.ask(None, OWN_PAGES["account"], cookie).status == 200
            assert _saves(served, cookie, form).status == 302
    head = _head(served)
    try:
        change(served)
        for worker in served.workers():
            with served.only(worker):
                for name, answer in _open_doors(served, cookie, by_token=False).items():
                    expected = status if name in DOORS else {302: 303}.get(status, 404)
                    if name in MEMBERS_PAGES and change is _suspend_wiki:
                        expected = answer.status  # her account pages stay; the wiki's do not
                    assert answer.status == expected, f"{name}: {answer.status}"
                    assert CANARY not in answer.body
                assert _saves(served, cookie, form).status in (status, 302)
                account = served.ask(None, OWN_PAGES["account"], cookie).status
                assert account == (303 if status == 302 else 200)
        assert change is _delete_wiki or _head(served) == head
    finally:
        if change is _suspend:
            served.robot("user", "resume", EDITH)


@pytest.mark.parametrize("who", ["nobody", BOB])
def test_a17_a_wiki_made_private_is_shut_to_others(
    served: Served, alice_wiki: str, who: str
) -> None:
    alice = By(names.development_did(ALICE), None)
    headers = {} if who == "nobody" else served.sign_in(who)
    people.set_public(served.farm, "alice", True, alice)
    for worker in served.workers():
        with served.only(worker):
            for name, path in DOORS.items():
                assert served.ask("alice", path, headers).status == 200, name
    people.set_public(served.farm, "alice", False, alice)
    for worker in served.workers():
        with served.only(worker):
            for name, path in DOORS.items():
                answer = served.ask("alice", path, headers)
                assert answer.status == (302 if who == "nobody" else 404), name
                assert CANARY not in answer.body


@pytest.mark.parametrize("change", ["suspend the owner", "suspend the wiki", "delete the wiki"])
def test_a17_the_next_request_by_token_is_refused(
    served: Served, alice_wiki: str, change: str
) -> None:
    headers = {"Authorization": f"Bearer {served.tokens['alice']}"}
    for worker in served.workers():
        with served.only(worker):
            for name, answer in _open_doors(served, headers, by_token=True).items():
                assert answer.status == 200, f"{name} is not open: {answer.status}"
    if change == "suspend the owner":
        served.robot("user", "suspend", ALICE)
    elif change == "suspend the wiki":
        served.robot("wiki", "suspend", "alice")
    else:
        _delete_wiki(served)
    for worker in served.workers():
        with served.only(worker):
            for name, answer in _open_doors(served, headers, by_token=True).items():
                assert answer.status in (401, 403), f"{name}: {answer.status}"
                assert CANARY not in answer.body
            assert _saves(served, headers, {}).status in (401, 403)


@pytest.mark.parametrize("change", ["revoke the token", "remove its maker"])
def test_c7_a_named_token_ends_in_every_worker(
    served: Served, alice_wiki: str, change: str
) -> None:
    """Each worker has checked it, and remembers that; another process ends it."""
    if change == "revoke the token":
        made = served.robot("token", "create", "alice", "--name", "agent", "--role", "editor")
        text, token_id = str(made["token"]), str(made["id"])
    else:
        text, token_id = _token_of(served, EDITH)
    other = str(served.robot("token", "create", "alice", "--role", "viewer")["token"])
    headers, others = ({"Authorization": f"Bearer {token}"} for token in (text, other))
    for worker in served.workers():
        with served.only(worker):
            for name, answer in _open_doors(served, headers, by_token=True).items():
                assert answer.status == 200, f"{name} is not open: {answer.status}"
            assert _saves(served, headers, {}).status == 302
            assert _saves(served, others, {}).status == 403
    head = _head(served)
    if change == "revoke the token":
        assert served.robot("token", "revoke", "alice", token_id)["revoked"] is True
    else:
        served.robot("acl", "revoke", "alice", EDITH)
    for worker in served.workers():
        with served.only(worker):
            for name, answer in _open_doors(served, headers, by_token=True).items():
                assert answer.status == 401, f"{name}: {answer.status}"
                assert CANARY not in answer.body
            assert _saves(served, headers, {}).status == 401
            assert served.ask("alice", "/Home", others).status == 200
    assert _head(served) == head


def _token_of(served: Served, handle: str) -> tuple[str, str]:
    """A token made by a collaborator, as one who owned the wiki before; and its id."""
    made = tokens.mint(rounds=4)
    record = TokenRecord(
        id=made.token_id,
        wiki_slug="alice",
        name="an editor's",
        role=Role.EDITOR,
        maker_did=names.development_did(handle),
        created_at=clock.timestamp(clock.now()),
    )
    with served.farm.database.writing() as session:
        token_store.add(session, record, made)
    return made.text, made.token_id


def test_h6_a_wiki_made_again_inherits_nothing(served: Served, alice_wiki: str) -> None:
    """Its address is the same, and so are its owner and her browser."""
    alice, alice_did = served.sign_in(ALICE), names.development_did(ALICE)
    cookie, _form = _form_of(served, served.sign_in(EDITH))
    owners, owners_form = _form_of(served, alice)
    old_token = {"Authorization": f"Bearer {served.tokens['alice']}"}
    draft = urlencode({"content": f"# {CANARY} draft\n", **owners_form})
    assert served.ask("alice", "/Home/draft", owners, draft).status == 200
    by = By(alice_did, None)
    people.describe_wiki(served.farm, "alice", CANARY, f"{CANARY} description", by)
    people.set_public(served.farm, "alice", True, by)
    people.set_listed(served.farm, "alice", True, by)
    assert CANARY in served.ask(None, "/", {}).body
    for worker in served.workers():  # both have opened it, indexed it and know the token
        with served.only(worker):
            for headers in (owners, old_token, cookie):
                assert CANARY in served.ask("alice", "/Home", headers).body
            assert CANARY in served.ask("alice", DOORS["search"], owners).body
    served.farm.delete_wiki("alice", by=by)
    made = served.farm.create_wiki("alice", owner_did=alice_did, by=by)
    for worker in served.workers():
        with served.only(worker):
            assert served.ask("alice", "/", old_token).status == 401
            assert served.ask("alice", "/", cookie).status == 404
            assert served.ask("alice", "/", {}).status == 302
            assert _saves(served, owners, owners_form).status == 400, "an old form is no form"
            for name, path in DOORS.items():
                assert CANARY not in served.ask("alice", path, owners).body, name
            assert served.ask("alice", "/Home/a/notes.txt", owners).status == 404
            editor = served.ask("alice", "/Home?edit", owners)
            assert editor.status == 200
            assert CANARY not in editor.body
            assert CANARY not in served.ask(None, "/", {}).body
            for page in ("/app/settings", "/app/collaborators", "/app/activity", "/app/"):
                shown = served.ask(None, f"{page}?wiki=alice", owners)
                assert shown.status == 200
                assert CANARY not in shown.body, page
                assert EDITH not in shown.body, page
            new = served.ask("alice", "/", {"Authorization": f"Bearer {made.token}"})
            assert new.status in (200, 404)  # an empty wiki: it has no home page yet
            assert served.ask("alice", "/-/about", owners).status == 200


def _head(served: Served) -> str:
    file = served.home / "wikis" / "alice" / "repo.git" / "refs" / "heads" / "main"
    return file.read_text() if file.exists() else ""
