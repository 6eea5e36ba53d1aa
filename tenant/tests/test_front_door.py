"""The front door with Otterwiki behind it: hosts (H2), strangers (H5), failures (I8)."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from werkzeug.test import Client, EnvironBuilder, TestResponse, run_wsgi_app
from werkzeug.wrappers import Response

from otterwiki_tenant import clock, people, users, wikis
from otterwiki_tenant.current import active, active_or_none
from otterwiki_tenant.errors import DeletionUnfinished, FarmBusy
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.identity import COOKIE_NAME
from otterwiki_tenant.layout import repository_of, wiki_db_of
from otterwiki_tenant.testing import DOMAIN, SmallFarm, Visitor, identity_cookie, make_farm
from otterwiki_tenant.wsgi import FarmMiddleware, wants_json


def _request(small_farm: SmallFarm, path: str = "/", **environ: Any) -> Response:
    """A request without a cookie jar, with exactly these WSGI keys on top."""
    built = EnvironBuilder(path, base_url=f"http://robert.{DOMAIN}").get_environ()
    for key, value in environ.items():
        if value is None:
            built.pop(key, None)
        else:
            built[key] = value
    return Response(*run_wsgi_app(small_farm.front_door, built))


def _text(response: Response) -> str:
    return response.get_data(as_text=True)


# ---------------------------------------------------------------------- H2: which wiki


@pytest.mark.parametrize(
    "host",
    [
        f"robert.{DOMAIN}",
        f"ROBERT.{DOMAIN.upper()}",
        f"robert.{DOMAIN}:8000",
        f"Robert.{DOMAIN}:61234",
    ],
)
def test_h2_the_host_picks_the_wiki(shared_farm: SmallFarm, host: str) -> None:
    response = _request(shared_farm, HTTP_HOST=host)
    assert response.status_code == 200
    assert "canary-robert" in _text(response)
    feed = _text(_request(shared_farm, "/-/changelog/feed.rss", HTTP_HOST=host))
    assert f"http://{host.lower()}/" in feed


@pytest.mark.parametrize(
    ("host", "words"),
    [
        (None, "names no host"),
        ("", "names no host"),
        (f"robert.{DOMAIN}.", "dot"),
        (f"x.robert.{DOMAIN}", "one name"),
        (f"robert.{DOMAIN},alice.{DOMAIN}", "more than one"),
        ("127.0.0.1:8000", "IP addresses"),
        ("[::1]:8000", "IP addresses"),
        ("2130706433", "IP addresses"),
        ("evil.example", "does not answer"),
        (f"robert.{DOMAIN}:x", "port"),
        (f"robert@alice.{DOMAIN}", "user name"),
    ],
)
def test_h2_other_hosts_are_400_with_the_reason(
    shared_farm: SmallFarm, host: str | None, words: str
) -> None:
    response = _request(shared_farm, HTTP_HOST=host)
    assert response.status_code == 400
    assert response.mimetype == "text/plain"
    assert words in _text(response)
    assert "canary" not in _text(response)


@pytest.mark.parametrize("key", ["RAW_URI", "REQUEST_URI"])
def test_h2_an_absolute_target_for_another_host_is_400(shared_farm: SmallFarm, key: str) -> None:
    keys = {"RAW_URI": None, "REQUEST_URI": None}
    good = _request(shared_farm, **{**keys, key: f"http://robert.{DOMAIN}/"})
    assert good.status_code == 200
    bad = _request(shared_farm, **{**keys, key: f"http://alice.{DOMAIN}/"})
    assert bad.status_code == 400


@pytest.mark.parametrize(
    "header",
    [
        "X_FORWARDED_HOST",
        "X_FORWARDED_SERVER",
        "FORWARDED",
        "X_HOST",
        "X_ORIGINAL_HOST",
        "X_ORIGINAL_URL",
        "X_REWRITE_URL",
        "X_FORWARDED_PREFIX",
    ],
)
def test_h2_forwarded_hosts_are_ignored_and_removed(shared_farm: SmallFarm, header: str) -> None:
    seen: list[dict[str, Any]] = []

    def note(environ: dict[str, Any], start_response: Any) -> Any:
        seen.append(environ)
        return shared_farm.app.wsgi_app(environ, start_response)

    door = FarmMiddleware(shared_farm.farm, wiki_app=note, root_app=note, health_app=note)
    builder = EnvironBuilder("/", base_url=f"http://robert.{DOMAIN}")
    response = Client(door).open(
        {**builder.get_environ(), f"HTTP_{header}": f"host=alice.{DOMAIN}"}
    )
    assert "canary-robert" in _text(response)
    assert f"HTTP_{header}" not in seen[0]


def test_h2_a_path_prefix_is_refused(shared_farm: SmallFarm) -> None:
    for host in (f"robert.{DOMAIN}", DOMAIN):
        assert _request(shared_farm, SCRIPT_NAME="/auth", HTTP_HOST=host).status_code == 400


def test_h2_the_root_host_is_not_a_wiki(shared_farm: SmallFarm) -> None:
    for host in (DOMAIN, f"{DOMAIN.upper()}:8000"):
        assert _text(_request(shared_farm, HTTP_HOST=host)) == "the root host"


@pytest.mark.parametrize(
    "host", [None, "", "127.0.0.1", "evil.example", DOMAIN, f"alice.{DOMAIN}", "x."]
)
def test_health_is_answered_on_any_host(shared_farm: SmallFarm, host: str | None) -> None:
    assert _text(_request(shared_farm, "/health", HTTP_HOST=host)) == "healthy"


@pytest.mark.parametrize(
    "name", ["EMAIL", "NAME", "PERMISSIONS", "ANYTHING", "EMAIL_X"], ids=str.lower
)
def test_client_sent_otterwiki_headers_are_removed(shared_farm: SmallFarm, name: str) -> None:
    forged = {
        "HTTP_X_OTTERWIKI_EMAIL": "did.plc.alice@users.robot.localhost",
        "HTTP_X_OTTERWIKI_NAME": "alice.test",
        "HTTP_X_OTTERWIKI_PERMISSIONS": "READ,WRITE,UPLOAD,ADMIN",
        f"HTTP_X_OTTERWIKI_{name}": "ADMIN",
    }
    private = _request(shared_farm, HTTP_HOST=f"alice.{DOMAIN}", **forged)
    assert private.status_code == 302
    assert "/auth/login" in private.headers["Location"]
    public = _request(shared_farm, "/-/create", **forged)
    assert "alice.test" not in _text(public)
    seen: list[list[str]] = []

    def root(environ: dict[str, Any], start_response: Any) -> Any:
        seen.append([key for key in environ if "OTTERWIKI" in key])
        return Response("x")(environ, start_response)

    door = FarmMiddleware(shared_farm.farm, wiki_app=root, root_app=root, health_app=root)
    for path, host in (("/", DOMAIN), ("/health", DOMAIN), ("/", f"robert.{DOMAIN}")):
        builder = EnvironBuilder(path, base_url=f"http://{host}")
        Client(door).open({**builder.get_environ(), **forged})
    assert seen == [[], [], []]


# ---------------------------------------------------------------------- H5: strangers


# What a host remembers of a browser is signed for that host.
_SEEN_COOKIE = re.compile(r"^(robot_seen=)[^;]+")


def _answer(response: TestResponse, slug: str) -> tuple[int, list[tuple[str, str]], str]:
    """What a stranger sees, with the wiki's name taken out."""
    headers = [
        (name, _SEEN_COOKIE.sub(r"\1", value).replace(slug, "SLUG"))
        for name, value in response.headers.items()
        if name != "Content-Length"
    ]
    return response.status_code, headers, _text(response).replace(slug, "SLUG")


