"""What a hostile wiki can do to the sign-in of whoever reads it (checklist D2 to D7).

The browser here has a cookie jar by the rules. Mallory owns a wiki, has got a script into it, and
wants the reader to write under her name, or to be the reader. Over https as in production, and over
http as in development where the two differ.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.wrappers import Response

from otterwiki_robot.installation import Installation
from otterwiki_robot.root.app import create_root_app
from otterwiki_robot.settings import Settings
from otterwiki_tenant import clock, confirmations, login_links, names, users
from otterwiki_tenant.confirmations import Confirmation
from otterwiki_tenant.current import active
from otterwiki_tenant.identity import COOKIE_NAME
from otterwiki_tenant.wsgi import FarmMiddleware

from .browser_jar import Browser
from .made_farm import ALICE, BOB

MALLORY = "mallory.test"
PUBLIC, PRIVATE, HERS = "bob", "alice", "mallory"


def _did(handle: str) -> str:
    return names.development_did(handle)


class Site:
    """A farm with its front door and root host; a wiki's page says who is signed in."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        installation = Installation(settings)
        installation.load_otterwiki()  # for its tables; the pages here are our own
        self.farm = installation.farm
        with self.farm.database.writing() as session:
            users.add(session, did=_did(MALLORY), handle=MALLORY, now=clock.now())
        self.farm.create_wiki(None, owner_did=_did(MALLORY), is_public=True)
        root = create_root_app(settings, self.farm).wsgi_app
        self.door = FarmMiddleware(self.farm, wiki_app=self._page, root_app=root, health_app=root)
        self.written: list[tuple[str, str | None]] = []

    def _page(self, environ: Any, start_response: Any) -> Any:
        actor = active().actor
        if environ["REQUEST_METHOD"] == "POST":
            self.written.append((active().record.slug, actor.did))
        page = f"who={actor.handle} sign-in={active().sign_in_url(self.url(PUBLIC, '/Page'))}"
        response = Response(page, mimetype="text/html")
        response.headers["X-Cookie"] = environ.get("HTTP_COOKIE", "")
        return response(environ, start_response)

    def url(self, wiki: str | None, path: str = "/Page") -> str:
        return (self.settings.wiki_url(wiki) if wiki else self.settings.root_url) + path

    def host(self, wiki: str | None) -> str:
        return urlsplit(self.url(wiki)).netloc.partition(":")[0]

    def sign_in(self, browser: Browser, handle: str) -> str:
        """Sign in as a sign-in method's callback would; returns the platform cookie's value."""
        header = browser.header(self.settings.scheme, self.host(None), "/")
        for text in self.farm.sign_in(_did(handle), method="test", cookie_header=header):
            browser._keep(self.url(None, "/"), text)
        (value,) = browser.values(COOKIE_NAME)
        return value

    def stolen_from_herself(self) -> str:
        """The platform cookie of Mallory's own session, for tossing."""
        jar = SimpleCookie()
        for text in self.farm.sign_in(_did(MALLORY), method="test"):
            jar.load(text)
        return jar[COOKIE_NAME].value

    def browser(self, handle: str | None = None, *, is_modern: bool = True) -> Browser:
        made = Browser(self.door, is_modern=is_modern)
        if handle:
            self.sign_in(made, handle)
        return made

    def who(self, browser: Browser, wiki: str) -> str | None:
        """Who a person is on a page of a wiki, wherever that leads; None for nobody."""
        at, response = browser.follow(self.url(wiki))
        if at != self.url(wiki):
            return None
        found = re.search(r"who=(\S+)", response.get_data(as_text=True))
        assert found, response.status
        return None if found.group(1) == "None" else found.group(1)


@pytest.fixture(params=["https", "http"])
def site(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Site]:
    is_http = request.param == "http"
    made = Site(settings if is_http else dataclasses.replace(settings, dev=False))
    yield made
    made.farm.close()


@pytest.fixture
def secure_site(settings: Settings) -> Iterator[Site]:
    made = Site(dataclasses.replace(settings, dev=False))
    yield made
    made.farm.close()


