"""Otterwiki's three pages of settings on a farm: what they show, and what can be changed there.

Name and description are the registry's in both directions; what is about the server, mail, people
or raw HTML is neither shown nor takes effect, whatever is sent.
"""

from __future__ import annotations

import pytest

from otterwiki_tenant import audit, people, wikis
from otterwiki_tenant.audit import OPERATOR, Action
from otterwiki_tenant.current import wiki_context
from otterwiki_tenant.preferences import is_image_address
from otterwiki_tenant.testing import SmallFarm
from otterwiki_tenant.wikis import WikiRecord

PAGES = ("/-/admin", "/-/admin/sidebar_preferences", "/-/admin/content_and_editing")
FORM = {
    "update_preferences": "Save Preferences",
    "site_name": "Garden",
    "site_description": "What grows",
    "site_lang": "de",
    "robots_txt": "disallow",
}


@pytest.fixture(autouse=True)
def as_new(small_farm: SmallFarm) -> None:
    """The farm is shared by the tests of this module: its wikis begin each without settings."""
    from otterwiki.models import Preferences
    from otterwiki.server import db

    people.describe_wiki(small_farm.farm, "alice", "alice", "", OPERATOR)
    with wiki_context(small_farm.farm, "alice"), small_farm.app.app_context():
        db.session.query(Preferences).delete()
        db.session.commit()


def record(farm: SmallFarm, slug: str = "alice") -> WikiRecord:
    with farm.farm.database.reading() as session:
        return wikis.get(session, slug)


def save(farm: SmallFarm, **changed: str) -> str:
    """Send Alice's form of application preferences; returns the page it leads to."""
    visitor = farm.visitor(farm.alice)
    answer = visitor.post("alice", "/-/admin", {**FORM, **changed})
    assert answer.status_code == 302, answer.text
    return visitor.get("alice", "/-/admin").text


# ------------------------------------------------------------------ name and description


def test_what_is_saved_in_the_wiki_is_in_the_registry(small_farm: SmallFarm) -> None:
    page = save(small_farm)
    assert 'value="Garden"' in page and 'value="What grows"' in page
    assert "Application Preferences updated." in page
    found = record(small_farm)
    assert (found.display_name, found.description) == ("Garden", "What grows")
    with small_farm.farm.database.reading() as session:
        entry = audit.search(session, wiki_slug="alice", limit=1)[0]
    assert (entry.action, entry.actor_did) == (Action.WIKI_DESCRIBED, small_farm.alice.did)
    assert record(small_farm, "robert").display_name == "robert"


def test_what_is_saved_on_the_root_host_is_in_the_wiki(small_farm: SmallFarm) -> None:
    save(small_farm)  # its rows are in wiki.db now, and must not win
    people.describe_wiki(small_farm.farm, "alice", "Orchard", "Apples & pears", OPERATOR)
    page = small_farm.visitor(small_farm.alice).get("alice", "/Home").text
    assert "Orchard</title>" in page and 'content="Apples &amp; pears"' in page
    assert "Garden" not in page and "What grows" not in page
    people.describe_wiki(small_farm.farm, "alice", "Orchard", "", OPERATOR)
    page = small_farm.visitor(small_farm.alice).get("alice", "/-/admin").text
    assert 'id="site_description" value=""' in page
    assert "robert" in small_farm.visitor().get("robert", "/Home").text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"site_name": ""}, "The name is empty"),
        ({"site_name": "x" * 81}, "The name has 81 characters"),
        ({"site_description": "two\nlines"}, "The description must be one line"),
    ],
)
def test_what_can_not_be_used_is_refused_in_words_and_nothing_is_saved(
    small_farm: SmallFarm, changed: dict[str, str], words: str
) -> None:
    page = save(small_farm, **changed)
    assert words in page
    assert "Application Preferences updated." not in page
    assert 'id="site-lang" value="en"' in page
    found = record(small_farm)
    assert (found.display_name, found.description) == ("alice", "")


def test_what_otterwiki_refuses_changes_no_name_either(small_farm: SmallFarm) -> None:
    page = save(small_farm, home_page="Start.md")
    assert "should not include the .md extension" in page
    assert record(small_farm).display_name == "alice"


