"""What a wiki's own menu adds: the way to the account pages on the root host."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from otterwiki_engine.actor import Permission
from otterwiki_tenant import current
from otterwiki_tenant.hosts import host_url


@dataclass(frozen=True)
class MenuEntry:
    """A line of the menu; `icon` is the name of a Font Awesome icon."""

    label: str
    url: str
    icon: str


def farm_menu() -> list[MenuEntry]:
    """The entries for whoever asks: nothing for a reader without an account."""
    active = current.active_or_none()
    if active is None or not active.actor.is_signed_in:
        return []
    farm, slug = active.farm, active.record.slug
    root = host_url(farm.scheme, farm.domain, active.port)
    about = "?" + urlencode({"wiki": slug})
    entries = [MenuEntry("My wikis", f"{root}/app/", "fa-book")]
    if active.actor.may(Permission.ADMIN):
        entries.append(MenuEntry("Wiki settings", f"{root}/app/settings{about}", "fa-cogs"))
        entries.append(
            MenuEntry("Collaborators", f"{root}/app/collaborators{about}", "fa-user-friends")
        )
        entries.append(MenuEntry("Connect programs", f"{root}/app/connect{about}", "fa-plug"))
    return entries
