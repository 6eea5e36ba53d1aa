"""Named tokens at a wiki's doors: by role, by credential, of the other wiki, revoked elsewhere."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from werkzeug.test import Client, TestResponse

from otterwiki_engine.actor import Permission
from otterwiki_tenant import clock, people, token_store, tokens, wiki_tokens
from otterwiki_tenant.access import Credential, Role
from otterwiki_tenant.audit import OPERATOR, By
from otterwiki_tenant.credentials import CredentialRefused, basic_password, sent_token
from otterwiki_tenant.current import wiki_context
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.testing import SmallFarm, base_url
from otterwiki_tenant.token_store import TokenRecord

READ, WRITE, UPLOAD, ADMIN = Permission.READ, Permission.WRITE, Permission.UPLOAD, Permission.ADMIN
SLUGS = ("alice", "robert")


def _send(
    small_farm: SmallFarm, slug: str, header: str | None, path: str = "/Home", **options: object
) -> TestResponse:
    headers = {} if header is None else {"Authorization": header}
    client = Client(small_farm.front_door, use_cookies=False)
    return client.open(path, base_url=base_url(slug), headers=headers, **options)


def _save(small_farm: SmallFarm, slug: str, header: str, text: str = "# By a program\n") -> int:
    form = {"content": text, "commit": "x"}
    return _send(small_farm, slug, header, "/Program/save", method="POST", data=form).status_code


def _token(farm: Farm, maker: str, role: Role, slug: str = "alice", **values: str) -> str:
    """A token whose maker is not necessarily the owner; returns its text."""
    made = tokens.mint(rounds=4)
    record = TokenRecord(
        id=made.token_id,
        wiki_slug=slug,
        name="laptop",
        role=role,
        maker_did=f"did:plc:{maker}",
        created_at=clock.timestamp(clock.now()),
        **values,
    )
    with farm.database.writing() as session:
        token_store.add(session, record, made)
    return made.text


def _head(farm: SmallFarm, slug: str) -> str | None:
    with wiki_context(farm.farm, slug) as entered:
        return entered.wiki.repository.head()


def bearer(token: str) -> str:
    return f"Bearer {token}"


def basic(token: str, user: str = "git") -> str:
    return "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()


# ---------------------------------------------------------------------- C4: role x credential

#: What a token's own role and its maker's role today come to, on a private wiki.
ALLOWED: dict[tuple[Role, str], set[Permission]] = {
    (Role.EDITOR, "alice"): {READ, WRITE, UPLOAD},  # the owner
    (Role.EDITOR, "edith"): {READ, WRITE, UPLOAD},  # an editor
    (Role.EDITOR, "victor"): {READ},  # a viewer
    (Role.VIEWER, "alice"): {READ},
    (Role.VIEWER, "edith"): {READ},
    (Role.VIEWER, "victor"): {READ},
}


@pytest.mark.parametrize("header", [bearer, basic], ids=["bearer", "basic"])
def test_c4_a_token_has_the_lesser_of_two_roles_by_every_credential(
    small_farm: SmallFarm, header: Callable[[str], str]
) -> None:
    farm = small_farm.farm
    walked = 0
    for (role, maker), allowed in ALLOWED.items():
        sent = header(_token(farm, maker, role))
        for is_public in (False, True):
            people.set_public(farm, "alice", is_public, OPERATOR)
            admission = farm.admit_authorized("alice", sent, allow_basic=True)
            assert admission.actor is not None
            assert admission.actor.permissions == allowed, (role, maker, is_public)
            assert admission.credential is Credential.WIKI_TOKEN
            assert admission.actor.did == f"did:plc:{maker}"
            assert admission.actor.client == "API token: laptop"
            assert admission.user is None, "no browser is signed in"
            assert admission.token_id is not None and admission.token_id in sent + _decoded(sent)
            walked += 1
    assert walked == 12
    for role, maker in itertools.product((Role.EDITOR, Role.VIEWER), ("carol", "robert")):
        for is_public in (False, True):
            people.set_public(farm, "alice", is_public, OPERATOR)
            with pytest.raises(CredentialRefused):
                farm.admit_authorized("alice", header(_token(farm, maker, role)), allow_basic=True)


def _decoded(header: str) -> str:
    kind, _, rest = header.partition(" ")
    return base64.b64decode(rest).decode() if kind == "Basic" else ""


def test_c4_a_viewers_token_reads_and_changes_nothing(small_farm: SmallFarm) -> None:
    farm = small_farm.farm
    made = wiki_tokens.make(
        farm, "alice", By(small_farm.alice.did), name="reader", role=Role.VIEWER
    )
    header = bearer(made.text)
    assert "canary-alice" in _send(small_farm, "alice", header).text
    assert _save(small_farm, "alice", header) == 403
    assert _send(small_farm, "alice", header, "/-/admin").status_code == 403
    with wiki_context(farm, "alice") as entered:
        assert not entered.wiki.repository.snapshot().exists("Program.md")


def test_c7_a_makers_role_acts_on_the_next_request(small_farm: SmallFarm) -> None:
    farm, owner = small_farm.farm, By(small_farm.alice.did)
    header = bearer(_token(farm, "edith", Role.EDITOR))
    assert _save(small_farm, "alice", header, "# one\n") == 302
    people.grant(farm, "alice", small_farm.edith.did, Role.VIEWER, owner)
    assert _save(small_farm, "alice", header, "# two\n") == 403
    assert _send(small_farm, "alice", header).status_code == 200
    people.grant(farm, "alice", small_farm.edith.did, Role.EDITOR, owner)
    assert _save(small_farm, "alice", header, "# three\n") == 302
    people.set_public(farm, "alice", True, owner)
    people.revoke(farm, "alice", small_farm.edith.did, owner)
    assert _send(small_farm, "alice", header).status_code == 401


def test_failure_12_a_commit_names_the_person_and_the_token(small_farm: SmallFarm) -> None:
    made = wiki_tokens.make(
        small_farm.farm, "alice", By(small_farm.alice.did), name="Ann's laptop", role=Role.EDITOR
    )
    assert _save(small_farm, "alice", bearer(made.text)) == 302
    with wiki_context(small_farm.farm, "alice") as entered:
        repository = entered.wiki.repository
        commit = repository.commit_object(repository.head() or "")
    assert commit.author.startswith(b"alice.test <did.plc.alice@")
    assert b"\nActor: did:plc:alice\nClient: API token: Ann's laptop\n" in commit.message


# ---------------------------------------------------------------------- C1: where a token counts


def test_c1_basic_counts_where_it_is_asked_for_only(small_farm: SmallFarm) -> None:
    farm, token = small_farm.farm, small_farm.tokens["alice"]
    for user in ("git", "", "alice.test", "ü", token):
        sent = basic(token, user)
        assert farm.admit_authorized("alice", sent, allow_basic=True).role is Role.EDITOR
        with pytest.raises(CredentialRefused):
            farm.admit_authorized("alice", sent)
        assert _send(small_farm, "alice", sent).status_code == 401  # the wiki's pages take none
        with pytest.raises(CredentialRefused):
            farm.admit_authorized("robert", sent, allow_basic=True)
    assert farm.admit_authorized("alice", bearer(token), allow_basic=True).role is Role.EDITOR


@pytest.mark.parametrize("path", ["/repo.git/x/save", "/repo.git/save", "/repo.git/HEAD/save"])
def test_c4_nothing_writes_a_page_below_the_repository(small_farm: SmallFarm, path: str) -> None:
    """A browser that was asked for a password sends Basic unasked, with any site's form."""
    form = {"content": "# Written\n", "commit": "x"}
    before = [_head(small_farm, slug) for slug in SLUGS]
    visitor = small_farm.visitor(small_farm.alice)
    for slug in SLUGS:
        token = small_farm.tokens[slug]
        for header in (basic(token), bearer(token), None):
            for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": base_url(slug)}):
                if header is not None:
                    headers = {**headers, "Authorization": header}
                client = Client(small_farm.front_door, use_cookies=False)
                answer = client.post(path, base_url=base_url(slug), data=form, headers=headers)
                assert answer.status_code in (401, 403, 404), (slug, header, headers)
        assert visitor.post(slug, path, data=form).status_code == 404
    assert [_head(small_farm, slug) for slug in SLUGS] == before