def test_a_suspension_meanwhile_is_told(
    small_farm: SmallFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    from otterwiki_access_control import admin_form
    from otterwiki_tenant.errors import Suspended

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise Suspended("The wiki alice is suspended")

    monkeypatch.setattr(admin_form.people, "describe_wiki", refuse)
    page = save(small_farm)
    assert "Name and description were not changed: The wiki alice is suspended." in page
    assert record(small_farm).display_name == "alice"
    assert "alice</title>" in page


# ------------------------------------------------------------------ logo and icon


@pytest.mark.parametrize("field", ["site_logo", "site_icon"])
@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        " JavaScript:alert(1)",
        "java\tscript:alert(1)",
        "data:image/svg+xml,<svg onload=alert(1)>",
        "//evil.example/x.png",
        "/\\evil.example/x.png",
        "http://evil.example/x.png",
        "https:evil.example",
        "ftp://example.org/x.png",
        "logo.png",
        '/Home/a/x.png" onerror="alert(1)',
        "/Home/a/x y.png",
    ],
)
def test_g1_a_logo_is_an_own_attachment_or_an_https_image(
    small_farm: SmallFarm, field: str, address: str
) -> None:
    page = save(small_farm, **{field: address})
    assert "must be an address in this wiki" in page
    assert "Application Preferences updated." not in page
    name = field.upper()
    with wiki_context(small_farm.farm, "alice") as entered:
        assert not entered.settings.get(name)


@pytest.mark.parametrize("address", ["", "/Home/a/logo.png", "https://example.org/logo.png?x=1"])
def test_a_good_logo_is_kept(small_farm: SmallFarm, address: str) -> None:
    page = save(small_farm, site_logo=address)
    assert "Application Preferences updated." in page
    assert f'id="site-logo" value="{address}"' in page


def test_a_bad_logo_in_the_database_has_no_effect(small_farm: SmallFarm) -> None:
    from otterwiki.models import Preferences
    from otterwiki.server import db

    with wiki_context(small_farm.farm, "alice"), small_farm.app.app_context():
        for name in ("SITE_LOGO", "SITE_ICON"):
            db.session.add(Preferences(name=name, value="javascript:alert(1)"))
        db.session.commit()
    page = small_farm.visitor(small_farm.alice).get("alice", "/Home").text
    assert "javascript:alert" not in page
    assert "otterhead.png" in page


def test_image_addresses_are_bounded() -> None:
    assert is_image_address("/" + "a" * 1999)
    assert not is_image_address("/" + "a" * 2000)
    assert not is_image_address("/a\nb")


# ------------------------------------------------------------------ the server's matters


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_show_nothing_about_the_server(small_farm: SmallFarm, path: str) -> None:
    page = small_farm.visitor(small_farm.alice).get("alice", path).text.lower()
    for word in (
        "server name",
        "server_name",
        "email",
        "mail preferences",
        "user management",
        "registration",
        "repository management",
        "webhook",
        "git_",
        "html_extra",
        "custom html",
    ):
        assert word not in page, word


SERVERS = {
    "server_name": "evil.example",
    "SERVER_NAME": "evil.example",
    "READ_ACCESS": "ANONYMOUS",
    "READ_access": "ANONYMOUS",
    "WRITE_access": "ANONYMOUS",
    "disable_registration": "False",
    "mail_server": "mail.example",
    "html_extra_head": "<script>alert(1)</script>",
    "HTML_EXTRA_BODY": "<script>alert(1)</script>",
    "git_web_server": "True",
    "git_remote_push_enabled": "True",
    "git_remote_push_url": "git@evil.example:x",
    "git_remote_pull_enabled": "True",
    "secret_key": "x" * 32,
    "renderer_html_allowlist": "script[src]",
}
FARMS = (
    "SERVER_NAME READ_ACCESS WRITE_ACCESS ATTACHMENT_ACCESS DISABLE_REGISTRATION MAIL_SERVER"
    " HTML_EXTRA_HEAD HTML_EXTRA_BODY GIT_WEB_SERVER GIT_REMOTE_PUSH_ENABLED"
    " GIT_REMOTE_PULL_ENABLED SECRET_KEY RENDERER_HTML_ALLOWLIST"
).split()


@pytest.mark.parametrize("path", PAGES)
def test_nothing_of_the_server_can_be_changed(small_farm: SmallFarm, path: str) -> None:
    config = small_farm.app.config

    def values() -> dict[str, object]:
        with wiki_context(small_farm.farm, "alice"):
            return {name: config.get(name) for name in FARMS}

    before = values()
    visitor = small_farm.visitor(small_farm.alice)
    answer = visitor.post("alice", path, {**FORM, **SERVERS})
    assert answer.status_code == 302
    assert values() == before
    page = visitor.get("alice", "/Home").text
    assert "<script>alert(1)" not in page and "evil.example" not in page
