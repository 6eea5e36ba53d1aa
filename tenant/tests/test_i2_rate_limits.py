"""How often anybody may ask, at the front door: whose requests are counted together, and what is
said to whom."""

from __future__ import annotations

import multiprocessing
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Response

from otterwiki_tenant import confirmations, rate_limits, tokens, wiki_tokens
from otterwiki_tenant.access import Role
from otterwiki_tenant.audit import By
from otterwiki_tenant.credentials import CheckedTokens
from otterwiki_tenant.errors import Unavailable
from otterwiki_tenant.identity import COOKIE_NAME
from otterwiki_tenant.rate_limits import (
    RULES,
    Kind,
    Of,
    RateLimits,
    Rates,
    TooMany,
    at_address,
    of_person,
    of_token,
    of_token_at,
)
from otterwiki_tenant.rate_store import FILE_NAME
from otterwiki_tenant.request_kinds import kind_at_root, kind_at_wiki
from otterwiki_tenant.testing import SmallFarm, base_url, identity_cookie
from otterwiki_tenant.users import User
from otterwiki_tenant.wsgi import FarmMiddleware

START = 1_700_000_100.0  # the first second of a minute, and of five
RATES = Rates(
    anonymous_reads=20,
    anonymous_searches=5,
    reads=1200,
    writes=10,
    clones=4,
    sign_ins=6,
    bad_credentials=5,
    all_bad_credentials=8,
    bad_secrets=7,
)


class Clock:
    """Stands still unless it is told to go on."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Door:
    """The front door of a farm with limits, before an application that always answers."""

    def __init__(self, small_farm: SmallFarm, limits: RateLimits, clock: Clock) -> None:
        self.small_farm = small_farm
        self.limits = limits
        self.clock = clock
        self.middleware = FarmMiddleware(
            small_farm.farm,
            wiki_app=Response("read", mimetype="text/plain"),
            root_app=self._root,
            health_app=Response("healthy", mimetype="text/plain"),
            rate_limits=limits,
        )

    @staticmethod
    def _root(environ: Any, start_response: Any) -> Any:
        status = 401 if "HTTP_AUTHORIZATION" in environ else 200
        return Response("root", status, mimetype="text/plain")(environ, start_response)

    def ask(
        self,
        slug: str | None = "robert",
        path: str = "/Home",
        *,
        person: str | None = None,
        token: str | None = None,
        peer: str = "203.0.113.7",
        method: str = "GET",
        **headers: str,
    ) -> TestResponse:
        """One request; `person` is the value of somebody's platform cookie."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if person:
            sent["Cookie"] = f"{COOKIE_NAME}={person}"
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if method != "GET":
            sent["Origin"] = base_url(slug)
        return Client(self.middleware, use_cookies=False).open(
            path,
            base_url=base_url(slug),
            method=method,
            headers=sent,
            environ_base={"REMOTE_ADDR": peer},
        )

    def let_through(self, tries: int, **request: Any) -> int:
        """How many of so many requests are not answered 429."""
        return sum(self.ask(**request).status_code != 429 for _ in range(tries))


@pytest.fixture(scope="module")
def farm_of_the_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallFarm]:
    made = SmallFarm(tmp_path_factory.mktemp("limits") / "home")
    yield made
    made.close()


@pytest.fixture
def door(farm_of_the_module: SmallFarm, tmp_path: Path) -> Iterator[Door]:
    """Nothing is counted yet, and no token is known to be right."""
    farm_of_the_module.farm.checked_tokens = CheckedTokens()
    clock = Clock()
    limits = RateLimits(tmp_path, RATES, now=clock)
    yield Door(farm_of_the_module, limits, clock)
    limits.close()


def cookie_of(door: Door, person: User) -> str:
    return identity_cookie(door.small_farm.farm, person.did)


# ------------------------------------------------------------------ who is counted together


def test_i2_strangers_are_counted_by_address(door: Door) -> None:
    assert door.let_through(30) == 20
    assert door.let_through(5, slug="alice") == 0  # on every wiki, and at those there are not
    assert door.let_through(5, slug="nadia") == 0
    assert door.let_through(30, peer="203.0.113.8") == 20


@pytest.mark.parametrize(
    ("first", "second", "are_one"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),  # one customer's network
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("", "", True),  # from a socket file: not known
    ],
)
def test_i2_an_ipv6_address_stands_for_its_network(
    door: Door, first: str, second: str, are_one: bool
) -> None:
    assert door.let_through(20, peer=first) == 20
    assert door.let_through(20, peer=second) == (0 if are_one else 20)