def _toss(site: Site, browser: Browser, value: str, path: str = "/") -> None:
    browser.toss(
        site.host(HERS), f"{COOKIE_NAME}={value}; Domain={site.settings.domain}; Path={path}"
    )


# ------------------------------------------------------------------ the plain way


def test_a_browser_is_signed_in_on_every_host(site: Site) -> None:
    """Over https the first page of a wiki comes by way of the root host, unseen."""
    browser = site.browser(ALICE)
    assert site.who(browser, PRIVATE) == ALICE
    assert site.who(browser, PUBLIC) == ALICE
    assert browser.open(site.url(PUBLIC)).status_code == 200, "from now on without a way round"


def test_a_script_needs_one_cookie_only(site: Site) -> None:
    browser = site.browser(is_modern=False)
    _toss(site, browser, site.sign_in(site.browser(), ALICE))
    assert site.who(browser, PRIVATE) == ALICE
    page = browser.open(site.url(None, "/auth/logout")).get_data(as_text=True)
    assert ALICE in page


def test_the_same_persons_next_session_passes(site: Site) -> None:
    browser = site.browser(ALICE)
    assert site.who(browser, PRIVATE) == ALICE
    site.sign_in(browser, ALICE)
    assert browser.open(site.url(PRIVATE)).status_code == 200
    assert site.who(browser, PRIVATE) == ALICE


def test_d2_a_hosts_own_cookie_can_not_come_from_elsewhere(secure_site: Site) -> None:
    browser = secure_site.browser(ALICE)
    assert secure_site.who(browser, PRIVATE) == ALICE
    names_ = {cookie.name for cookie in browser.cookies if cookie.host_only}
    assert names_ == {"__Host-robot_seen"}
    for cookie in browser.cookies:
        assert cookie.secure
        assert cookie.host_only or cookie.name == COOKIE_NAME


# ------------------------------------------------------------------ tossing


def test_d5_a_tossed_session_does_not_make_you_somebody_else(site: Site) -> None:
    browser = site.browser(ALICE)
    for wiki in (PRIVATE, PUBLIC):
        assert site.who(browser, wiki) == ALICE
    _toss(site, browser, site.stolen_from_herself())  # replaces the cookie: same name, domain, path
    for wiki in (PRIVATE, PUBLIC):
        assert site.who(browser, wiki) is None
        url = site.url(wiki)
        answer = browser.open(url, "POST", page=url)
        assert MALLORY not in answer.get_data(as_text=True)
    assert {did for _, did in site.written} <= {None}
    # and on the root host she is not taken for Mallory either
    page = browser.open(site.url(None, "/")).get_data(as_text=True)
    assert MALLORY not in page and "Sign in" in page
    login = browser.open(site.url(None, "/auth/login")).get_data(as_text=True)
    assert "did not happen here" in login
    # at worst one signs in again
    site.sign_in(browser, ALICE)
    assert [site.who(browser, wiki) for wiki in (PRIVATE, PUBLIC)] == [ALICE, ALICE]


@pytest.mark.parametrize("path", ["/Page", "/Page/", "/Page/sub", "/Page/sub/"])
def test_d3_two_cookies_are_nobody_and_both_are_cleared(site: Site, path: str) -> None:
    browser = site.browser(ALICE)
    assert site.who(browser, PUBLIC) == ALICE
    _toss(site, browser, site.stolen_from_herself(), path)
    url = site.url(PUBLIC, "/Page/sub/deeper")
    assert len(browser.values(COOKIE_NAME)) == 2
    assert "who=None" in browser.open(url).get_data(as_text=True)
    assert browser.values(COOKIE_NAME) == [], "both are gone"
    site.sign_in(browser, ALICE)
    assert f"who={ALICE}" in browser.open(url).get_data(as_text=True)


