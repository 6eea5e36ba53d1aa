"""An Authorization header decides alone: a wiki's token, or 401, whatever the cookies say."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from werkzeug.test import Client, TestResponse

from otterwiki_engine.actor import Permission
from otterwiki_tenant import clock, tokens, users, wikis
from otterwiki_tenant.access import Credential
from otterwiki_tenant.credentials import CheckedTokens, CredentialRefused, bearer_token
from otterwiki_tenant.current import wiki_context
from otterwiki_tenant.errors import Unavailable
from otterwiki_tenant.testing import SmallFarm, base_url, identity_cookie


def _send(
    small_farm: SmallFarm, slug: str, header: str | None, path: str = "/Home", **options: object
) -> TestResponse:
    """A program's request: no cookies, no Origin."""
    headers = {} if header is None else {"Authorization": header}
    headers.update(options.pop("headers", {}))  # type: ignore[call-overload]
    client = Client(small_farm.front_door, use_cookies=False)
    return client.open(path, base_url=base_url(slug), headers=headers, **options)


def _save(small_farm: SmallFarm, slug: str, header: str | None) -> TestResponse:
    form = {"content": "# By a program\n", "commit": "x"}
    return _send(small_farm, slug, header, "/Program/save", method="POST", data=form)


@pytest.fixture
def token(small_farm: SmallFarm) -> str:
    return small_farm.tokens["alice"]


def test_c1_a_wikis_token_reads_and_writes_there(small_farm: SmallFarm, token: str) -> None:
    """Without cookie, Origin or form token: nobody's page can send such a header unasked."""
    assert "canary-alice" in _send(small_farm, "alice", f"Bearer {token}").get_data(as_text=True)
    assert _save(small_farm, "alice", f"bearer  {token}").status_code == 302
    with wiki_context(small_farm.farm, "alice") as entered:
        repository = entered.wiki.repository
        commit = repository.commit_object(repository.head() or "")
    assert commit.author.startswith(b"alice.test <did.plc.alice@")
    assert _send(small_farm, "alice", f"Bearer {token}", "/-/admin").status_code == 403


def test_c3_c6_a_token_is_worth_nothing_anywhere_else(small_farm: SmallFarm, token: str) -> None:
    """Not even reading a public wiki: a bad credential is told, not overlooked."""
    for slug in ("robert", "nadia"):
        for answer in (
            _send(small_farm, slug, f"Bearer {token}"),
            _save(small_farm, slug, f"Bearer {token}"),
        ):
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert "canary" not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "make",
    [
        lambda token: "",
        lambda token: token,
        lambda token: f"Basic {token}",
        lambda token: f"Bearer {token}x",
        lambda token: f"Bearer {token[:-1]}",
        lambda token: f"Bearer {token}, Bearer {token}",
        lambda token: f"Bearer {token} {token}",
        lambda token: f"Bearer\t{token}",
        lambda token: "Bearer " + token[:-1] + ("a" if token[-1] != "a" else "b"),
        lambda token: "Bearer rbt_" + "0" * 16 + token[20:],
        lambda token: "Bearer " + "x" * 9000,
        lambda token: "Bearer null",
    ],
)
def test_c1_everything_else_is_401_and_the_cookie_is_not_asked(
    small_farm: SmallFarm, token: str, make: Callable[[str], str]
) -> None:
    cookie = f"robot_identity={identity_cookie(small_farm.farm, small_farm.alice.did)}"
    for slug in ("alice", "robert"):
        for accept in ("text/html", "application/json"):
            headers = {"Cookie": cookie, "Accept": accept}
            answer = _send(small_farm, slug, make(token), headers=headers)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
            assert "Set-Cookie" not in answer.headers
            if accept == "application/json":
                assert answer.get_json()["code"] == "invalid_token"


def test_c6_a_platform_cookie_is_no_bearer_token(small_farm: SmallFarm) -> None:
    cookie = identity_cookie(small_farm.farm, small_farm.alice.did)
    assert _send(small_farm, "alice", f"Bearer {cookie}").status_code == 401


@pytest.mark.parametrize("name", ["access_token", "token", "api_key", "Authorization"])
def test_c1_a_token_in_the_address_is_none(small_farm: SmallFarm, token: str, name: str) -> None:
    for text in (token, f"Bearer%20{token}"):
        assert _send(small_farm, "alice", None, f"/Home?{name}={text}").status_code == 302


def test_c1_the_cookies_of_such_a_request_do_not_reach_otterwiki(
    small_farm: SmallFarm, token: str
) -> None:
    owner = small_farm.visitor(small_farm.robert)
    page = owner.get("robert", "/-/settings").get_data(as_text=True)
    assert "robert.test" in page
    cookie = f"robot_identity={identity_cookie(small_farm.farm, small_farm.robert.did)}"
    page = _send(
        small_farm, "alice", f"Bearer {token}", "/-/settings", headers={"Cookie": cookie}
    ).get_data(as_text=True)
    assert "robert.test" not in page


@pytest.mark.parametrize("state", ["suspended_at", "deleted_at"])
def test_a_token_of_somebody_who_is_gone_is_nothing(
    small_farm: SmallFarm, token: str, state: str
) -> None:
    assert _send(small_farm, "alice", f"Bearer {token}").status_code == 200
    with small_farm.farm.database.writing() as session:
        session.connection().exec_driver_sql(
            f"UPDATE users SET {state} = ? WHERE did = 'did:plc:alice'",
            (clock.timestamp(clock.now()),),
        )
    assert _send(small_farm, "alice", f"Bearer {token}").status_code == 401