def test_i2_forwarded_addresses_of_untrusted_peers_do_nothing(door: Door) -> None:
    for number in range(20):
        assert door.ask(X_Forwarded_For=f"198.51.100.{number}").status_code == 200
    assert door.ask(X_Forwarded_For="198.51.100.77").status_code == 429
    assert door.ask(X_Forwarded_For="203.0.113.8", Forwarded="for=203.0.113.9").status_code == 429


def test_i2_the_proxys_word_counts_and_only_its_own(door: Door) -> None:
    """What stands before its entry came from outside."""
    said = {"peer": "127.0.0.1", "X_Forwarded_For": "10.0.0.1, 203.0.113.50"}
    assert door.let_through(30, **said) == 20
    said["X_Forwarded_For"] = "10.9.9.9, 203.0.113.50"
    assert door.let_through(1, **said) == 0
    said["X_Forwarded_For"] = "203.0.113.51"
    assert door.let_through(1, **said) == 1


def test_i2_1200_reads_a_minute_of_somebody_signed_in_pass(door: Door) -> None:
    """At the lowest rate there can be, from any number of addresses."""
    with pytest.raises(ValueError, match="1200"):
        Rates(reads=1199)
    cookie = cookie_of(door, door.small_farm.victor)
    for number in range(1200):
        slug, peer = ("alice", "robert")[number % 2], f"198.51.100.{number % 200}"
        assert door.ask(slug, person=cookie, peer=peer).status_code == 200
    assert door.ask("alice", person=cookie).status_code == 429
    assert door.ask("alice", person=cookie_of(door, door.small_farm.edith)).status_code == 200


def test_i2_one_wikis_agent_at_its_limit_slows_nobody_else(door: Door) -> None:
    """All from one address, as the agents of one company are."""
    tokens = door.small_farm.tokens
    write: dict[str, Any] = {"path": "/Home/save", "method": "POST"}
    assert door.let_through(15, slug="alice", token=tokens["alice"], **write) == 10
    assert door.let_through(10, slug="robert", token=tokens["robert"], **write) == 10
    owner = cookie_of(door, door.small_farm.alice)
    assert door.let_through(10, slug="alice", person=owner, **write) == 10
    assert door.ask("alice", token=tokens["alice"]).status_code == 200  # it can still read


def test_i2_searches_clones_and_writes_are_counted_by_themselves(door: Door) -> None:
    assert door.let_through(8, path="/-/search/otter") == 5
    assert door.let_through(8, path="/-/search", method="POST") == 0
    assert door.let_through(8, path="/repo.git/git-upload-pack", method="POST") == 4
    assert door.let_through(15, path="/Home/save", method="POST") == 10
    assert door.let_through(25) == 20


def test_i2_static_files_and_health_are_not_counted(door: Door) -> None:
    assert door.let_through(25) == 20
    assert door.let_through(60, path="/static/css/otterwiki.css") == 60
    assert door.let_through(5, path="/health") == 5
    assert door.let_through(60, slug=None, path="/static/css/otterwiki.css") == 60


def test_i2_sign_in_pages_of_one_address(door: Door) -> None:
    assert door.let_through(9, slug=None, path="/auth/login") == 6
    assert door.let_through(3, slug=None, path="/auth/login", method="POST") == 0
    assert door.let_through(3, path=confirmations.PATH) == 0, "where a sign-in comes back to"
    assert door.let_through(25, slug=None, path="/") == 20
    assert door.let_through(9, slug=None, path="/auth/login", peer="203.0.113.9") == 6


def test_i2_on_the_root_host_a_browser_is_counted_by_its_session(door: Door) -> None:
    """Whoever shares its address uses up nothing of it; nor does it take a query to tell."""
    alice = cookie_of(door, door.small_farm.alice)
    assert door.let_through(25, slug=None, path="/") == 20
    assert door.let_through(9, slug=None, path="/auth/login") == 6
    write: dict[str, Any] = {"slug": None, "path": "/app/settings", "method": "POST"}
    assert door.let_through(15, **write) == 10
    assert door.let_through(25, slug=None, path="/", person=alice) == 25
    assert door.let_through(15, person=alice, **write) == 10
    assert door.let_through(9, slug=None, path="/auth/login", person=alice) == 6
    other = cookie_of(door, door.small_farm.robert)
    assert door.let_through(5, person=other, **write) == 5
    for forged in ("junk", alice[:-4] + "AAAA"):
        assert door.let_through(1, slug=None, path="/", person=forged) == 0
    header = {"Authorization": "Bearer x"}
    assert door.let_through(1, slug=None, path="/", person=alice, **header) == 0, "it decides alone"