def test_d3_cookies_for_one_host_are_cleared_too(site: Site) -> None:
    browser = site.browser(ALICE)
    assert site.who(browser, PUBLIC) == ALICE
    for text in (f"{COOKIE_NAME}=x", f"{COOKIE_NAME}=y; Domain={site.host(PUBLIC)}; Path=/Page"):
        browser.toss(site.host(PUBLIC), text)
    assert "who=None" in browser.open(site.url(PUBLIC)).get_data(as_text=True)
    assert browser.values(COOKIE_NAME) == []


def test_d3_on_the_root_host_as_well(site: Site) -> None:
    browser = site.browser(ALICE)
    _toss(site, browser, site.stolen_from_herself(), "/auth")
    page = browser.open(site.url(None, "/auth/logout")).get_data(as_text=True)
    assert "You are not signed in" in page
    assert browser.values(COOKIE_NAME) == []


def test_d3_signing_in_with_a_double_still_signs_in(settings: Settings) -> None:
    """The clearing comes before the new cookie, or it would throw that out."""
    site = Site(settings)
    browser = site.browser()
    for path in ("/auth", "/"):
        _toss(site, browser, site.stolen_from_herself(), path)
    with site.farm.database.writing() as session:
        token = login_links.create(session, _did(ALICE), clock.now())
    answer = browser.open(site.url(None, f"/auth/dev/{token}"))
    assert answer.status_code == 303
    assert "Clear-Site-Data" not in answer.headers
    assert len(browser.values(COOKIE_NAME)) == 1
    assert ALICE in browser.open(site.url(None, "/auth/logout")).get_data(as_text=True)


def test_d3_two_session_cookies_of_a_wiki_never_reach_otterwiki(site: Site) -> None:
    name = "__Host-session" if site.settings.scheme == "https" else "session"
    browser = site.browser(ALICE, is_modern=False)
    browser.open(site.url(PUBLIC))
    for sent, expected in (
        (f"{name}=a; {name}=b; theme=dark", "theme=dark"),
        (f"{name}=a; theme=dark", f"{name}=a; theme=dark"),
        (f"={name}=a; {name}=b", f"{name}=b"),
        (f"a=b; {COOKIE_NAME}=x; {site.farm.bindings.cookie_name}=y", "a=b"),
    ):
        answer = Browser(site.door, is_modern=False).open(
            site.url(PUBLIC), headers={"Cookie": sent}
        )
        assert answer.headers["X-Cookie"] == expected
        cleared = [text for text in answer.headers.getlist("Set-Cookie") if "Max-Age=0" in text]
        assert bool(cleared) == (sent.count(f"{name}=") == 2 and not sent.startswith("="))


def test_d4_a_nameless_cookie_is_no_cookie(site: Site) -> None:
    browser = site.browser(ALICE)
    assert site.who(browser, PUBLIC) == ALICE
    tossed = site.stolen_from_herself()
    for name in (COOKIE_NAME, site.farm.bindings.cookie_name):
        browser.toss(site.host(HERS), f"={name}={tossed}; Domain={site.settings.domain}")
        assert site.who(browser, PUBLIC) == ALICE


def test_d5_a_tossed_memory_of_the_browser_is_not_believed(settings: Settings) -> None:
    """Only over http can one be tossed; then there are two, and both are ignored."""
    site = Site(settings)
    browser, hers = site.browser(ALICE), site.browser(MALLORY)
    assert site.who(browser, PUBLIC) == ALICE
    assert site.who(hers, PUBLIC) == MALLORY
    memory = next(c.value for c in hers.cookies if c.domain == site.host(PUBLIC))
    name = site.farm.bindings.cookie_name
    browser.toss(site.host(HERS), f"{name}={memory}; Domain={site.settings.domain}; Path=/Page")
    _toss(site, browser, site.stolen_from_herself())
    for _ in range(3):
        assert site.who(browser, PUBLIC) is None
    (kept,) = [c for c in browser.cookies if c.name == name and c.domain != site.host(None)]
    assert kept.host_only, "what was put beside it is gone, the host's own has stayed"


