"""What every page of the root host knows: the person, the menu, the farm's numbers and contacts."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Flask, g, request, url_for

from otterwiki_robot.settings import Settings
from otterwiki_tenant import wikis
from otterwiki_tenant.farm import Farm

from .notices import PARAMETER, notice
from .sentences import moment


@dataclass(frozen=True)
class Contact:
    """Whom to write to, and the link that does it."""

    text: str
    url: str


@dataclass(frozen=True)
class MenuEntry:
    """One line of the menu of the account pages."""

    label: str
    url: str
    icon: str
    is_current: bool


_FOR_EVERYBODY = (("My wikis", "/app/", "fa-book"),)
_FOR_OWNERS = (
    ("Settings", "/app/settings", "fa-cog"),
    ("Collaborators", "/app/collaborators", "fa-users"),
    ("Connect", "/app/connect", "fa-plug"),
    ("Activity", "/app/activity", "fa-history"),
    ("Import", "/app/import", "fa-file-import"),
    ("Export", "/app/export", "fa-file-export"),
)
_LAST = (("Account", "/app/account", "fa-user"),)


def install(app: Flask, settings: Settings, farm: Farm) -> None:
    """Let templates use it."""

    @app.context_processor
    def common() -> dict[str, object]:
        return {
            "domain": settings.domain,
            "person": g.get("person"),
            "dev": settings.dev,
            "limits": farm.limits,
            "notice": notice(request.args.get(PARAMETER)),
            "abuse_contact": contact_of(settings.abuse_contact),
            "terms_url": settings.terms_url or url_for("terms"),
        }

    @app.template_global("account_menu")
    def account_menu() -> list[MenuEntry]:
        with farm.database.reading() as session:
            owned = [record.slug for record in wikis.owned_by(session, g.person.did)]
        return menu(request.path, owned, request.values.get("wiki"))

    app.jinja_env.filters["size"] = size_in_words
    app.jinja_env.filters["moment"] = moment
    app.jinja_env.filters["wiki_url"] = settings.wiki_url


def menu(path: str, owned: list[str], chosen: str | None) -> list[MenuEntry]:
    """The menu on page `path` for the owner of the wikis `owned`, the oldest first.

    Where there are several, the entries stay with the one that is `chosen`.
    """
    entries = _FOR_EVERYBODY + (_FOR_OWNERS if owned else ()) + _LAST
    stay = len(owned) > 1 and chosen in owned
    query = "?" + urlencode({"wiki": chosen}) if stay else ""
    about_a_wiki = {url for _, url, _ in _FOR_OWNERS}
    is_of_another = bool(chosen) and chosen not in owned  # no entry leads to such a page
    return [
        MenuEntry(
            label,
            url + (query if url in about_a_wiki else ""),
            icon,
            _is_at(path, url) and not (is_of_another and url in about_a_wiki),
        )
        for label, url, icon in entries
    ]


def _is_at(path: str, url: str) -> bool:
    return path == url or (not url.endswith("/") and path.startswith(url + "/"))


def contact_of(text: str) -> Contact | None:
    """The operator's contact, a mail address or an https URL; None where none is set."""
    if not text:
        return None
    is_url = text.startswith(("https://", "http://"))
    return Contact(text, text if is_url else f"mailto:{text}")


def size_in_words(size_bytes: int) -> str:
    """A size for people: "12 kB", "3.4 MB", "250 MB"."""
    if size_bytes < 1_000_000:
        return f"{max(1, round(size_bytes / 1000))} kB" if size_bytes else "nothing"
    size = size_bytes / 1_000_000
    return f"{size:.1f} MB" if size < 10 and size != int(size) else f"{size:.0f} MB"