_PATHS = [
    "/",
    "/Home",
    "/Nowhere",
    "/-/changelog",
    "/-/login",
    "/static/x",
    "/api/v1/pages",
    "/a b",
]
_ACCEPTS = ["text/html", "application/json", "*/*"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "BREW"])
@pytest.mark.parametrize("who", ["nobody", "carol"])
def test_h5_a_private_and_a_missing_wiki_look_alike(
    shared_farm: SmallFarm, method: str, who: str
) -> None:
    person = shared_farm.carol if who == "carol" else None
    for path in _PATHS:
        for accept in _ACCEPTS:
            answers = []
            for slug in ("alice", "nadia"):  # equally long: so are the answers
                visitor = shared_farm.visitor(person)
                response = visitor.client.open(
                    path,
                    method=method,
                    base_url=f"http://{slug}.{DOMAIN}",
                    headers={"Accept": accept, "Origin": f"http://{slug}.{DOMAIN}"},
                )
                answers.append((*_answer(response, slug), response.headers["Content-Length"]))
            assert answers[0] == answers[1]
            assert answers[0][0] in ((302, 401) if person is None else (404,))


def test_h5_the_same_work_is_done_for_both(shared_farm: SmallFarm) -> None:
    """Time can't be measured reliably here; the statements that take it can be counted."""
    statements: list[str] = []
    engine = shared_farm.farm.database.engine
    event.listen(
        engine,
        "connect",
        lambda connection, _: connection.set_trace_callback(statements.append),
    )
    shared_farm.farm.database.close()  # connections made from now on are watched
    done: list[list[str]] = []
    for person in (None, shared_farm.carol):
        visitors = [shared_farm.visitor(person) for _ in "ab"]
        for visitor, slug in zip(visitors, ("alice", "nadia"), strict=True):
            visitor.get(None, "/")
            statements.clear()
            visitor.get(slug, "/Home")
            done.append([re.sub(r"'[^']*'", "?", statement) for statement in statements])
    assert done[0] == done[1]
    assert done[2] == done[3]
    assert (len(done[0]), len(done[2])) == (1, 2), "wiki and role; session and person"


