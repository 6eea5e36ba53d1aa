"""Where a farm keeps what, below ROBOT_HOME."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NEW_PREFIX = ".new-"
TRASH_PREFIX = ".trash-"


@dataclass(frozen=True)
class Layout:
    """The paths of the farm at `home`. A slug must have passed check_slug or come from a row."""

    home: Path

    @property
    def wikis(self) -> Path:
        """One folder a wiki, and hidden ones that are being made or removed."""
        return self.home / "wikis"

    @property
    def data(self) -> Path:
        """What must be backed up besides the wikis."""
        return self.home / "data"

    @property
    def run(self) -> Path:
        """What may be deleted while nothing runs."""
        return self.home / "run"

    @property
    def registry(self) -> Path:
        """The registry, unless it is elsewhere by URL."""
        return self.data / "robot.db"

    @property
    def signing_key(self) -> Path:
        """The RS256 key of the platform's tokens."""
        return self.data / "signing_key.pem"

    @property
    def secret_key(self) -> Path:
        """The secret from which each wiki's cookie key is derived."""
        return self.data / "secret_key"

    @property
    def lifecycle_lock(self) -> Path:
        """Held by whoever creates, deletes or recovers wikis."""
        return self.data / "lifecycle.lock"

    def wiki(self, slug: str) -> Path:
        """The folder of wiki `slug`."""
        return self.wikis / slug

    def folders(self) -> tuple[Path, ...]:
        """The folders every farm has."""
        return (self.home, self.wikis, self.data, self.run)


def repository_of(folder: Path) -> Path:
    """The bare repository in a wiki's folder."""
    return folder / "repo.git"


def wiki_db_of(folder: Path) -> Path:
    """Otterwiki's database in a wiki's folder."""
    return folder / "wiki.db"


def pending_of(folder: Path) -> Path:
    """The marker of a creation or deletion that has not come to its end."""
    return folder / "pending"
