"""D2-D7: a page on the attacker's wiki tries everything against another wiki and the account pages.

The farm is served over https. The attacker's script runs, by hand: it stands for a hole in what
keeps scripts out of pages. The victim is signed in, has used her wikis, and opens that page.
Nothing of hers may be read, nothing written under anybody's name but by herself, and at worst she
signs in again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

from .conftest import chromium_path
from .hostile_farm import (
    ATTACKER,
    DOMAIN,
    SECRET,
    SHARED,
    VICTIM,
    HostileFarm,
    Target,
    evil_page,
    git,
    launch,
    running_farm,
    targets,
)

NOT_READ = [SECRET, "vera.test", "Danger", "form_token", "csrf"]
#: Whatever a form of this project may ask for, in one form: what is not asked for is not looked at.
EVERYTHING = {
    "content": "# hacked", "commit": "x", "message": "x", "new_pagename": "Hacked", "pagename": "H",
    "update_preferences": "true", "site_name": "hacked", "sidebar_menutree_mode": "SORTED",
    "commit_message": "DISABLED", "task": "emptypages", "clean": "1", "delete_empty_page": "Home",
    "new_filename": "hacked.txt", "delete": "1", "draft": "edit", "edit": "", "query": "x",
    "confirmation": "vera.test", "sure": "yes", "name": "hacked", "purpose": "x",
    "description": "x", "handle": "mallory.test", "role": "editor", "wiki": "vera",
    "kind": "markdown", "listed": "yes", "visibility": "public", "session": "x", "slug": "vera",
    "url": "https://evil.example/x.git",
    "next": "/", "nonce": "x" * 24, "email": "x@evil.example", "password": "x",
}  # fmt: skip
#: The forms that tell their acts apart by a field.
ACTS = ["invite", "remove", "role", "describe", "visibility", "listing", "delete", "discard", ""]

READ = """async urls => {
  const got = [];
  for (const url of urls) {
    for (const options of [{mode: "cors", credentials: "include"}, {mode: "no-cors"},
                           {mode: "cors", credentials: "omit"},
                           {mode: "cors", headers: {Authorization: "Bearer x"}},
                           {mode: "no-cors", method: "HEAD", credentials: "include"}]) {
      try {
        const answer = await fetch(url, {credentials: "include", ...options});
        const text = await answer.text();
        if (answer.type !== "opaque" || text) got.push([url, options.mode, answer.type, text]);
      } catch (error) { /* refused by the browser: that is right */ }
    }
  }
  return got;
}"""
LOAD = """async urls => {
  const loads = [];
  for (const url of urls) {
    for (const [tag, property] of [["img", "src"], ["script", "src"], ["link", "href"]]) {
      const element = document.createElement(tag);
      if (tag === "link") element.rel = "stylesheet";
      element[property] = url;
      loads.push(new Promise(done => { element.onload = element.onerror = done; }));
      document.body.append(element);
    }
  }
  await Promise.all(loads);
}"""
SEND = """async ([urls, fields, acts]) => {
  const one = (url, act, type) => {
    const form = document.createElement("form"), frame = document.createElement("iframe");
    frame.name = "f" + Math.random();
    form.method = "post"; form.action = url; form.target = frame.name; form.enctype = type;
    for (const [name, value] of Object.entries({...fields, do: act})) {
      const input = document.createElement("input");
      input.type = "hidden"; input.name = name; input.value = value;
      form.append(input);
    }
    document.body.append(frame, form);
    return new Promise(done => { frame.onload = done; form.submit(); })
      .then(() => { frame.remove(); form.remove(); });
  };
  for (const url of urls) {
    const acts_here = url.includes("/app/") ? acts : [""];
    for (const act of acts_here) {
      await one(url, act, "application/x-www-form-urlencoded");
      const body = new URLSearchParams({...fields, do: act});
      await fetch(url, {method: "POST", mode: "no-cors", credentials: "include", body})
        .catch(() => {});
    }
    const upload = new FormData();
    for (const [name, value] of Object.entries(fields)) upload.append(name, value);
    upload.append("file", new Blob(["hacked"]), "hacked.txt");
    await fetch(url, {method: "POST", mode: "no-cors", credentials: "include", body: upload})
      .catch(() => {});
    navigator.sendBeacon(url, upload);
  }
}"""
FRAME = """async urls => {
  const seen = [];
  for (const url of urls) {
    const frame = document.createElement("iframe");
    frame.src = url;
    document.body.append(frame);
    await new Promise(done => { frame.onload = done; });
    let read = null;
    try { read = frame.contentDocument && frame.contentDocument.body.innerText; }
    catch (error) { read = null; }
    if (read) seen.push([url, read]);
  }
  return seen;
}"""
POPUP = """async url => {
  const opened = window.open(url, "_blank");
  window.opened = opened;
  const tried = [];
  for (const attempt of [() => opened.document.body.innerText,
                         () => opened.location.href,
                         () => opened.eval("document.cookie")]) {
    try { const got = attempt(); if (got) tried.push(String(got)); } catch (error) { /* right */ }
  }
  return tried;
}"""
TALK = """() => {
  const tried = [];
  try { window.opened.postMessage({type: "save", content: "hacked", token: 1}, "*"); }
  catch (error) { /* right */ }
  try { window.opened.location = "javascript:document.forms[0].submit()"; }
  catch (error) { /* right */ }
  try { tried.push(String(window.opened.document.body.innerText)); } catch (error) { /* right */ }
  try { document.domain = "wikis.example"; } catch (error) { /* right */ }
  return tried;
}"""


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileFarm]:
    with running_farm(tmp_path_factory.mktemp("hostile")) as running:
        yield running


@pytest.fixture(scope="module")
def chromium(driver: Playwright, farm: HostileFarm) -> Iterator[Browser]:
    started = launch(driver, farm.tls_port, chromium_path())
    yield started
    started.close()


@dataclass
class Person:
    """Somebody's browser, signed in."""

    farm: HostileFarm
    name: str
    context: BrowserContext
    page: Page
    cookie: str

    def sign_in_again(self) -> None:
        """As a person does who finds herself signed out."""
        self.cookie = self.farm.sign_in(self.context, self.name)

    def open(self, slug: str | None, path: str = "/") -> int:
        """Open a page; returns the status of what came in the end."""
        answer = self.page.goto(self.farm.url(slug, path))
        assert answer is not None
        return answer.status

    def editor(self, slug: str, name: str) -> None:
        """Open the editor of a page."""
        assert self.open(slug, f"/{name}?edit") == 200
        expect(self.page.locator("#saveform")).to_have_count(1)

    def save(self) -> None:
        """Send the editor's form, however the page is guarded by script."""
        with self.page.expect_navigation():
            self.page.evaluate(
                """() => { const form = document.getElementById("saveform");
                           form.submit ? HTMLFormElement.prototype.submit.call(form) : 0; }"""
            )


