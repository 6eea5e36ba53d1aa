"""Which of Otterwiki's settings a wiki's owner decides, and how their stored text is read.

Otterwiki turns every row of its Preferences table into configuration. On a farm only the names
below are taken from a wiki's rows; all others (secrets, access, mail, the repository, extra HTML)
belong to the farm, whatever a wiki's database says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Settings that are text.
TEXTS = frozenset(
    {
        "COMMIT_MESSAGE",
        "DEFAULT_COMMIT_MESSAGE",
        "HOME_PAGE",
        "NOT_FOUND_PAGE",
        "ROBOTS_TXT",
        "SIDEBAR_CUSTOM_MENU",
        "SIDEBAR_MENUTREE_FOCUS",
        "SIDEBAR_MENUTREE_MAXDEPTH",
        "SIDEBAR_MENUTREE_MODE",
        "SIDEBAR_SHORTCUTS",
        "SITE_DESCRIPTION",
        "SITE_ICON",
        "SITE_LANG",
        "SITE_LOGO",
        "SITE_NAME",
        "WIKILINK_STYLE",
    }
)
#: Settings that are on or off.
FLAGS = frozenset(
    {
        "HIDE_LOGO",
        "OPEN_LINKS_IN_NEW_TAB",
        "RETAIN_PAGE_NAME_CASE",
        "SIDEBAR_MENUTREE_IGNORE_CASE",
        "TREAT_UNDERSCORE_AS_SPACE_FOR_TITLES",
    }
)
OF_A_WIKI = TEXTS | FLAGS
#: Settings that name an image: every reader's browser loads it.
IMAGES = frozenset({"SITE_ICON", "SITE_LOGO"})
#: A path on the wiki's own host, or https; nothing a browser could run or read as another scheme.
_IMAGE_ADDRESS = re.compile(r"(?:https://[a-z0-9]|/(?![/\\]))[!-~]*", re.IGNORECASE)
_MAX_ADDRESS_CHARACTERS = 2000


def is_image_address(text: str) -> bool:
    """Whether `text` may name a wiki's logo or icon: an own attachment, or an https image."""
    return len(text) <= _MAX_ADDRESS_CHARACTERS and bool(_IMAGE_ADDRESS.fullmatch(text))


def settings_of(rows: Iterable[tuple[str, str | None]]) -> dict[str, object]:
    """The settings that Preferences rows (name, value) stand for, converted as Otterwiki does."""
    settings: dict[str, object] = {}
    for name, value in rows:
        if name in FLAGS:
            settings[name] = (value or "").lower() in ("true", "yes")
        elif name in IMAGES:
            settings[name] = value if is_image_address(value or "") else ""
        elif name in TEXTS:
            settings[name] = value
    return settings
