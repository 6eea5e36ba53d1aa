"""Checklist H4: nothing of one wiki shows in another, however requests are interleaved."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from otterwiki_tenant import wikis
from otterwiki_tenant.current import wiki_context
from otterwiki_tenant.testing import DOMAIN, SmallFarm, Visitor
from otterwiki_tenant.users import User
from otterwiki_tenant.wikis import WikiRecord

_THREADS = 4
_ROUNDS = 25
_SETTINGS = {
    "site_name": "Name of {}",
    "site_description": "Description of {}",
    "site_logo": "/static/logo-{}.png",
    "site_icon": "/static/icon-{}.png",
    "site_lang": "en",
    "robots_txt": "allow",
    "home_page": "",
    "not_found_page": "",
    "update_preferences": "true",
}


@pytest.fixture
def second(small_farm: SmallFarm) -> WikiRecord:
    """A second wiki of Alice's: the same person in two wikis."""
    made = small_farm.farm.create_wiki(
        "garden",
        owner_did=small_farm.alice.did,
        template={"Home.md": b"# Home of garden\n\ncanary-garden\n\n## Section of garden\n"},
    )
    return made.record


def _settle(visitor: Visitor, slug: str) -> None:
    """Give a wiki settings that name it."""
    form = {name: value.format(slug) for name, value in _SETTINGS.items()}
    assert visitor.post(slug, "/-/admin", form).status_code == 302
    menu = {"link": f"/Menu-{slug}", "title": f"Menu of {slug}", "icon": ""}
    sidebar = {"sidebar_menutree_mode": "SORTED", "sidebar_shortcut_home": "True", **menu}
    assert visitor.post(slug, "/-/admin/sidebar_preferences", sidebar).status_code == 302


def _in_threads(work: Callable[[int], None]) -> None:
    with ThreadPoolExecutor(_THREADS) as pool:
        for done in [pool.submit(work, number) for number in range(_THREADS)]:
            done.result(timeout=300)


def test_h4_interleaved_requests_never_cross(small_farm: SmallFarm, second: WikiRecord) -> None:
    """Text, table of contents, title, settings, sidebar, feeds and search of three wikis."""
    owners = {
        "alice": small_farm.alice,
        "robert": small_farm.robert,
        second.slug: small_farm.alice,
    }
    for slug, owner in owners.items():
        _settle(small_farm.visitor(owner), slug)
    marks = re.compile(
        r"(?:canary-|Home of |Section of |Name of |Description of |Menu of |logo-|section-of-)"
        r"(alice|robert|garden)"
    )
    wanted = {
        "/Home": 6,
        "/-/index": 2,
        "/-/changelog/feed.rss": 2,
        "/-/search/canary": 3,
        "/Home/source": 3,
    }

    def browse(number: int) -> None:
        visitors = {slug: small_farm.visitor(owner) for slug, owner in owners.items()}
        slugs = list(owners)
        for step in range(_ROUNDS):
            slug = slugs[(number + step) % len(slugs)]
            for path, kinds in wanted.items():
                response = visitors[slug].get(slug, path)
                assert response.status_code == 200, (slug, path)
                found = marks.finditer(response.get_data(as_text=True))
                seen = {match.group(0): match.group(1) for match in found}
                assert set(seen.values()) == {slug}, (slug, path, seen)
                assert len(seen) >= kinds, (slug, path, seen)

    _in_threads(browse)


def test_h4_settings_changed_in_one_wiki_are_read_there_at_once(
    small_farm: SmallFarm, second: WikiRecord
) -> None:
    """Writers and readers of settings at the same time; each sees its own, and the newest."""

    def change(number: int) -> None:
        slug = ("alice", second.slug, "robert", "robert")[number]
        owner = small_farm.robert if slug == "robert" else small_farm.alice
        visitor = small_farm.visitor(owner)
        for step in range(6):
            name = f"Step {step} in {slug}"
            if number != 3:  # the fourth only reads
                form = {**_SETTINGS, "site_name": name}
                assert visitor.post(slug, "/-/admin", form).status_code == 302
            page = visitor.get(slug, "/Home").get_data(as_text=True)
            others = {"alice", "robert", "garden"} - {slug}
            assert not any(f" in {other}" in page for other in others)
            if number != 3:
                assert name in page

    _in_threads(change)
    assert small_farm.app.config["SITE_NAME"] == "An Otter Wiki"


