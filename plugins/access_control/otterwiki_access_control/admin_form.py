"""Otterwiki's form of application preferences on a farm: name and description are the registry's.

The registry's row is the truth about a wiki's name and description: the front page and the account
pages show it, and the settings of the wiki itself (:attr:`ActiveWiki.settings`). What is typed into
Otterwiki's own form goes there, by the same function and under the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from otterwiki_tenant import names, people
from otterwiki_tenant.audit import By
from otterwiki_tenant.current import ActiveWiki
from otterwiki_tenant.errors import TenantError, TextRefused
from otterwiki_tenant.preferences import is_image_address

ENDPOINT = "admin"
SUBMIT = "update_preferences"  # without it Otterwiki takes no notice of the form
_TEXTS: Mapping[str, Callable[[str], str]] = {
    "site_name": names.check_display_name,
    "site_description": names.check_description,
}
_IMAGES = {"site_logo": "logo", "site_icon": "icon"}


def problems(form: Mapping[str, str]) -> list[str]:
    """What can't be used of the submitted form, in sentences; nothing may be saved then."""
    found = []
    for field, check in _TEXTS.items():
        try:
            check(form.get(field, ""))
        except TextRefused as refused:
            found.append(f"{refused}.")
    for field, what in _IMAGES.items():
        address = form.get(field, "").strip()
        if address and not is_image_address(address):
            found.append(
                f"The {what} must be an address in this wiki, like /Home/a/{what}.png, or one that"
                " begins with https://."
            )
    return found


def keep_in_registry(
    active: ActiveWiki, form: Mapping[str, str], address: str | None
) -> str | None:
    """Write name and description of a saved form to the registry; returns a refusal in words.

    `address` is where the request came from, for the audit trail.
    """
    try:
        people.describe_wiki(
            active.farm,
            active.record.slug,
            name=form.get("site_name", ""),
            description=form.get("site_description", ""),
            by=By(active.actor.did, address),
        )
    except TenantError as refused:
        return f"Name and description were not changed: {refused}."
    return None
