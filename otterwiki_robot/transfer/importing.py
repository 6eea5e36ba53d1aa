"""Bringing a history into a wiki: fetch privately, check all of it, then one compare-and-swap."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from otterwiki_engine.authorship import Author, clean_message, with_trailers
from otterwiki_engine.errors import Conflict
from otterwiki_engine.git_command import GitFailed
from otterwiki_engine.repository import Repository

from .checks import Contents, Limits, check_history
from .errors import TransferRefused
from .exporting import write_bundle
from .fetching import FETCHED_REF, fetch
from .folder import commit_folder
from .git import Progress, capture, command, environment, size_of
from .sources import Folder, GitSource
from .workspace import Workspace, workspace

_log = logging.getLogger(__name__)

CLIENT = "robot wiki import"


@dataclass(frozen=True)
class Target:
    """The wiki an import goes into.

    ``template_revision`` is the commit the wiki was made with; ``owner`` and ``owner_did`` sign
    the commit that a folder becomes.
    """

    slug: str
    repository: Repository
    template_revision: str | None
    owner: Author
    owner_did: str


@dataclass(frozen=True)
class Places:
    """Where an import may work (`run`) and where it leaves bundles of what it replaces."""

    run: Path
    backups: Path


@dataclass(frozen=True)
class Imported:
    """What an import did. ``backup`` is the bundle of the history it replaced, if any."""

    revision: str
    contents: Contents
    backup: Path | None


def import_history(
    source: Folder | GitSource,
    target: Target,
    *,
    replace: bool,
    limits: Limits,
    places: Places,
    network: Mapping[str, str],
    progress: Progress,
) -> Imported:
    """Make `source` the history of the wiki `target`.

    A wiki that holds anything but the commit it was made with is only replaced if `replace` is
    set, and its old history is saved first. Raises :class:`TransferRefused`, and then the wiki is
    as it was.
    """
    before = target.repository.head()
    untouched = before is None or before == target.template_revision
    if not untouched and not replace:
        raise TransferRefused(
            f"{target.slug} has pages already; --replace puts the import in their place, after"
            " saving a bundle of the old history"
        )
    with workspace(places.run) as work:
        private = Repository.create(work.folder / "repo.git", state_dir=work.folder / "state")
        try:
            if isinstance(source, Folder):
                revision = _commit(source, private, target, limits, progress)
            else:
                revision = fetch(
                    source,
                    private.git_dir,
                    network=network,
                    max_bytes=limits.repository_bytes,
                    progress=progress,
                )
            _check_size(private, limits)
            contents, problems = check_history(private, revision, limits, progress)
            if problems:
                raise TransferRefused("Nothing was imported", problems)
            if revision == before:
                return Imported(revision, contents, None)
            backup = None if untouched else _save_old(target, places.backups, progress)
            _adopt(private, revision, target.repository, before, work, progress)
            return Imported(revision, contents, backup)
        finally:
            private.close()


def _commit(
    source: Folder, private: Repository, target: Target, limits: Limits, progress: Progress
) -> str:
    message = with_trailers(
        clean_message(f"Import of {source.path.name}"), target.owner_did, CLIENT
    )
    return commit_folder(
        source.path,
        private.git_dir,
        author=target.owner,
        message=message,
        max_bytes=limits.repository_bytes,
        progress=progress,
    )


def _check_size(private: Repository, limits: Limits) -> None:
    size = size_of(private.git_dir / "objects")
    if size > limits.repository_bytes:
        raise TransferRefused(
            f"the repository has {size // 1_000_000} MB; one wiki may have"
            f" {limits.repository_bytes // 1_000_000} MB"
        )


def _save_old(target: Target, folder: Path, progress: Progress) -> Path:
    """Write the wiki's whole history as a bundle into `folder`; returns its path."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    path = folder / f"{target.slug}-{moment}.bundle"
    write_bundle(target.repository, path, progress)
    return path


def _adopt(
    private: Repository,
    revision: str,
    wiki: Repository,
    before: str | None,
    work: Workspace,
    progress: Progress,
) -> None:
    """Copy the checked objects into the wiki; move its branch if it still stands at `before`."""
    progress("Writing wiki", 0, None)
    arguments = command(
        wiki.git_dir, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--end-of-options",
        str(private.git_dir), f"+{FETCHED_REF}:{work.ref}",
        protocols=("file",),
    )  # fmt: skip
    try:
        capture(arguments, environment({}), wiki.git_dir)
        wiki.replace_head(revision, expected=before)
    except Conflict:
        raise TransferRefused(
            "the wiki was edited while the import ran, so nothing was imported; try again"
        ) from None
    finally:
        try:
            wiki.git("update-ref", "-d", work.ref)
        except GitFailed:  # the next `robot doctor` or start removes it; the import itself stands
            _log.warning("temporary ref not removed", extra={"fields": {"ref": work.ref}})