def test_i2_forms_that_sign_in_are_counted_by_address(door: Door) -> None:
    """A rightly signed cookie outlives its session; a hundred of them are no hundred people."""
    people = [door.small_farm.alice, door.small_farm.robert]
    form: dict[str, Any] = {"slug": None, "path": "/auth/login", "method": "POST"}
    passed = [door.let_through(4, person=cookie_of(door, person), **form) for person in people]
    assert passed == [4, 2]


@pytest.mark.parametrize("slug", [None, "robert"])
@pytest.mark.parametrize("part", ["image", "script", "style", "font", "iframe", "object", "x"])
def test_i2_another_sites_images_use_up_no_sign_ins(
    door: Door, part: str, slug: str | None
) -> None:
    path = "/auth/login" if slug is None else confirmations.PATH
    for _ in range(9):
        assert door.ask(slug, path, Sec_Fetch_Dest=part).status_code == 403
    passed = sum(
        door.let_through(3, slug=slug, path=path, Sec_Fetch_Dest=page)
        for page in ("document", "empty", "")
    )
    assert passed == 6
    assert door.ask(None, "/", Sec_Fetch_Dest=part).status_code == 200


# ------------------------------------------------------------------ guessing tokens


def junk(number: int) -> str:
    return f"rbt_{number:016x}_" + "a" * 40


def test_i2_who_guesses_tokens_is_not_listened_to(door: Door) -> None:
    token = door.small_farm.tokens["alice"]
    for number in range(5):
        assert door.ask("alice", token=junk(number)).status_code == 401
    assert door.ask("alice", token=junk(9)).status_code == 429
    assert door.ask("alice", token=token).status_code == 429, "no oracle"
    assert door.ask("alice", token=token, peer="203.0.113.8").status_code == 200
    robert = door.small_farm.tokens["robert"]
    assert door.ask("robert", token=robert).status_code == 200, "another wiki's is not slowed"
    for number in range(3):
        assert door.ask("robert", token=junk(number)).status_code == 401
    assert door.ask("nadia", token=junk(9)).status_code == 429, "eight at all wikis together"
    door.clock.now += 600
    assert door.ask("alice", token=token).status_code == 200


def _bcrypt_checks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The secrets that are checked from now on."""
    checked: list[bytes] = []
    original = tokens.bcrypt.checkpw

    def checkpw(secret: bytes, hashed: bytes) -> bool:
        checked.append(secret)
        return original(secret, hashed)

    monkeypatch.setattr(tokens.bcrypt, "checkpw", checkpw)
    return checked


def wrong_secret(token: str) -> str:
    return token[:-1] + ("a" if token[-1] != "a" else "b")


def test_i2_a_neighbour_who_guesses_locks_out_nobody_known(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One address may be a whole country's, or all of a company's agents."""
    farm, owner = door.small_farm.farm, By(door.small_farm.alice.did)
    made = wiki_tokens.make(farm, "alice", owner, name="ci", role=Role.VIEWER)
    assert door.ask("alice", token=made.text).status_code == 200
    for number in range(5):
        assert door.ask("alice", token=junk(number)).status_code == 401
    checked = _bcrypt_checks(monkeypatch)
    assert door.ask("alice", token=made.text).status_code == 200
    guesses = (door.small_farm.tokens["alice"], wrong_secret(made.text), junk(9), "junk")
    answers = [door.ask("alice", token=token) for token in guesses]
    assert {answer.status_code for answer in answers} == {429}
    assert len({(answer.data, answer.headers["Retry-After"]) for answer in answers}) == 1
    assert checked == [], "right or wrong, none was looked at"
    assert door.ask("robert", token=made.text).status_code == 401, "it is alice's only"
    wiki_tokens.revoke(farm, "alice", made.listed.token.id, owner)
    assert door.ask("alice", token=made.text).status_code == 429
    assert checked == []


