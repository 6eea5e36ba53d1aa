"""Clones from a farm, through its front door: tokens, roles and visibility as they are now.

Two wikis: Alice's is private, Robert's public. Nothing of one is read with a token of the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server
from werkzeug.test import Client, TestResponse

from otterwiki_engine.authorship import Author
from otterwiki_git_http.settings import read_settings
from otterwiki_tenant import people, wikis
from otterwiki_tenant.access import Role
from otterwiki_tenant.clock import now
from otterwiki_tenant.current import wiki_context
from otterwiki_tenant.identity import COOKIE_NAME
from otterwiki_tenant.origins import REFUSED
from otterwiki_tenant.people import By
from otterwiki_tenant.testing import DOMAIN, SmallFarm, base_url, identity_cookie
from otterwiki_tenant.wiki_tokens import make, revoke

from .facts import check, head_of, objects_in, objects_of
from .served import _Quiet, git

REFS = "/repo.git/info/refs?service=git-upload-pack"
PACK = "/repo.git/git-upload-pack"


@dataclass
class FarmSite:
    """A farm on a free port of the loopback interface."""

    farm: SmallFarm
    port: int = 0
    requests: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _path: None

    def url(self, slug: str, token: str = "") -> str:
        who = f"git:{token}@" if token else ""
        return f"http://{who}{slug}.{DOMAIN}:{self.port}/repo.git"

    def git(self, *arguments: str, **options: Any) -> str:
        found = []
        for slug in ("alice", "robert", "nadia"):
            found += ["-c", f"http.curloptResolve={slug}.{DOMAIN}:{self.port}:127.0.0.1"]
        return git(*found, *arguments, **options)

    def save(self, slug: str, path: str, content: str) -> str:
        with wiki_context(self.farm.farm, slug) as entered:
            return entered.wiki.repository.commit(
                {path: content.encode()}, base=None, author=Author("A", "a@b"), message="x"
            ).revision

    def head(self, slug: str) -> str:
        with wiki_context(self.farm.farm, slug) as entered:
            return str(entered.wiki.repository.head())

    def app(self, environ: Any, start_response: Any) -> Any:
        self.requests.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        self.before(environ["PATH_INFO"])
        return self.farm.front_door(environ, start_response)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[FarmSite]:
    farm = SmallFarm(tmp_path / "home")
    made = FarmSite(farm)
    server = make_server("127.0.0.1", 0, made.app, threaded=True, request_handler=_Quiet)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()
    farm.close()


def ask(farm: SmallFarm, slug: str, path: str = REFS, **options: Any) -> TestResponse:
    """A request without git, as a program sends it unless `options` say otherwise."""
    client = Client(farm.front_door, use_cookies=False)
    return client.open(path, base_url=base_url(slug), **options)


def test_a_public_wiki_is_cloned_by_anybody(site: FarmSite, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    site.git("clone", site.url("robert"), str(clone))
    assert head_of(clone) == site.head("robert")
    check(clone)
    site.save("robert", "New.md", "# New\n")
    site.git("pull", cwd=clone)
    assert (clone / "New.md").exists()
    assert "canary-alice" not in git("log", "-p", cwd=clone)
    site.git("clone", "--depth", "1", site.url("robert"), str(tmp_path / "shallow"))
    check(tmp_path / "shallow")


def test_a_private_wiki_is_cloned_with_its_token(site: FarmSite, tmp_path: Path) -> None:
    token = site.farm.tokens["alice"]
    site.git("clone", site.url("alice", token), str(tmp_path / "basic"))
    bearer = ["-c", f"http.extraHeader=Authorization: Bearer {token}"]
    site.git(*bearer, "clone", site.url("alice"), str(tmp_path / "bearer"))
    for clone in (tmp_path / "basic", tmp_path / "bearer"):
        assert head_of(clone) == site.head("alice")
        check(clone)
    site.save("alice", "New.md", "# New\n")
    site.git("pull", cwd=tmp_path / "basic")
    assert head_of(tmp_path / "basic") == site.head("alice")


def test_h5_private_and_missing_wikis_answer_alike(site: FarmSite, tmp_path: Path) -> None:
    said = {
        slug: site.git("clone", site.url(slug), str(tmp_path / slug), check=False)
        .replace(slug, "SLUG") for slug in ("alice", "nadia")
    }  # fmt: skip
    assert "could not read Username" in said["alice"]
    assert said["alice"] == said["nadia"]
    asked: list[tuple[str, dict[str, str]]] = [
        (REFS, {}), (PACK, {"method": "POST"}), ("/repo.git/HEAD", {})
    ]  # fmt: skip
    answers = [
        ask(site.farm, slug, path, **options)
        for slug in ("alice", "nadia")
        for path, options in asked
    ]
    for private, missing in zip(answers[:3], answers[3:], strict=True):
        assert private.status_code == missing.status_code == 401
        assert private.data == missing.data
        assert private.headers["WWW-Authenticate"] == 'Basic realm="wiki", charset="UTF-8"'
        assert private.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert [*private.headers] == [*missing.headers]


def test_c3_failure_1_a_token_of_one_wiki_opens_no_other(site: FarmSite, tmp_path: Path) -> None:
    for slug, other in (("alice", "robert"), ("robert", "alice"), ("nadia", "alice")):
        token = site.farm.tokens[other]
        header = ["-c", f"http.extraHeader=Authorization: Bearer {token}"]
        said = site.git(*header, "clone", site.url(slug), str(tmp_path / slug), check=False)
        assert "fatal" in said
        assert not (tmp_path / slug).exists()
        answer = ask(site.farm, slug, headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.headers["WWW-Authenticate"][:5]) == (401, "Basic")
    wrong = site.url("alice", site.farm.tokens["robert"])
    said = site.git("clone", wrong, str(tmp_path / "clone"), check=False)
    assert "remote: This token is not one of this wiki's, or not valid any more." in said
    assert "Authentication failed" in said


def test_c1_a_token_in_the_query_or_a_cookie_is_none(site: FarmSite) -> None:
    token = site.farm.tokens["alice"]
    for path in (f"{REFS}&access_token={token}", f"{REFS}&token={token}"):
        assert ask(site.farm, "alice", path).status_code == 401
    answer = ask(site.farm, "alice", headers={"Cookie": f"{COOKIE_NAME}={token}"})
    assert answer.status_code == 401


def test_c4_basic_is_for_git_only(site: FarmSite) -> None:
    from base64 import b64encode

    token = site.farm.tokens["alice"]
    basic = {"Authorization": "Basic " + b64encode(f"x:{token}".encode()).decode()}
    assert ask(site.farm, "alice", headers=basic).status_code == 200
    for path in ("/Home", "/-/changelog", "/repo.gitx", "/repo.git.md", "/static/css/halfmoon.css"):
        assert ask(site.farm, "alice", path, headers=basic).status_code == 401


def test_c7_every_role_reads_and_only_while_it_has_one(site: FarmSite, tmp_path: Path) -> None:
    farm, slug = site.farm.farm, "alice"
    owner = By(site.farm.alice.did, None)
    viewers = make(farm, slug, name="v", role=Role.VIEWER, lifetime_days=None, by=owner)
    clone = tmp_path / "clone"
    site.git("clone", site.url(slug, viewers.text), str(clone))
    site.save(slug, "New.md", "# New\n")
    revoke(farm, slug, viewers.listed.token.id, owner)
    said = site.git("fetch", cwd=clone, check=False)
    assert "Authentication failed" in said
    assert head_of(clone, "origin/main") != site.head(slug)


def test_f8_a_member_removed_between_refs_and_pack_gets_no_pack(
    site: FarmSite, tmp_path: Path
) -> None:
    farm = site.farm.farm

    def remove(path: str) -> None:
        if path == PACK:
            people.delete_account(farm, site.farm.alice.did, By(site.farm.alice.did, None))

    site.before = remove
    token = site.farm.tokens["alice"]
    said = site.git("clone", site.url("alice", token), str(tmp_path / "clone"), check=False)
    assert f"POST {PACK}" in site.requests
    assert "fatal" in said
    assert not list(tmp_path.rglob("clone/**/*.pack"))


def test_f8_private_public_private(site: FarmSite, tmp_path: Path) -> None:
    farm, owner = site.farm.farm, By(site.farm.alice.did, None)
    clone = tmp_path / "clone"
    assert "fatal" in site.git("clone", site.url("alice"), str(clone), check=False)
    people.set_public(farm, "alice", True, owner)
    site.git("clone", site.url("alice"), str(clone))
    site.save("alice", "New.md", "# New\n")

    def close(path: str) -> None:
        if path == PACK:
            people.set_public(farm, "alice", False, owner)

    site.before = close
    before = objects_in(clone)
    assert "fatal" in site.git("fetch", cwd=clone, check=False)
    assert objects_in(clone) == before


def test_a_suspended_wiki_tells_its_people(site: FarmSite, tmp_path: Path) -> None:
    with site.farm.farm.database.writing() as session:
        wikis.suspend(session, "alice", now())
    token = site.farm.tokens["alice"]
    said = site.git("clone", site.url("alice", token), str(tmp_path / "clone"), check=False)
    assert "remote: The operator of this server has suspended this wiki." in said


def test_f6_a_push_is_refused_in_words(site: FarmSite, tmp_path: Path) -> None:
    token, clone = site.farm.tokens["alice"], tmp_path / "clone"
    site.git("clone", site.url("alice", token), str(clone))
    before = site.head("alice")
    git("commit", "--allow-empty", "-qm", "mine", cwd=clone)
    said = site.git("push", "origin", "HEAD:main", cwd=clone, check=False)
    assert "remote: This repository can be cloned and fetched, but not pushed to." in said
    assert site.head("alice") == before
    answer = ask(
        site.farm, "alice", "/repo.git/git-receive-pack", method="POST",
        headers={"Authorization": f"Bearer {token}"}, data=b"0000",
    )  # fmt: skip
    assert answer.status_code == 403
    assert b"not pushed to" in answer.data


# ------------------------------------------------------------------ beside browsers


def test_a_signed_in_member_may_read_with_their_browser(site: FarmSite) -> None:
    """Cookies are not what git uses, but they say who somebody is all the same."""
    visitor = site.farm.visitor(site.farm.alice)
    visitor.get("alice", "/Home")
    answer = visitor.get("alice", REFS)
    assert answer.status_code == 200
    assert site.head("alice") in answer.get_data(as_text=True)
    page = visitor.get("alice", "/repo.git", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "git clone" in page.get_data(as_text=True)
    stranger = site.farm.visitor(site.farm.carol)
    assert stranger.get("alice", REFS).status_code == 404


def test_somebody_with_a_browser_is_sent_to_sign_in(site: FarmSite) -> None:
    """And not asked for a password in a window of the browser's own."""
    answer = site.farm.visitor().get("alice", "/repo.git", headers={"Accept": "text/html"})
    assert answer.status_code == 302
    assert "/auth/login" in answer.headers["Location"]
    assert "WWW-Authenticate" not in answer.headers