@pytest.fixture
def people(chromium: Browser, farm: HostileFarm) -> Iterator[Callable[[str], Person]]:
    contexts = []

    def make(name: str) -> Person:
        context = chromium.new_context(ignore_https_errors=True)
        contexts.append(context)
        person = Person(farm, name, context, context.new_page(), "")
        person.cookie = farm.sign_in(context, name)
        return person

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def victim(people: Callable[[str], Person], farm: HostileFarm) -> Person:
    """Vera, who has used her own wiki, the shared one and her account in this browser."""
    person = people(VICTIM)
    assert person.open(None, "/app/account") == 200
    for slug in (VICTIM, SHARED):
        assert person.open(slug) == 200
        expect(person.page).to_have_url(farm.url(slug))
        assert person.open(slug, "/-/settings") == 200
        expect(person.page.locator("body")).to_contain_text("vera.test")
    for cookie in person.context.cookies():
        on_this_host = not cookie["domain"].startswith(".")
        if cookie["name"].startswith("halfmoon"):
            continue  # dark mode, set by Otterwiki's own script
        assert on_this_host == cookie["name"].startswith("__Host-"), "D2: no host sets another's"
    return person


def revision(farm: HostileFarm) -> str:
    return git(farm.home / "wikis" / VICTIM, "rev-parse", "refs/heads/main")