def test_d5_a_flooded_jar_does_not_help_either(secure_site: Site) -> None:
    """Every cookie thrown out, then one tossed: over https a browser is not believed at first."""
    site, browser = secure_site, secure_site.browser(ALICE)
    assert site.who(browser, PUBLIC) == ALICE
    browser.cookies.clear()
    _toss(site, browser, site.stolen_from_herself())
    for _ in range(3):
        assert site.who(browser, PUBLIC) is None
        assert site.who(browser, PRIVATE) is None
        answer = browser.open(site.url(PUBLIC), "POST", page=site.url(PUBLIC))
        assert MALLORY not in answer.get_data(as_text=True)
        assert MALLORY not in browser.open(site.url(None, "/")).get_data(as_text=True)
    site.sign_in(browser, ALICE)
    assert site.who(browser, PUBLIC) == ALICE


def test_d5_a_page_that_is_not_opened_by_a_person_starts_no_way_round(secure_site: Site) -> None:
    browser = secure_site.browser(ALICE)
    picture = {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "same-origin"}
    answer = browser.open(secure_site.url(PUBLIC), headers=picture)
    assert "who=None" in answer.get_data(as_text=True)
    assert "Set-Cookie" not in answer.headers


# ------------------------------------------------------------------ confirming


def _changed_person(site: Site) -> Browser:
    """A browser in which Alice was known at Bob's wiki, and Bob has signed in since."""
    browser = site.browser(ALICE)
    assert site.who(browser, PUBLIC) == ALICE
    site.sign_in(browser, BOB)
    assert site.who(browser, PUBLIC) is None
    return browser


def _sign_in_link(site: Site, browser: Browser) -> str:
    page = browser.open(site.url(PUBLIC)).get_data(as_text=True)
    found = re.search(r"sign-in=(\S+)", page)
    assert found
    return found.group(1)