def test_h4_a_wiki_without_settings_shows_its_own_name(small_farm: SmallFarm) -> None:
    page = small_farm.visitor(small_farm.alice).get("alice", "/Home").get_data(as_text=True)
    assert "&ndash; alice</title>" in page
    assert "An Otter Wiki</title>" not in page


def test_h4_settings_of_the_farm_cannot_be_set_in_a_wiki(small_farm: SmallFarm) -> None:
    """An owner posts a server name; every link of every wiki still leads to its own host."""
    visitor = small_farm.visitor(small_farm.robert)
    form = {**_SETTINGS, "server_name": "evil.example"}
    assert visitor.post("robert", "/-/admin", form).status_code == 302
    for slug, owner in (("robert", small_farm.robert), ("alice", small_farm.alice)):
        feed = small_farm.visitor(owner).get(slug, "/-/changelog/feed.rss")
        assert feed.status_code == 200
        assert "evil.example" not in feed.get_data(as_text=True)
        assert f"{slug}.{DOMAIN}" in feed.get_data(as_text=True)


def test_h4_drafts_stay_in_their_wiki(small_farm: SmallFarm, second: WikiRecord) -> None:
    visitor = small_farm.visitor(small_farm.alice)
    draft = {"content": "# secret draft\n", "cursor_line": 0, "cursor_ch": 0, "revision": ""}
    assert visitor.post("alice", "/Home/draft", draft).status_code == 200

    def drafts(slug: str) -> list[tuple[str, str]]:
        from otterwiki.models import Drafts

        with small_farm.app.app_context(), wiki_context(small_farm.farm, slug):
            return [(draft.pagepath, draft.author_email) for draft in Drafts.query.all()]

    assert drafts("alice") == [("Home", f"did.plc.alice@users.{DOMAIN}")]
    assert drafts(second.slug) == []
    assert drafts("robert") == []
    assert "Home" in visitor.get("alice", "/-/housekeeping").get_data(as_text=True)
    assert "No drafts found" in visitor.get(second.slug, "/-/housekeeping").get_data(as_text=True)


def _session_cookie(visitor: Visitor, slug: str) -> Any:
    return visitor.client.get_cookie("session", domain=f"{slug}.{DOMAIN}")


def test_h4_a_session_of_one_wiki_is_worth_nothing_in_another(
    small_farm: SmallFarm, second: WikiRecord
) -> None:
    visitor = small_farm.visitor(small_farm.alice)
    page = visitor.get("alice", "/-/create").get_data(as_text=True)
    token = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
    cookie = _session_cookie(visitor, "alice")
    assert cookie is not None
    assert cookie.origin_only, "a wiki's own cookie is never set for the parent domain"
    form = {"csrf_token": token, "content": "# x\n", "commit": "x"}
    visitor.client.set_cookie("session", cookie.value, domain=f"{second.slug}.{DOMAIN}")
    base_url = f"http://{second.slug}.{DOMAIN}:8000"
    stolen = visitor.client.post(
        "/Home/save", base_url=base_url, data=form, headers={"Origin": base_url}
    )
    assert stolen.status_code == 400
    assert "canary-garden" in visitor.get(second.slug, "/Home").get_data(as_text=True)


def test_h4_each_person_writes_in_their_own_wiki_only(small_farm: SmallFarm) -> None:
    """Many people save at once; every commit is in the right repository under the right name."""
    people: list[tuple[User, str]] = [(small_farm.alice, "alice"), (small_farm.robert, "robert")]

    def save(number: int) -> None:
        person, slug = people[number % 2]
        visitor = small_farm.visitor(person)
        for step in range(5):
            form = {"content": f"# {slug} {number} {step}\n", "commit": f"by {slug}"}
            response = visitor.post(slug, f"/Page{number}x{step}/save", form)
            assert response.status_code == 302

    _in_threads(save)
    for person, slug in people:
        with wiki_context(small_farm.farm, slug) as entered:
            repository, history = entered.wiki.repository, entered.wiki.history
            pages = [p for p in repository.snapshot().files() if p.startswith("Page")]
            assert len(pages) == _THREADS // 2 * 5
            assert all(
                repository.snapshot().read(p).startswith(b"# " + slug.encode()) for p in pages
            )
            for record in history.log():
                assert record.author_name == person.handle
                assert record.author_email == f"did.plc.{slug}@users.{DOMAIN}"
        with small_farm.farm.database.reading() as session:
            assert wikis.get(session, slug).page_count == len(pages) + 1
