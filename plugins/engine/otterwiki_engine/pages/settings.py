"""The settings that decide what a page name means, and the file by which a sidecar learns them.

Two doors that map page names to files differently make two pages of one. On a stock Otterwiki the
engine's plugin writes what Otterwiki is set to into the wiki's state folder
(:mod:`.otterwiki_settings`), and a process beside it reads that; on a farm tenancy passes the
settings in.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import EngineError

FILE_NAME = "page-settings.json"
_LINK_FIRST = frozenset({"LINKTITLE", "PAGENAMETITLE"})
_DEFAULT_HOME = "Home"


class PageSettingsUnreadable(EngineError):
    """The file with the page settings is damaged; Otterwiki writes it anew when it starts."""


@dataclass(frozen=True)
class PageSettings:
    """How page names and links are read.

    ``retain_page_name_case``: file names keep the case of page names (else they are lower case);
    ``wikilink_link_first``: ``[[link|title]]`` rather than ``[[title|link]]``; ``home_page``: the
    page shown at ``/``, "" where that is none of the wiki's pages; ``underscores_are_spaces``: in
    titles that are derived from page names.
    """

    retain_page_name_case: bool = False
    wikilink_link_first: bool = False
    home_page: str = _DEFAULT_HOME
    underscores_are_spaces: bool = False


def page_settings_of(config: Mapping[str, Any]) -> PageSettings:
    """The page settings in Otterwiki's configuration `config` (a Flask config or a dict)."""
    style = str(config.get("WIKILINK_STYLE") or "").upper().replace("_", "").strip()
    home = str(config.get("HOME_PAGE") or "").strip()
    return PageSettings(
        retain_page_name_case=bool(config.get("RETAIN_PAGE_NAME_CASE")),
        wikilink_link_first=style in _LINK_FIRST,
        home_page="" if home.startswith("/-/") else home.strip("/") or _DEFAULT_HOME,
        underscores_are_spaces=bool(config.get("TREAT_UNDERSCORE_AS_SPACE_FOR_TITLES")),
    )


def write_page_settings(state_dir: Path, settings: PageSettings) -> bool:
    """Put `settings` into the wiki's state folder, in one step; False where they were there."""
    content = json.dumps(asdict(settings), indent=2, sort_keys=True) + "\n"
    path = state_dir / FILE_NAME
    try:
        if path.read_text("utf-8") == content:
            return False
    except (FileNotFoundError, UnicodeDecodeError):
        pass  # there is none yet, or a damaged one: it is replaced
    descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=state_dir)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return True


def read_page_settings(state_dir: Path) -> PageSettings | None:
    """The settings Otterwiki left in the wiki's state folder, None where it never did.

    Raises :class:`PageSettingsUnreadable` for a damaged file: guessing would make pages that
    nobody finds.
    """
    path = state_dir / FILE_NAME
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise PageSettingsUnreadable(f"{path} can't be read: {error}") from error
    kinds = {field.name: type(field.default) for field in fields(PageSettings)}
    if not isinstance(found, dict) or any(
        type(found.get(name)) is not kind for name, kind in kinds.items()
    ):
        raise PageSettingsUnreadable(f"{path} does not say what it should; start Otterwiki again")
    return PageSettings(**{name: found[name] for name in kinds})