def _form(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


def test_d5_another_person_is_asked_on_the_root_host(site: Site) -> None:
    browser = _changed_person(site)
    link = _sign_in_link(site, browser)
    page = browser.open(link).get_data(as_text=True)
    assert f"Continue as {BOB}" in page
    assert f"bob.{site.settings.domain}" in page
    confirm = site.url(None, "/auth/confirm")
    done = browser.open(confirm, "POST", page=link, data=_form(page))
    assert done.status_code == 303
    assert done.headers["Location"].startswith(site.url(PUBLIC, "/-/session/confirm?"))
    back = browser.open(done.headers["Location"])
    assert (back.status_code, back.headers["Location"]) == (303, site.url(PUBLIC, "/Page"))
    assert site.who(browser, PUBLIC) == BOB
    again = browser.open(done.headers["Location"])
    assert again.status_code == 400, "it means something once"
    assert site.who(browser, PUBLIC) == BOB


@pytest.mark.parametrize("missing", ["form_token", "Origin", "nonce", "next"])
def test_d6_confirming_is_a_form_of_our_own(site: Site, missing: str) -> None:
    browser = _changed_person(site)
    link = _sign_in_link(site, browser)
    form = _form(browser.open(link).get_data(as_text=True))
    form.pop(missing, None)
    page = site.url(HERS) if missing == "Origin" else link
    done = browser.open(site.url(None, "/auth/confirm"), "POST", page=page, data=form)
    assert done.status_code in (400, 403)
    assert "statement" not in done.headers.get("Location", "")
    assert site.who(browser, PUBLIC) is None


def _statement(site: Site, browser: Browser, **changed: Any) -> str:
    """A statement as the root host would make it for the browser's person, but for `changed`."""
    header = browser.header(site.settings.scheme, site.host(None), "/")
    identity = site.farm.identity.read(header)
    assert identity is not None
    said = {
        "did": identity.did,
        "session_id": identity.session_id,
        "nonce": parse_qs(urlsplit(_sign_in_link(site, browser)).query)["confirm"][0],
        "was_asked": True,
        **changed,
    }
    return confirmations.make(
        site.farm.identity.key,
        site.farm.identity.issuer,
        said.pop("slug", PUBLIC),
        Confirmation(**{key: said[key] for key in ("did", "session_id", "nonce", "was_asked")}),
        clock.now() + said.get("made", timedelta()),
    )


def _take(site: Site, browser: Browser, statement: str, path: str = "/Page") -> Response:
    query = f"?statement={statement}&next={path}"
    return browser.open(site.url(PUBLIC, confirmations.PATH + query))


def test_d5_a_right_statement_is_taken(site: Site) -> None:
    browser = _changed_person(site)
    assert _take(site, browser, _statement(site, browser)).status_code == 303
    assert site.who(browser, PUBLIC) == BOB


@pytest.mark.parametrize(
    "changed",
    [
        {"did": _did(MALLORY)},
        {"session_id": "another"},
        {"nonce": "x" * 24},
        {"was_asked": False},
        {"slug": PRIVATE},
        {"slug": ""},
        {"made": timedelta(seconds=-90)},
        {"made": timedelta(seconds=90)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_d5_a_statement_that_differs_is_worth_nothing(site: Site, changed: dict[str, Any]) -> None:
    browser = _changed_person(site)
    assert _take(site, browser, _statement(site, browser, **changed)).status_code == 400
    assert site.who(browser, PUBLIC) is None


def test_c6_no_other_token_is_a_statement(site: Site) -> None:
    browser = _changed_person(site)
    (identity,) = browser.values(COOKIE_NAME)
    for token in (identity, "", "x", "a.b.c", "x" * 5000):
        assert _take(site, browser, token).status_code == 400
    statement = _statement(site, browser)
    assert site.farm.identity.verify(statement) is None


def test_d5_mallorys_statement_is_worthless_in_another_browser(site: Site) -> None:
    """She confirms herself in her own browser, and has Alice's browser follow that link."""
    hers = site.browser(ALICE)  # to have a browser with a doubt about Mallory
    assert site.who(hers, PUBLIC) == ALICE
    session = site.sign_in(hers, MALLORY)
    statement = _statement(site, hers)
    victim = site.browser(ALICE)
    assert site.who(victim, PUBLIC) == ALICE
    _toss(site, victim, session)
    assert site.who(victim, PUBLIC) is None
    assert _take(site, victim, statement).status_code == 400
    assert site.who(victim, PUBLIC) is None
    assert _take(site, hers, statement).status_code == 303, "in her own it is right"
    assert site.who(hers, PUBLIC) == MALLORY


def test_d7_a_statement_is_taken_by_get_only_and_leads_here_only(site: Site) -> None:
    browser = _changed_person(site)
    statement = _statement(site, browser)
    url = site.url(PUBLIC, f"{confirmations.PATH}?statement={statement}")
    for method in ("HEAD", "POST", "PUT"):
        assert browser.open(url, method, page=url).status_code == 400
    assert site.who(browser, PUBLIC) is None
    for evil in ("/\\evil.example", "/%09/evil.example", "https://evil.example/", "@evil.example/"):
        fresh = _changed_person(site)
        taken = _take(site, fresh, _statement(site, fresh), evil)
        assert taken.headers["Location"] == site.url(PUBLIC, "/"), evil


def test_h5_confirming_says_nothing_about_a_wiki(site: Site) -> None:
    browser = site.browser(ALICE)
    answers = []
    for wiki in (PRIVATE, "nadia"):
        answer = browser.open(site.url(wiki, confirmations.PATH + "?statement=x"))
        answers.append((answer.status_code, answer.get_data(as_text=True).replace(wiki, "SLUG")))
    assert answers[0] == answers[1]


def test_the_root_host_vouches_only_for_who_is_signed_in_there(secure_site: Site) -> None:
    site, browser = secure_site, secure_site.browser()
    _toss(site, browser, site.stolen_from_herself())
    at, response = browser.follow(site.url(PUBLIC))
    assert urlsplit(at).path == "/auth/login"
    assert "Location" not in response.headers
    assert "did not happen here" in response.get_data(as_text=True)


# ------------------------------------------------------------------ forms from elsewhere


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "SIBLING", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "SIBLING"}, 403),
        ({"Origin": "ROOT"}, 403),
        ({"Origin": "OWN", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "OWN", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "OWN", "Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "SIBLING", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Origin": "OWN/"}, 403),
        ({"Origin": "OWN:1"}, 403),
        ({"Referer": "OWN/Page"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "OWN"}, 200),
        ({"Origin": "OWN", "Sec-Fetch-Site": "same-origin"}, 200),
    ],
    ids=str,
)
def test_d6_what_changes_something_comes_from_this_very_host(
    site: Site, headers: dict[str, str], status: int
) -> None:
    browser = site.browser(BOB, is_modern=False)
    assert site.who(browser, PUBLIC) == BOB
    origins = {
        "OWN": site.url(PUBLIC, ""),
        "SIBLING": site.url(HERS, ""),
        "ROOT": site.url(None, ""),
    }
    sent = dict(headers)
    for name, value in sent.items():
        for word, origin in origins.items():
            value = value.replace(word, origin)
        sent[name] = value
    for method in ("POST", "PUT", "PATCH", "DELETE", "BREW"):
        answer = browser.open(site.url(PUBLIC), method, headers=sent)
        assert answer.status_code == status, method
    assert ("This was not sent" in answer.get_data(as_text=True)) == (status == 403)
    assert bool(site.written) == (status == 200)
    as_json = browser.open(site.url(PUBLIC), "POST", headers={**sent, "Accept": "application/json"})
    assert as_json.status_code == status
    if status == 403:
        assert as_json.get_json()["code"] == "other_origin"