def test_d6_the_guards_of_forms_hold_where_there_is_a_cookie(site: FarmSite) -> None:
    cookie = f"{COOKIE_NAME}={identity_cookie(site.farm.farm, site.farm.robert.did)}"
    body = b"0000"
    for headers in (
        {"Cookie": cookie},
        {"Cookie": cookie, "Origin": base_url("alice")},
        {"Cookie": "anything=1"},
        {"Cookie": cookie, "Sec-Fetch-Site": "same-site"},
    ):
        answer = ask(site.farm, "robert", PACK, method="POST", headers=headers, data=body)
        assert answer.status_code == 403
        assert answer.get_data(as_text=True).strip() == REFUSED
    answer = ask(site.farm, "robert", PACK, method="POST", data=body)
    assert (answer.status_code, answer.data) == (200, b"")
    own = {"Cookie": cookie, "Origin": base_url("robert")}
    assert ask(site.farm, "robert", PACK, method="POST", headers=own, data=body).status_code == 200
    assert ask(site.farm, "robert", "/Home/save", method="POST", data={}).status_code == 403


def test_d10_nobody_else_keeps_a_copy(site: FarmSite) -> None:
    for path in (REFS, "/repo.git/HEAD"):
        headers = ask(site.farm, "robert", path).headers
        assert headers["Cache-Control"] == "private, no-store"
        assert "Cookie" in headers["Vary"]