@pytest.mark.parametrize(
    ("method", "path", "is_gits"),
    [
        ("GET", "/repo.git/info/refs?service=git-upload-pack", True),
        ("HEAD", "/repo.git/info/refs?service=git-upload-pack", True),
        ("POST", "/repo.git/git-upload-pack", True),
        ("POST", "/repo.git/git-receive-pack", True),
        ("POST", "/repo.git/info/refs", False),
        ("GET", "/repo.git/git-upload-pack", False),
        ("PUT", "/repo.git/git-receive-pack", False),
        ("GET", "/repo.git", False),
        ("GET", "/repo.git/", False),
        ("GET", "/repo.git/HEAD", False),
        ("GET", "/repo.git/x/history", False),
        ("GET", "/repo.git/info/refs/", False),
        ("POST", "/repo.git/git-upload-pack/save", False),
        ("POST", "/x/repo.git/git-upload-pack", False),
    ],
)
def test_c4_basic_and_no_origin_are_for_gits_own_requests(
    small_farm: SmallFarm, method: str, path: str, is_gits: bool
) -> None:
    sent = basic(small_farm.tokens["alice"])
    answer = _send(small_farm, "alice", sent, path, method=method)
    assert (answer.status_code not in (401, 404)) == is_gits
    if method == "POST":
        nobodys = _send(small_farm, "alice", None, path, method=method)
        assert nobodys.status_code == (401 if is_gits else 403)


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic =",
        "Basic !!!!",
        "Basic YWxpY2U",  # no padding
        "Basic YWxpY2U=",  # no colon
        "Basic /////w==",  # not UTF-8
        "Basic " + base64.b64encode(b"a:b").decode() + " x",
        "Basic " + base64.b64encode(b"rbt_0123456789abcdef_" + b"a" * 40 + b":").decode(),
        "Basic " + base64.b64encode(b"a:Bearer rbt_0123456789abcdef_" + b"a" * 40).decode(),
        "Basic " + base64.b64encode(b"a:" + b"x" * 4000).decode(),
        "Basic " + base64.b64encode(b"a:\x00\n").decode(),
        "Digest username=x",
    ],
)
def test_i3_junk_in_a_basic_header_reaches_neither_registry_nor_bcrypt(
    small_farm: SmallFarm, header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> bool:
        raise AssertionError("asked for junk")

    monkeypatch.setattr(tokens.bcrypt, "checkpw", fail)
    monkeypatch.setattr(token_store, "presented", fail)
    for allow_basic in (True, False):
        with pytest.raises(CredentialRefused):
            small_farm.farm.admit_authorized("alice", header, allow_basic=allow_basic)


def test_what_a_basic_header_looks_like() -> None:
    assert basic_password("Basic YTpi") == "b"
    assert basic_password("bAsIc   OmI6Yzo= ") == "b:c:"
    assert basic_password("Basic YTo=") == ""
    assert basic_password("Bearer YTpi") is None
    assert sent_token("Basic YTpi", allow_basic=True) == "b"
    assert sent_token("Basic YTpi", allow_basic=False) is None
    assert sent_token("Bearer a.b", allow_basic=True) == "a.b"


# ---------------------------------------------------------------------- C3: the other wiki


def _addresses(small_farm: SmallFarm) -> Iterator[tuple[str, str]]:
    """Every address of a wiki with every method it answers to."""
    for rule in small_farm.app.url_map.iter_rules():
        special = {"path": "Home", "pagepath": "Home", "size": 8}
        built = rule.build({name: special.get(name, "x") for name in rule.arguments})
        assert built is not None, rule
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            yield method, built[1]


def test_c3_no_door_of_a_wiki_opens_to_another_wikis_token(small_farm: SmallFarm) -> None:
    """Nor to a revoked, expired or orphaned one of its own: 401 in the same words, and no effect;
    not even reading where anybody may read."""
    farm, alice, robert = small_farm.farm, By(small_farm.alice.did), By(small_farm.robert.did)
    revoked = wiki_tokens.make(farm, "robert", robert, name="old", role=Role.EDITOR)
    wiki_tokens.revoke(farm, "robert", revoked.listed.token.id, robert)
    an_hour_ago = clock.timestamp(clock.now() - timedelta(hours=1))
    others = {
        "first token": small_farm.tokens["alice"],
        "named": wiki_tokens.make(farm, "alice", alice, name="x", role=Role.EDITOR).text,
        "of an editor of both": _token(farm, "edith", Role.EDITOR, "alice"),
        "revoked": revoked.text,
        "expired": _token(farm, "robert", Role.EDITOR, "robert", expires_at=an_hour_ago),
        "of nobody there": _token(farm, "carol", Role.EDITOR, "robert"),
    }
    with wiki_context(farm, "robert") as entered:
        head = entered.wiki.repository.head()
    said: dict[tuple[str, str], set[str]] = {}
    doors = list(_addresses(small_farm))
    assert len(doors) > 80
    for name, token in others.items():
        for method, path in doors:
            answer = _send(small_farm, "robert", bearer(token), path, method=method)
            assert answer.status_code == 401, (name, method, path)
            assert "canary" not in answer.text
            if method != "HEAD":
                words = answer.json["detail"] if answer.is_json else answer.text
                said.setdefault((method, path), set()).add(words.strip())
    # In the same words whatever the token; git is told besides how to send one.
    assert {len(sentences) for sentences in said.values()} == {1}
    assert len(set().union(*said.values())) <= 2
    with wiki_context(farm, "robert") as entered:
        assert entered.wiki.repository.head() == head


def test_c3_two_wikis_of_one_owner_are_two_wikis(small_farm: SmallFarm) -> None:
    farm, owner = small_farm.farm, By(small_farm.alice.did)
    farm.create_wiki("alice-two", owner_did=small_farm.alice.did, template={"Home.md": b"# x\n"})
    made = {
        slug: wiki_tokens.make(farm, slug, owner, name="x", role=Role.EDITOR).text
        for slug in ("alice", "alice-two")
    }
    for slug, other in (("alice", "alice-two"), ("alice-two", "alice")):
        assert _send(small_farm, slug, bearer(made[slug])).status_code == 200
        assert _send(small_farm, slug, bearer(made[other])).status_code == 401


# ---------------------------------------------------------------------- C7: other processes


@pytest.fixture
def elsewhere(small_farm: SmallFarm) -> Iterator[Farm]:
    """The same farm as another process has it: with a memory of its own."""
    made = Farm(small_farm.farm.layout.home, small_farm.farm.domain, scheme="http", bcrypt_rounds=4)
    yield made
    made.close()


@pytest.mark.parametrize("how", ["revoked", "replaced", "wiki deleted", "row removed"])
def test_c7_what_another_process_ends_is_not_remembered_here(
    small_farm: SmallFarm, elsewhere: Farm, how: str
) -> None:
    """Both have checked the token and remember it."""
    owner = By(small_farm.alice.did)
    made = wiki_tokens.make(small_farm.farm, "alice", owner, name="x", role=Role.EDITOR)
    other = wiki_tokens.make(
        small_farm.farm, "robert", By(small_farm.robert.did), name="x", role=Role.EDITOR
    )
    farms = (small_farm.farm, elsewhere)
    for farm in farms:
        assert farm.admit_authorized("alice", bearer(made.text)).actor is not None
    token_id = made.listed.token.id
    if how == "revoked":
        wiki_tokens.revoke(elsewhere, "alice", token_id, owner)
    elif how == "replaced":
        wiki_tokens.replace_token(elsewhere, "alice", token_id, owner)
    elif how == "wiki deleted":
        elsewhere.delete_wiki("alice", by=owner)
    else:
        with elsewhere.database.writing() as session:
            session.connection().exec_driver_sql("DELETE FROM tokens WHERE id = ?", (token_id,))
    for farm in farms:
        with pytest.raises(CredentialRefused):
            farm.admit_authorized("alice", bearer(made.text))
        assert farm.admit_authorized("robert", bearer(other.text)).actor is not None
    assert _send(small_farm, "alice", bearer(made.text)).status_code == 401


# ---------------------------------------------------------------------- I3: what it costs


def test_i3_bcrypt_runs_once_a_token_and_never_for_what_is_over(
    small_farm: SmallFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm, owner = small_farm.farm, By(small_farm.alice.did)
    made = [
        wiki_tokens.make(farm, "alice", owner, name=f"t{n}", role=Role.EDITOR) for n in range(3)
    ]
    over = {
        "revoked": wiki_tokens.make(farm, "alice", owner, name="x", role=Role.EDITOR).text,
        "expired": _token(farm, "alice", Role.EDITOR, expires_at="2020-01-01T00:00:00Z"),
        "of nobody": _token(farm, "carol", Role.EDITOR),
        "of the other wiki": small_farm.tokens["robert"],
        "unknown id": "rbt_" + "0" * 16 + "_" + "a" * 40,
    }
    revoked_id = tokens.token_id_of(over["revoked"]) or ""
    wiki_tokens.revoke(farm, "alice", revoked_id, owner)
    calls: list[bytes] = []
    original = tokens.bcrypt.checkpw

    def counted(*given: bytes) -> bool:
        calls.append(given[0])
        return original(*given)

    monkeypatch.setattr(tokens.bcrypt, "checkpw", counted)
    for _ in range(3):
        for token in made:
            assert _send(small_farm, "alice", bearer(token.text)).status_code == 200
    assert len(calls) == 3
    for name, text in over.items():
        for slug in ("alice", "missing"):
            assert _send(small_farm, slug, bearer(text)).status_code == 401, name
    assert len(calls) == 3


def test_i3_a_token_costs_one_query_and_no_write(small_farm: SmallFarm) -> None:
    """Watched on the driver: whatever the answer is, and whether the wiki exists."""
    farm = small_farm.farm
    token = small_farm.tokens["alice"]
    farm.see(farm.admit_authorized("alice", bearer(token)).visit)
    seen: list[str] = []
    with farm.database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_trace_callback(seen.append)
    for slug, text in (
        ("alice", token),
        ("robert", token),
        ("missing", token),
        ("alice", small_farm.tokens["robert"]),
    ):
        seen.clear()
        try:
            farm.see(farm.admit_authorized(slug, bearer(text)).visit)
        except CredentialRefused:
            assert (slug, text) != ("alice", token)
        kinds = [statement.split()[0].upper() for statement in seen]
        assert kinds.count("SELECT") == 1, (slug, seen)
        assert not {"INSERT", "UPDATE", "DELETE"} & set(kinds)


def test_i4_a_pages_use_of_a_token_is_kept_once_an_hour(small_farm: SmallFarm) -> None:
    farm = small_farm.farm
    for _ in range(2):
        with _send(small_farm, "alice", bearer(small_farm.tokens["alice"])) as answer:
            assert answer.status_code == 200
    with farm.database.reading() as session:
        (mine,) = token_store.of_wiki(session, "alice")
        (other,) = token_store.of_wiki(session, "robert")
    assert mine.token.last_used_at is not None
    assert clock.now() - clock.parse(mine.token.last_used_at) < timedelta(minutes=5)
    assert other.token.last_used_at is None