def test_d6_a_form_token_is_of_one_session(site: Site) -> None:
    """Mallory's own token, or one from before signing in again, is worth nothing."""
    page = site.url(None, "/auth/logout")
    browser, hers = site.browser(ALICE), site.browser(MALLORY)
    tokens = [_form(b.open(page).get_data(as_text=True))["form_token"] for b in (browser, hers)]
    assert tokens[0] != tokens[1]
    for token in (tokens[1], "", "x", "é"):
        answer = browser.open(page, "POST", page=page, data={"form_token": token})
        assert answer.status_code == 403
    site.sign_in(browser, ALICE)
    assert browser.open(page, "POST", page=page, data={"form_token": tokens[0]}).status_code == 403
    token = _form(browser.open(page).get_data(as_text=True))["form_token"]
    assert browser.open(page, "POST", page=page, data={"form_token": token}).status_code == 303
    assert browser.values(COOKIE_NAME) == []


def test_d6_nobodys_form_token_is_of_one_browser(site: Site) -> None:
    from flask import g

    app = create_root_app(site.settings, site.farm)

    def token_for(cookie: str) -> tuple[str, str]:
        with app.test_request_context("/", base_url=site.url(None, ""), headers={"Cookie": cookie}):
            app.preprocess_request()
            text = app.jinja_env.from_string("{{ form_token() }}").render()
            bound = g.new_binding
        header = site.farm.bindings.set_cookie("", bound) if bound else ""
        return text, header.partition(";")[0]

    first, cookie = token_for("")
    other, _ = token_for("")
    assert cookie
    assert first != other
    assert token_for(cookie) == (first, "")
    browser = site.browser(is_modern=False)
    page = site.url(None, "/auth/logout")
    for sent, token, status in (
        (cookie, first, 303), (cookie, other, 403), ("", first, 403), (cookie, "", 403),
    ):  # fmt: skip
        headers = {"Cookie": sent, "Origin": site.url(None, "")}
        answer = browser.open(page, "POST", headers=headers, data={"form_token": token})
        assert answer.status_code == status


def test_d6_an_authorization_header_needs_no_origin_and_brings_no_person(site: Site) -> None:
    browser = site.browser(ALICE)
    page = site.url(None, "/auth/logout")
    answer = browser.open(page, "POST", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 303
    assert ALICE in browser.open(page).get_data(as_text=True), "the cookie was not looked at"
