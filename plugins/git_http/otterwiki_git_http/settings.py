"""The settings of this plugin, each declared once. Nothing else here reads the environment.

They are read once, when Otterwiki starts: what a single wiki of a farm is set to later has no say.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKS_AT_ONCE = "GIT_HTTP_PACKS_AT_ONCE"
SECONDS = "GIT_HTTP_SECONDS"
KEPT_PACK_BYTES = "GIT_HTTP_KEPT_PACK_BYTES"
RUN_FOLDER = "GIT_HTTP_RUN_FOLDER"


class BadSetting(ValueError):
    """A setting of this plugin that can't be used; the message says what to write instead."""


@dataclass(frozen=True)
class Settings:
    """What an operator may decide.

    ``packs_at_once``: packs sent at once by all processes; one less to one address, or of one wiki.
    ``seconds``: how long one may take. ``kept_pack_bytes``: the largest pack that is kept for the
    next clone. ``run_folder``: where all wikis of a server share their places; None for the wiki's
    own folder of derived files.
    """

    packs_at_once: int = 4
    seconds: int = 300
    kept_pack_bytes: int = 300_000_000
    run_folder: Path | None = None


def read_settings(
    config: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> Settings:
    """The settings from Otterwiki's configuration, else from `environment`.

    None stands for the process's own. Raises :class:`BadSetting`.
    """
    source = os.environ if environment is None else environment

    def value(name: str) -> str:
        found = config.get(name)
        return str(source.get(name, "") if found is None else found).strip()

    default = Settings()
    folder = value(RUN_FOLDER)
    if folder and not os.path.isabs(folder):
        raise BadSetting(f"{RUN_FOLDER}={folder!r}: write an absolute path")
    return Settings(
        packs_at_once=_number(PACKS_AT_ONCE, value(PACKS_AT_ONCE), default.packs_at_once, 1000),
        seconds=_number(SECONDS, value(SECONDS), default.seconds, 86_400),
        kept_pack_bytes=_number(
            KEPT_PACK_BYTES, value(KEPT_PACK_BYTES), default.kept_pack_bytes, 10**12
        ),
        run_folder=Path(folder) if folder else None,
    )


def _number(name: str, value: str, default: int, most: int) -> int:
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= most:
        raise BadSetting(f"{name}={value!r}: write a whole number from 1 to {most}")
    return int(value)
