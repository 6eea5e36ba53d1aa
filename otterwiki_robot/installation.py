"""One installation: its settings, and the farm they describe."""

from __future__ import annotations

import logging
from contextlib import redirect_stderr
from functools import cached_property
from importlib.resources import files
from typing import TextIO, cast

from flask import Flask

from otterwiki_tenant import clock, startup
from otterwiki_tenant.errors import StartupRefused, TenantError
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.limits import FarmLimits

from .log import LineLogger
from .settings import Settings
from .transfer.importing import Places
from .transfer.staging import remove_expired
from .transfer.workspace import remove_leftovers

_log = logging.getLogger(__name__)


class NotInitialised(TenantError):
    """The home folder holds no farm yet."""


class Installation:
    """A farm as one process uses it. Opens nothing until asked."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def bare_farm(self) -> Farm:
        """The farm, whether it is initialised or not: for `init`, `upgrade` and `doctor`."""
        return Farm(
            self.settings.home,
            self.settings.domain,
            scheme=self.settings.scheme,
            database_url=self.settings.database_url or None,
            limits=self.farm_limits,
            abuse_contact=self.settings.abuse_contact,
        )

    @cached_property
    def farm(self) -> Farm:
        """The farm, ready for use.

        Raises :class:`NotInitialised` or RegistryBehind, each saying which command helps.
        """
        layout = self.bare_farm.layout
        if not layout.signing_key.exists() or not layout.wikis.is_dir():
            raise NotInitialised(f"{layout.home} holds no farm yet. Run: robot init")
        self.bare_farm.database.check_current()
        return self.bare_farm

    def load_otterwiki(self) -> Flask:
        """Otterwiki's application, loaded once a process as this farm's.

        What it prints while loading becomes log lines. Raises StartupRefused.
        """
        printed = LineLogger(logging.getLogger("otterwiki"))
        farm = self.farm
        try:
            with redirect_stderr(cast(TextIO, printed)):
                app = startup.load(farm)
        except SystemExit:
            said = " ".join(printed.lines) or "it gave no reason"
            raise StartupRefused(f"Otterwiki did not start: {said}") from None
        farm.close()  # wikis opened before know no tables; they are opened anew when asked for
        return app

    @property
    def farm_limits(self) -> FarmLimits:
        """What one person and one wiki may have."""
        return FarmLimits(
            max_wikis=self.settings.max_wikis,
            max_pages=self.settings.max_pages,
            max_collaborators=self.settings.max_collaborators,
            max_tokens=self.settings.max_tokens,
            page_bytes=self.settings.max_page_bytes,
            attachment_bytes=self.settings.max_attachment_bytes,
            repository_bytes=self.settings.max_repository_bytes,
        )

    @property
    def places(self) -> Places:
        """Where an import works, and where bundles of replaced histories go."""
        return Places(self.bare_farm.layout.run, self.settings.home / "backups")

    def clean_up(self) -> list[str]:
        """Remove what killed processes left behind; returns what it was, for people."""
        layout = self.farm.layout
        found = self.farm.recover()
        removed = [str(layout.wikis / name) for name in (*found.closed, *found.removed)]
        git_dirs = [path for path in layout.wikis.glob("*/repo.git") if path.is_dir()]
        removed += remove_expired(layout.run, clock.now())
        removed += remove_leftovers(layout.run, git_dirs)
        for what in removed:
            _log.info("removed a leftover", extra={"fields": {"what": what}})
        return removed

    def close(self) -> None:
        """Give back what was opened."""
        if "bare_farm" in self.__dict__:
            self.bare_farm.close()


def packaged_pages(folder: str) -> dict[str, bytes]:
    """The Markdown files in a folder of this package, by file name."""
    found = files(__package__).joinpath(folder).iterdir()
    return {item.name: item.read_bytes() for item in found if item.name.endswith(".md")}