def found(farm: HostileFarm) -> list[Target]:
    return targets(farm, revision(farm))


def is_still_herself(victim: Person) -> None:
    """Signed in as before, everywhere."""
    assert victim.open(VICTIM) == 200
    expect(victim.page.locator("body")).to_contain_text(SECRET)
    assert victim.open(None, "/app/account") == 200
    expect(victim.page.locator("body")).to_contain_text("vera.test")


# ---------------------------------------------------------------------- requests and windows


def test_d6_nothing_can_be_read(victim: Person, farm: HostileFarm) -> None:
    before = farm.state()
    evil = evil_page(farm, victim.context)
    got = evil.evaluate(READ, [target.url for target in found(farm)])
    assert got == [], [entry[:3] for entry in got]
    assert farm.state() == before
    is_still_herself(victim)


def test_d7_no_link_picture_or_head_changes_anything(victim: Person, farm: HostileFarm) -> None:
    """Every address of the URL maps, refused ones too, by every way to load one."""
    before = farm.state()
    evil = evil_page(farm, victim.context)
    evil.evaluate(LOAD, [target.url for target in found(farm)])
    assert farm.state() == before
    is_still_herself(victim)


def test_d6_no_form_is_taken(
    victim: Person, farm: HostileFarm, people: Callable[[str], Person]
) -> None:
    """With the attacker's own form tokens, of the very same pages."""
    attacker = people(ATTACKER)
    attacker.open(None, "/auth/logout")
    root_token = attacker.page.locator("input[name=form_token]").first.get_attribute("value")
    attacker.open(SHARED, "/-/search")
    wiki_token = attacker.page.locator("input[name=csrf_token]").first.get_attribute("value")
    assert root_token and wiki_token
    fields = {**EVERYTHING, "form_token": root_token, "csrf_token": wiki_token}
    before = farm.state()
    evil = evil_page(farm, victim.context)
    urls = [target.url for target in found(farm) if target.takes_forms]
    assert len(urls) > 40
    evil.set_default_timeout(240_000)
    evil.evaluate(SEND, [urls, fields, ACTS])
    assert farm.state() == before
    is_still_herself(victim)


def test_d6_a_form_sent_as_a_page_of_its_own(victim: Person, farm: HostileFarm) -> None:
    """A top-level navigation, which strict cookies would stop elsewhere but not here."""
    before = farm.state()
    evil = evil_page(farm, victim.context)
    for slug, path in (
        (VICTIM, "/Home/save"), (VICTIM, "/Home/delete"), (None, "/app/account/delete"),
        (None, "/auth/logout"), (None, "/app/settings"), (None, "/app/collaborators"),
    ):  # fmt: skip
        with evil.expect_navigation() as gone:
            evil.evaluate(
                """([url, fields]) => {
                  const form = document.createElement("form");
                  form.method = "post"; form.action = url;
                  for (const [name, value] of Object.entries(fields)) {
                    const input = document.createElement("input");
                    input.name = name; input.value = value; form.append(input);
                  }
                  document.body.append(form); form.submit();
                }""",
                [farm.url(slug, path), {**EVERYTHING, "do": "delete"}],
            )
        assert gone.value is not None and gone.value.status == 403, path
        evil.goto(farm.url(ATTACKER, "/evil"))
    assert farm.state() == before
    is_still_herself(victim)