def test_i3_a_token_id_that_many_know_keeps_no_processor_busy(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From any number of addresses; and it tells nobody which ids and wikis there are."""
    token = door.small_farm.tokens["alice"]
    checked = _bcrypt_checks(monkeypatch)

    def guess(slug: str, text: str) -> list[tuple[int, bytes]]:
        answers = [door.ask(slug, token=text, peer=f"198.51.100.{n}") for n in range(10)]
        return [(answer.status_code, answer.data) for answer in answers]

    found = guess("alice", wrong_secret(token))
    assert [status for status, _ in found] == [401] * 7 + [429] * 3
    assert len(checked) == 7
    assert door.ask("alice", token=token, peer="192.0.2.1").status_code == 429, "no oracle"
    for slug, other in (("alice", junk(1)), ("robert", token), ("nadia", token)):
        assert guess(slug, other) == found
    assert len(checked) == 7
    robert = door.small_farm.tokens["robert"]
    assert door.ask("robert", token=robert, peer="192.0.2.1").status_code == 200
    door.clock.now += 600
    assert door.ask("alice", token=token).status_code == 200
    guess("alice", wrong_secret(token))
    assert door.ask("alice", token=token, peer="192.0.2.1").status_code == 200, "it is remembered"


def test_i3_a_check_is_counted_before_it_begins(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that any number of requests at the same time are no more than the limit."""
    token = door.small_farm.tokens["alice"]
    token_id = tokens.token_id_of(token)
    assert token_id
    for _ in range(6):
        assert door.limits.take(Kind.BAD_CREDENTIAL, of_token_at(token_id, "alice")) is None
    meanwhile: list[int] = []

    def checkpw(*_given: bytes) -> bool:
        meanwhile.append(door.ask("alice", token=token, peer="192.0.2.1").status_code)
        return False

    monkeypatch.setattr(tokens.bcrypt, "checkpw", checkpw)
    assert door.ask("alice", token=wrong_secret(token)).status_code == 401
    assert meanwhile == [429]


def test_i3_checks_of_right_tokens_count_for_nothing(door: Door) -> None:
    """A server with many processes, or more tokens than it remembers, checks some often."""
    for _ in range(15):
        door.small_farm.farm.checked_tokens = CheckedTokens()
        token = door.small_farm.tokens["alice"]
        assert door.ask("alice", token=token).status_code == 200


def test_i2_right_tokens_and_cookies_are_no_guesses(door: Door) -> None:
    token = door.small_farm.tokens["alice"]
    for _ in range(15):
        assert door.ask("alice", token=token).status_code == 200
    for _ in range(15):
        assert door.ask("alice", person="junk").status_code == 302


def test_i2_bad_credentials_at_the_root_host_count(door: Door) -> None:
    answers = [door.ask(None, "/api/me", token=junk(number)).status_code for number in range(8)]
    assert answers == [401] * 5 + [429] * 3
    assert door.ask(None, "/api/me").status_code == 200


# ------------------------------------------------------------------ what is said


def test_i2_a_person_gets_a_page_and_a_time(door: Door) -> None:
    door.let_through(20)
    for slug in ("robert", None):
        answer = door.ask(slug, Accept="text/html")
        page = answer.get_data(as_text=True)
        assert answer.status_code == 429
        assert answer.mimetype == "text/html"
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert "20 pages a minute" in page
        assert f"{answer.headers['Retry-After']} seconds" in page


def test_i2_a_program_gets_a_problem(door: Door) -> None:
    door.let_through(20)
    for slug in ("robert", None):
        answer = door.ask(slug, "/api/v1/pages")
        document = answer.get_json()
        assert answer.mimetype == "application/problem+json"
        assert document["status"] == answer.status_code == 429
        assert document["title"] == "Too Many Requests"
        assert document["code"] == "too_many_requests"
        assert document["error"] == document["detail"]
        assert "a minute" in document["detail"]
        assert int(answer.headers["Retry-After"]) > 0


def test_i2_git_gets_text(door: Door) -> None:
    door.let_through(20)
    answer = door.ask("robert", "/repo.git/info/refs?service=git-upload-pack")
    assert (answer.status_code, answer.mimetype) == (429, "text/plain")
    assert "a minute" in answer.get_data(as_text=True)
    assert int(answer.headers["Retry-After"]) > 0


def test_i2_coming_back_after_the_time_works(door: Door) -> None:
    door.let_through(20)
    wait = int(door.ask().headers["Retry-After"])
    door.clock.now += wait - 2
    assert door.ask().status_code == 429
    door.clock.now += 2
    assert door.ask().status_code == 200


@given(
    steps=st.lists(st.tuples(st.floats(0, 90), st.integers(1, 30)), min_size=1, max_size=8),
    clones=st.integers(1, 9),
)
def test_i2_the_time_told_is_right_and_never_two_seconds_too_long(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[float, int]], clones: int
) -> None:
    clock = Clock()
    limits = RateLimits(tmp_path_factory.mktemp("rates"), Rates(clones=clones), now=clock)

    def take() -> TooMany | None:
        return limits.take(Kind.CLONE, of_person("did:plc:alice"))

    for wait, tries in steps:
        clock.now += wait
        for _ in range(tries):
            found = take()
            if found is None:
                continue
            before, seconds = clock.now, found.retry_after_seconds
            clock.now = before + seconds - 1.001
            assert seconds == 1 or take() is not None
            clock.now = before + seconds
            assert take() is None
            break
    limits.close()