def test_c7_the_makers_role_today_bounds_a_token(small_farm: SmallFarm, token: str) -> None:
    farm = small_farm.farm
    for role, can_write in (("owner", True), ("editor", True), ("viewer", False)):
        with farm.database.writing() as session:
            session.connection().exec_driver_sql(
                "UPDATE acls SET role = ? WHERE wiki_slug = 'alice' AND grantee_did = ?",
                (role, small_farm.alice.did),
            )
        admission = farm.admit_authorized("alice", f"Bearer {token}")
        assert admission.credential is Credential.WIKI_TOKEN
        assert admission.actor is not None
        assert admission.actor.client == "API token: first token"
        assert admission.actor.may(Permission.WRITE) == can_write
        assert not admission.actor.may(Permission.ADMIN)
    with farm.database.writing() as session:
        session.connection().exec_driver_sql("DELETE FROM acls WHERE wiki_slug = 'alice'")
    assert _send(small_farm, "alice", f"Bearer {token}").status_code == 401


def test_h6_a_wiki_made_again_takes_no_earlier_token(small_farm: SmallFarm, token: str) -> None:
    assert _send(small_farm, "alice", f"Bearer {token}").status_code == 200
    small_farm.farm.delete_wiki("alice")
    assert _send(small_farm, "alice", f"Bearer {token}").status_code == 401
    small_farm.make_wiki(small_farm.alice, is_public=True)
    assert _send(small_farm, "alice", f"Bearer {token}").status_code == 401
    assert _send(small_farm, "alice", f"Bearer {small_farm.tokens['alice']}").status_code == 200


def test_a_suspended_wiki_tells_its_people_and_nobody_else(
    small_farm: SmallFarm, token: str
) -> None:
    small_farm.farm.abuse_contact = "abuse@example.org"
    with small_farm.farm.database.writing() as session:
        wikis.suspend(session, "robert", clock.now())
        wikis.suspend(session, "alice", clock.now())
        assert users.by_did(session, small_farm.alice.did) is not None
    for slug in ("robert", "alice", "nadia"):
        assert small_farm.visitor().get(slug, "/Home").status_code == 302
        assert small_farm.visitor(small_farm.carol).get(slug, "/Home").status_code == 404
    for person, slug in (
        (small_farm.robert, "robert"), (small_farm.victor, "robert"), (small_farm.alice, "alice"),
    ):  # fmt: skip
        page = small_farm.visitor(person).get(slug, "/Home")
        assert page.status_code == 403
        assert "suspended" in page.get_data(as_text=True)
        assert "abuse@example.org" in page.get_data(as_text=True)
        assert "canary" not in page.get_data(as_text=True)
    answer = _send(small_farm, "alice", f"Bearer {token}", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.get_json()["code"]) == (403, "suspended")


# ------------------------------------------------------------------ what a check costs


class _Counted:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        original = tokens.bcrypt.checkpw

        def checkpw(*given: bytes) -> bool:
            self.count += 1
            return original(*given)

        monkeypatch.setattr(tokens.bcrypt, "checkpw", checkpw)


def test_i3_bcrypt_runs_once_for_a_token_and_never_for_junk(
    small_farm: SmallFarm, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = _Counted(monkeypatch)
    for _ in range(3):
        assert _send(small_farm, "alice", f"Bearer {token}").status_code == 200
    assert counted.count == 1
    for junk in ("x", "rbt_" + "1" * 16 + "_" + "a" * 40, small_farm.tokens["robert"], token + "a"):
        assert _send(small_farm, "alice", f"Bearer {junk}").status_code == 401
    assert counted.count == 1


def test_i3_a_changed_row_is_checked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    counted, checked = _Counted(monkeypatch), CheckedTokens()
    first, second = tokens.mint(rounds=4), tokens.mint(rounds=4)
    for _ in range(2):
        assert checked.is_right(first.text, token_id=first.token_id, token_hash=first.token_hash)
    assert counted.count == 1
    assert not checked.is_right(first.text, token_id=first.token_id, token_hash=second.token_hash)
    assert not checked.is_right(first.text, token_id=second.token_id, token_hash=first.token_hash)
    assert counted.count == 2


def test_i3_one_check_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who knows a token's public id can keep one core busy, not all of them."""
    monkeypatch.setattr("otterwiki_tenant.credentials._WAIT_SECONDS", 0.01)
    made, checked, begun, release = tokens.mint(rounds=4), CheckedTokens(), *_two_events()

    def slow(*_given: bytes) -> bool:
        begun.set()
        assert release.wait(10)
        return False

    monkeypatch.setattr(tokens.bcrypt, "checkpw", slow)
    wrong = made.text[:-1] + ("a" if made.text[-1] != "a" else "b")
    asked = {"token_id": made.token_id, "token_hash": made.token_hash}
    busy = threading.Thread(target=checked.is_right, args=(wrong,), kwargs=asked)
    busy.start()
    assert begun.wait(10)
    with pytest.raises(Unavailable):
        checked.is_right(made.text, **asked)
    release.set()
    busy.join()


def _two_events() -> tuple[threading.Event, threading.Event]:
    return threading.Event(), threading.Event()


def test_what_a_bearer_header_looks_like() -> None:
    assert bearer_token("Bearer abc") == "abc"
    assert bearer_token("BEARER   a.b-c_d~e+f/g== ") == "a.b-c_d~e+f/g=="
    for other in ("", "Bearer", "Bearer ", "Bearerabc", "Bearer a b", "Basic abc", "Bearer é"):
        assert bearer_token(other) is None


def test_the_refusal_is_the_same_for_every_wiki(small_farm: SmallFarm) -> None:
    said = set()
    for slug in ("alice", "robert", "nadia"):
        with pytest.raises(CredentialRefused) as refused:
            small_farm.farm.admit_authorized(slug, "Bearer x")
        said.add(str(refused.value))
    assert len(said) == 1