def test_d6_nothing_is_shown_in_a_frame(victim: Person, farm: HostileFarm) -> None:
    evil = evil_page(farm, victim.context)
    pages = [
        farm.url(slug, path)
        for slug, path in (
            (VICTIM, "/"), (VICTIM, "/Home"), (VICTIM, "/Home?edit"), (VICTIM, "/-/settings"),
            (VICTIM, "/Home/delete"), (VICTIM, "/Home/source"), (VICTIM, "/-/changelog"),
            (None, "/"), (None, "/app/"), (None, "/app/account"), (None, "/app/settings"),
            (None, "/app/collaborators"), (None, "/auth/logout"), (None, "/auth/login"),
        )
    ]  # fmt: skip
    assert evil.evaluate(FRAME, pages) == []
    framed = [frame for frame in evil.frames if frame is not evil.main_frame]
    assert len(framed) == len(pages)
    for url, frame in zip(pages, framed, strict=True):
        shown = frame.evaluate("document.documentElement.innerHTML")
        assert not any(secret in shown for secret in NOT_READ), f"{url} is shown in a frame"
        assert frame.url.startswith("chrome-error://"), f"{url} is shown in a frame"


@pytest.mark.parametrize(
    ("slug", "path"),
    [(VICTIM, "/Home"), (VICTIM, "/Home?edit"), (None, "/app/account"), (None, "/auth/logout")],
)
def test_d12_a_window_that_was_opened_is_out_of_reach(
    victim: Person, farm: HostileFarm, slug: str | None, path: str
) -> None:
    before = farm.state()
    evil = evil_page(farm, victim.context)
    with victim.context.expect_page() as popup:
        tried = evil.evaluate(POPUP, farm.url(slug, path))
    window = popup.value
    window.wait_for_load_state()
    expect(window).to_have_url(farm.url(slug, path))
    assert window.evaluate("window.opener") is None, "Cross-Origin-Opener-Policy"
    tried += evil.evaluate(TALK)
    assert not any(secret in text for text in tried for secret in NOT_READ), tried
    expect(window).to_have_url(farm.url(slug, path))
    assert farm.state() == before
    is_still_herself(victim)


# ---------------------------------------------------------------------- tossed cookies

PATHS = ["/", "/Home", "/Tossed", "/Tossed/save", "/app", "/app/account", "/-", "/auth"]
TOSS = """([cookie, domain, paths, names]) => {
  for (const path of paths) {
    for (const name of names) {
      document.cookie = `${name}=${cookie}; domain=${domain}; path=${path}; secure`;
      document.cookie = `${name}=${cookie}; domain=.${domain}; path=${path}; secure; samesite=none`;
    }
  }
}"""
#: A browser keeps some 180 cookies of a domain and all its hosts, the newest ones.
EVICT = """([cookie, domain, tidy]) => {
  for (let round = 0; round < 100; round++) {
    for (let i = 0; i < 200; i++) document.cookie = `e${i}=1; domain=${domain}; secure`;
    document.cookie = `robot_identity=${cookie}; domain=${domain}; path=/; secure`;
    if (!document.cookie.includes("robot_identity=")) continue;
    for (let i = 0; tidy && i < 200; i++)
      document.cookie = `e${i}=; domain=${domain}; secure; max-age=0`;
    return true;
  }
  return false;
}"""
BOMB = """domain => {
  for (let i = 0; i < 60; i++)
    document.cookie = `bomb${i}=${"x".repeat(4000)}; domain=${domain}; secure`;
}"""


def tossed(farm: HostileFarm, victim: Person, script: str, argument: Any) -> Any:
    """The victim opens the attacker's page; gives what its script found out."""
    evil = evil_page(farm, victim.context, "/evil")
    found_out = evil.evaluate(script, argument)
    evil.close()
    return found_out