def test_h6_a_wiki_made_again_inherits_no_pack(site: FarmSite, tmp_path: Path) -> None:
    token = site.farm.tokens["alice"]
    site.save("alice", "Diary.md", "# Of the wiki that is gone\n")
    site.git("clone", site.url("alice", token), str(tmp_path / "before"))
    diary = git("rev-parse", "HEAD:Diary.md", cwd=tmp_path / "before").strip()
    folder = site.farm.farm.layout.wiki("alice") / "git-http"
    assert list(folder.glob("*.pack"))
    site.farm.farm.delete_wiki("alice")
    assert not folder.exists()
    site.farm.make_wiki(site.farm.alice, is_public=True)
    site.save("alice", "Home.md", "# Another\n")
    site.git("clone", site.url("alice"), str(tmp_path / "after"))
    found = objects_in(tmp_path / "after")
    assert found == objects_of(tmp_path / "after", "HEAD")
    assert not found & {diary, head_of(tmp_path / "before")}


def test_f7_what_was_committed_once_is_cloned(site: FarmSite, tmp_path: Path) -> None:
    """A deleted page is in the history, and so in every clone: the README says so."""
    site.save("robert", "Once.md", "said once")
    with wiki_context(site.farm.farm, "robert") as entered:
        entered.wiki.repository.commit(
            {"Once.md": None}, base=None, author=Author("A", "a@b"), message="x"
        )
    site.git("clone", site.url("robert"), str(tmp_path / "clone"))
    assert "said once" in git("log", "-p", cwd=tmp_path / "clone")
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text("utf-8")
    assert "ever committed" in readme


def test_places_for_clones_are_shared_by_the_farm(site: FarmSite, tmp_path: Path) -> None:
    site.git("clone", site.url("robert"), str(tmp_path / "clone"))
    settings = read_settings(site.farm.app.config, {})
    assert settings.run_folder == site.farm.farm.layout.run / "git-http"
    assert not (site.farm.farm.layout.wiki("robert") / "git-http" / "places").exists()
