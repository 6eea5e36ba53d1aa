"""Bringing a history into a wiki: fetch privately, check all of it, then one compare-and-swap."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from otterwiki_engine.authorship import Author, clean_message, with_trailers
from otterwiki_engine.errors import Conflict
from otterwiki_engine.git_command import GitFailed
from otterwiki_engine.pagenames import PAGE_SUFFIX
from otterwiki_engine.repository import Repository

from .checks import Contents, Limits, check_history, check_page_count
from .committing import commit_files
from .errors import Problem, TransferRefused
from .exporting import write_bundle
from .fetching import FETCHED_REF, fetch
from .files import FileSet, SourceFile, screen
from .folder import read_folder
from .git import Progress, capture, command, environment, size_of
from .public_fetching import PublicRepository, fetch_public
from .sources import Folder, GitSource
from .workspace import Workspace, workspace

_log = logging.getLogger(__name__)

CLIENT = "robot wiki import"
Source = Folder | GitSource | FileSet | PublicRepository


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
    """What an import did. ``backup`` is the bundle of the history it replaced, if any; ``left_out``
    is what did not come in of a folder, a zip file or an upload."""

    revision: str
    contents: Contents
    backup: Path | None
    left_out: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Checked:
    """A history in a private repository, fit to come into the wiki."""

    revision: str
    contents: Contents
    left_out: tuple[Problem, ...]


def is_untouched(target: Target) -> bool:
    """Whether the wiki holds nothing but what it was made with."""
    return target.repository.head() in (None, target.template_revision)


def import_history(
    source: Source,
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
    if not is_untouched(target) and not replace:
        raise TransferRefused(
            f"{target.slug} has pages already; --replace puts the import in their place, after"
            " saving a bundle of the old history"
        )
    with workspace(places.run) as work:
        git_dir = work.folder / "repo.git"
        checked = fetch_and_check(
            source, git_dir, target, limits=limits, network=network, progress=progress
        )
        return adopt(checked, git_dir, target, before, work=work, places=places, progress=progress)


def fetch_and_check(
    source: Source,
    git_dir: Path,
    target: Target,
    *,
    limits: Limits,
    network: Mapping[str, str] = MappingProxyType({}),
    client: str = CLIENT,
    progress: Progress,
) -> Checked:
    """Make the repository `git_dir` and bring `source` into it; the wiki is not touched.

    Of an uploaded or zipped :class:`FileSet`, what can't come in is left out; anything else must
    be fit as a whole. Raises :class:`TransferRefused`, which names everything that is not.
    """
    private = Repository.create(git_dir, state_dir=git_dir.parent / "state")
    left_out: tuple[Problem, ...] = ()
    try:
        if isinstance(source, GitSource):
            revision = fetch(
                source,
                git_dir,
                network=network,
                max_bytes=limits.repository_bytes,
                progress=progress,
            )
        elif isinstance(source, PublicRepository):
            revision = fetch_public(
                source, git_dir, max_bytes=limits.repository_bytes, progress=progress
            )
        else:
            files, left_out = _files_of(source, limits)
            check_page_count(sum(file.path.endswith(PAGE_SUFFIX) for file in files), limits)
            revision = commit_files(
                files,
                git_dir,
                author=target.owner,
                message=with_trailers(
                    clean_message(f"Import of {_name_of(source)}"), target.owner_did, client
                ),
                max_bytes=limits.repository_bytes,
                progress=progress,
            )
        _check_size(private, limits)
        contents, problems = check_history(private, revision, limits, progress)
    finally:
        private.close()
    if problems:
        raise TransferRefused("Nothing was imported", problems)
    return Checked(revision, contents, left_out)


def _name_of(source: Folder | FileSet) -> str:
    return source.path.name if isinstance(source, Folder) else source.name


def _files_of(
    source: Folder | FileSet, limits: Limits
) -> tuple[Sequence[SourceFile], tuple[Problem, ...]]:
    if isinstance(source, Folder):
        found = read_folder(source.path)
        return found.files, found.left_out
    files, unfit = screen(source.files, limits)
    left_out = (*source.left_out, *unfit)
    if not files:
        raise TransferRefused("there is nothing to import in it", left_out)
    return files, left_out


def adopt(
    checked: Checked,
    git_dir: Path,
    target: Target,
    before: str | None,
    *,
    work: Workspace,
    places: Places,
    progress: Progress,
) -> Imported:
    """Make what was checked in the repository `git_dir` the history of the wiki, if that still
    stands at `before`; what it held beyond its template is saved as a bundle first.

    Raises :class:`TransferRefused`, and then the wiki is as it was.
    """
    backup = None
    if checked.revision != before:
        if not is_untouched(target):
            backup = _save_old(target, places.backups, progress)
        _bring_in(git_dir, checked.revision, target.repository, before, work, progress)
    return Imported(checked.revision, checked.contents, backup, checked.left_out)


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


def _bring_in(
    git_dir: Path,
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
        str(git_dir), f"+{FETCHED_REF}:{work.ref}",
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