def writes_as_nobody_else(victim: Person, farm: HostileFarm, before: dict[str, object]) -> None:
    """She goes on with what was open and with what she opens now; nothing is the attacker's."""
    if victim.page.locator("#saveform").count():
        victim.save()  # opened before the attack
    for slug in (SHARED, VICTIM):
        victim.page.goto(farm.url(slug, "/Tossed?edit"))
        shown = victim.page.content()
        assert "mallory" not in shown or "Continue as" in shown, "she is shown as the attacker"
        if victim.page.locator("#saveform").count():
            victim.save()
    for page in ("/app/account", "/app/"):
        victim.page.goto(farm.url(None, page))
        assert "mallory.test" not in victim.page.locator("main").inner_text()
    after = farm.state()
    assert "mallory.test" not in farm.authors(SHARED)
    assert "mallory.test" not in farm.authors(VICTIM)
    for key, value in before.items():
        if not key.endswith((": pages", ": drafts")):
            assert after[key] == value, f"{key} changed"


def goes_on_after_signing_in(victim: Person, farm: HostileFarm, page: str) -> None:
    """Pages she opens clear what is double, wherever it lies; then she signs in once."""
    for slug in (None, SHARED, VICTIM):
        for path in ("/", "/Home", "/Tossed", "/app", "/app/account", "/auth/login", "/-/about"):
            victim.page.goto(farm.url(slug, path))
    victim.sign_in_again()
    for slug in (VICTIM, SHARED):
        victim.editor(slug, page)
        victim.save()
        expect(victim.page).to_have_url(re.compile(rf"/{page}$"))
        author = git(farm.home / "wikis" / slug, "log", "-1", "--format=%an")
        assert author == "vera.test"


@pytest.mark.parametrize(
    "names",
    [
        ["robot_identity"],
        ["", "=robot_identity", "__Host-robot_identity"],
        ["session", "__Host-session", "robot_seen", "__Host-robot_seen", "remember_token"],
    ],
    ids=["platform", "nameless", "host-only"],
)
def test_d3_d4_a_tossed_cookie_makes_nobody_write_as_the_attacker(
    victim: Person, people: Callable[[str], Person], farm: HostileFarm, names: list[str]
) -> None:
    attacker = people(ATTACKER)
    before = farm.state()
    victim.editor(SHARED, "Tossed")
    tossed(farm, victim, TOSS, [attacker.cookie, DOMAIN, PATHS, names])
    kept = {cookie["value"] for cookie in victim.context.cookies()}
    assert attacker.cookie in kept, "the attack did not work in this browser"
    writes_as_nobody_else(victim, farm, before)
    goes_on_after_signing_in(victim, farm, f"After{len(names)}")


@pytest.mark.parametrize("tidy", [False, True], ids=["left full", "tidied up"])
def test_d5_nor_does_a_jar_that_was_emptied_first(
    victim: Person, people: Callable[[str], Person], farm: HostileFarm, tidy: bool
) -> None:
    """The browser forgets its oldest cookies, and so every host that it knew who she is."""
    attacker = people(ATTACKER)
    before = farm.state()
    victim.editor(SHARED, "Tossed")
    assert tossed(farm, victim, EVICT, [attacker.cookie, DOMAIN, tidy])
    if tidy:  # else the farm may have wiped the jar already
        jar = victim.context.cookies()
        assert [c["value"] for c in jar if c["name"] == "robot_identity"] == [attacker.cookie]
    writes_as_nobody_else(victim, farm, before)
    goes_on_after_signing_in(victim, farm, f"Afterwards{tidy}")


def test_d8_a_cookie_bomb_is_cleared(victim: Person, farm: HostileFarm) -> None:
    """60 cookies of 4 KB: at worst she signs in again, and does not stay locked out."""
    before = farm.state()
    tossed(farm, victim, BOMB, DOMAIN)
    for slug in (VICTIM, SHARED, None):
        victim.page.goto(farm.url(slug, "/"))
    assert farm.state() == before
    goes_on_after_signing_in(victim, farm, "Bombed")