@pytest.mark.parametrize("header", ["Bearer x", "Bearer rbt_", "Basic YTpi", "x", ""])
def test_h5_a_bad_token_is_401_alike(shared_farm: SmallFarm, header: str) -> None:
    answers = []
    for slug in ("alice", "nadia"):
        visitor = shared_farm.visitor(shared_farm.alice)
        response = visitor.get(slug, "/Home", headers={"Authorization": header})
        answers.append(_answer(response, slug))
        assert response.status_code == 401
    assert answers[0] == answers[1]


def test_h5_a_broken_private_wiki_looks_the_same_to_a_stranger(small_farm: SmallFarm) -> None:
    before = _answer(small_farm.visitor().get("alice", "/Home"), "alice")
    repository_of(small_farm.farm.layout.wiki("alice")).rename(
        small_farm.farm.layout.wiki("alice") / "elsewhere"
    )
    assert _answer(small_farm.visitor().get("alice", "/Home"), "alice") == before


def test_h5_a_wiki_whose_owners_account_is_ending_is_missing_to_its_collaborators(
    small_farm: SmallFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(farm: Farm, did: str | None = None) -> list[str]:
        raise FarmBusy("somebody makes a wiki")

    edith, robert = small_farm.visitor(small_farm.edith), small_farm.robert.did
    assert edith.get("robert", "/").status_code == 200
    monkeypatch.setattr("otterwiki_tenant.lifecycle.finish_account_deletions", busy)
    with pytest.raises(DeletionUnfinished):
        people.delete_account(small_farm.farm, robert, people.By(robert))
    gone, missing = edith.get("robert", "/"), edith.get("nothing", "/")
    assert (gone.status_code, missing.status_code) == (404, 404)
    assert _text(gone).replace("robert", "SLUG") == _text(missing).replace("nothing", "SLUG")
    assert edith.get("alice", "/").status_code == 200


def test_h5_reserved_and_impossible_names_are_missing_wikis_too(shared_farm: SmallFarm) -> None:
    for name in ("www", "admin", "ab", "xn--80ak6aa92e", "a" * 60):
        assert shared_farm.visitor().get(name, "/").status_code == 302
        assert shared_farm.visitor(shared_farm.carol).get(name, "/").status_code == 404


def test_a_person_is_sent_to_sign_in_and_back(shared_farm: SmallFarm) -> None:
    response = shared_farm.visitor().get("alice", "/Home/Über uns?a=b&c=%26")
    assert response.headers["Location"] == (
        f"http://{DOMAIN}:8000/auth/login?next="
        "http%3A%2F%2Falice.robot.localhost%3A8000%2FHome%2F%25C3%259Cber%2520uns%3Fa%3Db%26c%3D%2526"
    )
    base_url = f"http://alice.{DOMAIN}"
    posted = shared_farm.visitor().client.post(
        "/Home/save", base_url=base_url, headers={"Origin": base_url}
    )
    assert posted.headers["Location"].endswith("next=http%3A%2F%2Falice.robot.localhost%2F")
    long = shared_farm.visitor().get("alice", "/" + "x" * 5000)
    assert long.headers["Location"].endswith("next=http%3A%2F%2Falice.robot.localhost%3A8000%2F")


def test_a_program_is_told_in_json(shared_farm: SmallFarm) -> None:
    response = shared_farm.visitor().get("alice", "/api/v1/pages")
    assert response.status_code == 401
    assert response.get_json()["code"] == "unauthorized"
    refused = shared_farm.visitor(shared_farm.carol).get(
        "alice", "/Home", headers={"Accept": "application/json"}
    )
    assert refused.status_code == 404
    assert refused.get_json()["code"] == "not_found"
    browser = {"HTTP_ACCEPT": "text/html,application/json;q=0.9", "PATH_INFO": "/"}
    assert not wants_json(browser)


def test_refusals_are_kept_by_no_cache(shared_farm: SmallFarm) -> None:
    for person in (None, shared_farm.carol):
        response = shared_farm.visitor(person).get("alice", "/")
        assert response.headers["Cache-Control"] == "private, no-store"
        assert "Cookie" in response.headers["Vary"]


# ---------------------------------------------------------------------- who is who


def test_an_owner_a_guest_and_nobody(shared_farm: SmallFarm) -> None:
    reads = {
        (None, "alice"): 302,
        (None, "robert"): 200,
        (shared_farm.alice, "alice"): 200,
        (shared_farm.alice, "robert"): 200,
        (shared_farm.robert, "alice"): 404,
        (shared_farm.robert, "robert"): 200,
        (shared_farm.carol, "alice"): 404,
        (shared_farm.carol, "robert"): 200,
    }
    for (person, slug), status in reads.items():
        response = shared_farm.visitor(person).get(slug, "/Home")
        assert response.status_code == status, (person, slug)
        assert ("canary-alice" in _text(response)) == (slug == "alice" and status == 200)


def test_two_identity_cookies_are_nobody(shared_farm: SmallFarm) -> None:
    tokens = [
        identity_cookie(shared_farm.farm, person.did)
        for person in (shared_farm.alice, shared_farm.robert)
    ]
    cookie = "; ".join(f"{COOKIE_NAME}={token}" for token in tokens)
    for slug in ("alice", "robert"):
        response = _request(shared_farm, HTTP_HOST=f"{slug}.{DOMAIN}", HTTP_COOKIE=cookie)
        assert response.status_code == (302 if slug == "alice" else 200)
        assert "alice.test" not in _text(response)


def test_a_cookie_of_somebody_who_is_not_registered_is_nobody(shared_farm: SmallFarm) -> None:
    token = shared_farm.farm.identity.mint("did:plc:ghost", "no session", clock.now())
    for slug, status in (("alice", 302), ("robert", 200)):
        response = _request(
            shared_farm, HTTP_HOST=f"{slug}.{DOMAIN}", HTTP_COOKIE=f"{COOKIE_NAME}={token}"
        )
        assert response.status_code == status


def test_closing_a_wiki_acts_on_the_next_request(small_farm: SmallFarm) -> None:
    visitor = small_farm.visitor(small_farm.carol)
    for is_public, status in ((True, 200), (False, 404), (True, 200)):
        with small_farm.farm.database.writing() as session:
            wikis.set_public(session, "alice", is_public)
        assert visitor.get("alice", "/Home").status_code == status


def test_the_registry_knows_when_a_wiki_was_last_used(small_farm: SmallFarm) -> None:
    farm, then = small_farm.farm, clock.now() - timedelta(days=3)
    with farm.database.writing() as session:
        session.connection().exec_driver_sql(
            "UPDATE wikis SET last_accessed = ?", (clock.timestamp(then),)
        )
    assert small_farm.visitor().get("alice", "/Home").status_code == 302
    small_farm.visitor().get("robert", "/Home").close()
    with farm.database.reading() as session:
        assert wikis.get(session, "robert").last_accessed > clock.timestamp(then)
        assert wikis.get(session, "alice").last_accessed == clock.timestamp(then)


def test_the_page_count_follows_the_commits(small_farm: SmallFarm) -> None:
    def count(slug: str) -> int:
        with small_farm.farm.database.reading() as session:
            return wikis.get(session, slug).page_count

    visitor = small_farm.visitor(small_farm.alice)
    assert (count("alice"), count("robert")) == (1, 1)
    for path, content, wanted in (
        ("/New/save", "# New\n", 2),
        ("/New/save", "# Newer\n", 2),
        ("/Home/save", "# Home\n", 2),
    ):
        assert visitor.post("alice", path, {"content": content, "commit": "x"}).status_code == 302
        assert count("alice") == wanted
    assert visitor.post("alice", "/New/delete", {"message": "x"}).status_code == 302
    assert (count("alice"), count("robert")) == (1, 1)


# ---------------------------------------------------------------------- I8: fail closed


def _lock_for_good(farm: Farm) -> Iterator[None]:
    holder = sqlite3.connect(farm.layout.registry, isolation_level=None)
    holder.execute("PRAGMA journal_mode=DELETE")
    holder.execute("BEGIN EXCLUSIVE")
    yield
    holder.close()


def _damage(farm: Farm) -> Iterator[None]:
    for suffix in ("-wal", "-shm"):
        Path(f"{farm.layout.registry}{suffix}").unlink(missing_ok=True)
    farm.layout.registry.write_bytes(os.urandom(40_960))
    yield


def _lose_a_table(farm: Farm) -> Iterator[None]:
    with sqlite3.connect(farm.layout.registry) as connection:
        connection.execute("DROP TABLE acls")
        connection.execute("DROP TABLE wikis")
    yield


def _lose_the_key(farm: Farm) -> Iterator[None]:
    farm.layout.signing_key.unlink()
    farm.__dict__.pop("identity", None)
    yield


@pytest.mark.parametrize("harm", [_lock_for_good, _damage, _lose_a_table, _lose_the_key])
@pytest.mark.parametrize("slug", ["alice", "robert", "nadia"])
def test_i8_a_registry_that_cannot_answer_opens_nothing(
    tmp_path: Path, harm: Callable[[Farm], Iterator[None]], slug: str
) -> None:
    small_farm = SmallFarm(tmp_path / "home", busy_timeout_seconds=0.05)
    visitors = [small_farm.visitor(person) for person in (None, small_farm.alice)]
    farm = small_farm.farm
    farm.close()
    reached: list[str] = []

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        reached.append(active().record.slug)
        return Response("x")(environ, start_response)

    door = FarmMiddleware(farm, wiki_app=app, root_app=app, health_app=app)
    for _ in harm(farm):
        for visitor in visitors:
            visitor.client.application = door
            response = visitor.get(slug, "/Home")
            assert response.status_code == 503
            assert "try again" in _text(response)
            assert "sqlite" not in _text(response).lower()
            assert str(tmp_path) not in _text(response)
    assert reached == []


@pytest.mark.parametrize("part", ["wiki.db", "repo.git", "everything"])
def test_i8_a_wiki_that_cannot_be_opened_is_refused_whole(small_farm: SmallFarm, part: str) -> None:
    folder = small_farm.farm.layout.wiki("alice")
    if part == "wiki.db":
        wiki_db_of(folder).write_bytes(b"not a database" * 1000)
    elif part == "repo.git":
        repository_of(folder).rename(folder / "elsewhere")
    else:
        folder.rename(folder.with_name("elsewhere"))
    response = small_farm.visitor(small_farm.alice).get("alice", "/Home")
    assert response.status_code == 503
    assert "canary" not in _text(response)
    assert "canary-robert" in _text(small_farm.visitor(small_farm.alice).get("robert", "/Home"))


# ---------------------------------------------------------------------- the context


def test_the_wiki_is_active_exactly_while_the_answer_is_made(tmp_path: Path) -> None:
    small_farm = SmallFarm(tmp_path / "home")
    seen: list[str | None] = []

    def note() -> None:
        found = active_or_none()
        seen.append(found.record.slug if found else None)

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            for _ in range(2):
                note()
                yield b"x"

        def close(self) -> None:
            note()

    def app(_environ: Any, start_response: Any) -> Any:
        note()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return Body()

    door = FarmMiddleware(small_farm.farm, wiki_app=app, root_app=app, health_app=app)
    builders = {
        slug: EnvironBuilder("/", base_url=f"http://{slug}.{DOMAIN}").get_environ()
        for slug in ("robert", "alice")
    }
    cookie = identity_cookie(small_farm.farm, small_farm.alice.did)
    builders["alice"]["HTTP_COOKIE"] = f"{COOKIE_NAME}={cookie}"
    # Two answers at once in one thread, interleaved and closed in the wrong order.
    bodies = {slug: door(environ, lambda *_: lambda _b: None) for slug, environ in builders.items()}
    iterators = {slug: iter(body) for slug, body in bodies.items()}
    for slug in ("robert", "alice", "alice", "robert"):
        next(iterators[slug])
        note()
    for slug in ("robert", "alice"):
        bodies[slug].close()  # type: ignore[attr-defined]
        bodies[slug].close()  # type: ignore[attr-defined]
        note()
    assert seen == [
        "robert", "alice", "robert", None, "alice", None, "alice", None, "robert", None,
        "robert", None, "alice", None,
    ]  # fmt: skip


def test_an_exception_leaves_no_wiki_active(shared_farm: SmallFarm) -> None:
    def app(_environ: Any, _start_response: Any) -> Any:
        assert active().record.slug == "robert"
        raise ZeroDivisionError

    door = FarmMiddleware(shared_farm.farm, wiki_app=app, root_app=app, health_app=app)
    environ = EnvironBuilder("/", base_url=f"http://robert.{DOMAIN}").get_environ()
    with pytest.raises(ZeroDivisionError):
        door(environ, lambda *_: lambda _b: None)
    assert active_or_none() is None


def test_a_farm_can_be_made_before_it_is_initialised(tmp_path: Path) -> None:
    """Nothing is opened by making the object, so a server may make it before it forks."""
    farm = Farm(tmp_path / "home", "Robot.WTF")
    assert not (tmp_path / "home").exists()
    assert farm.domain == "robot.wtf"
    farm.initialise()
    before = farm.layout.signing_key.read_bytes()
    farm.initialise()
    assert farm.layout.signing_key.read_bytes() == before
    assert {path.stat().st_mode & 0o777 for path in farm.layout.folders()} == {0o700}
    with farm.database.reading() as session:
        assert users.all_users(session) == []


def test_only_so_many_wikis_stay_open(tmp_path: Path) -> None:
    farm = make_farm(tmp_path / "home", max_open_wikis=1)
    small_farm = SmallFarm(tmp_path / "home2", max_open_wikis=1)
    assert farm.layout.home != small_farm.farm.layout.home
    visitor: Visitor = small_farm.visitor(small_farm.alice)
    opened = small_farm.farm.opened(small_farm.private)
    wiki = opened.wiki
    for slug in ("robert", "alice", "robert", "alice"):
        assert f"canary-{slug}" in _text(visitor.get(slug, "/Home"))
    assert wiki.repository.snapshot().read("Home.md"), "held, so still open"
    assert small_farm.farm.opened(small_farm.private) is not opened