# ------------------------------------------------------------------ when it can't be counted


def test_i2_i8_what_cant_be_counted_is_refused(
    farm_of_the_module: SmallFarm, tmp_path: Path
) -> None:
    door = Door(farm_of_the_module, RateLimits(tmp_path / "missing", RATES), Clock())
    for slug in ("robert", "alice", None):
        for headers in ({}, {"Accept": "application/json"}):
            answer = door.ask(slug, **headers)
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "10"
            assert "canary" not in answer.get_data(as_text=True)
    assert door.ask(token=junk(1)).status_code == 503
    assert door.ask(path="/health").status_code == 200
    with pytest.raises(Unavailable):
        door.limits.refuse_guess("203.0.113.7", "alice")


def test_i2_a_deleted_file_starts_anew(door: Door, tmp_path: Path) -> None:
    assert door.let_through(25) == 20
    (tmp_path / FILE_NAME).unlink()
    assert door.let_through(25) == 20


def _ask_in_process(folder: Path, tries: int, found: multiprocessing.Queue[int]) -> None:
    limits = RateLimits(folder, Rates(anonymous_reads=100), now=Clock())
    asker = at_address("203.0.113.7")
    found.put(sum(limits.take(Kind.READ, asker) is None for _ in range(tries)))


def test_i2_two_processes_share_a_rate(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    found = context.Queue()
    workers = [
        context.Process(target=_ask_in_process, args=(tmp_path, 80, found)) for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    assert sum(found.get(timeout=60) for _ in workers) == 100
    for worker in workers:
        worker.join(60)


# ------------------------------------------------------------------ the table


@pytest.mark.parametrize("kind_of", [kind_at_wiki, kind_at_root])
def test_i2_every_kind_of_request_has_a_rule_for_whoever_sends_it(
    kind_of: Callable[[str, str], Kind | None],
) -> None:
    paths = ["/", "/Home", "/-/search", "/-/search/x", "/api/v1/search", "/auth/login"]
    paths += ["/repo.git/info/refs", "/repo.git/git-upload-pack", "/auth/oauth/token"]
    for path in paths:
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"):
            kind = kind_of(method, path)
            assert kind is not None
            askers = {Of.ADDRESS, Of.PERSON, Of.TOKEN}
            if kind_of is kind_at_root:
                askers = {Of.ADDRESS, Of.SESSION}
            assert {(kind, of) for of in askers} <= {*RULES}
            if method in ("PUT", "PATCH", "DELETE", "PROPFIND") and "search" not in path:
                assert kind in (Kind.WRITE, Kind.SIGN_IN, Kind.CLONE)


def test_i2_every_rule_can_be_told(tmp_path: Path) -> None:
    limits = RateLimits(tmp_path, Rates(**dict.fromkeys(vars(Rates()), 1200)), now=Clock())
    for kind, of in RULES:
        asker = rate_limits.Asker(of, "somebody")
        found = [limits.take(kind, asker) for _ in range(1201)]
        assert found[:1200] == [None] * 1200
        assert found[1200] is not None
        assert "1,200" in found[1200].sentence
        assert "{" not in found[1200].sentence
    limits.close()


def test_i2_a_did_a_token_and_an_address_never_meet(tmp_path: Path) -> None:
    """Whatever somebody is named like."""
    limits = RateLimits(tmp_path, Rates(writes=1), now=Clock())
    for asker in (of_person("203.0.113.7"), of_token("203.0.113.7"), at_address("203.0.113.7")):
        assert limits.take(Kind.WRITE, asker) is None
        assert limits.take(Kind.WRITE, asker) is not None
    limits.close()


def test_i2_basic_guesses_of_git_count_as_well(door: Door) -> None:
    guess = b64encode(f"git:{junk(1)}".encode()).decode()
    path = "/repo.git/info/refs?service=git-upload-pack"
    answers = [door.ask("alice", path, Authorization=f"Basic {guess}") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert answers[0].headers["WWW-Authenticate"].startswith("Basic realm=")
