"""Getting a foreign history into a private repository."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from otterwiki_engine import git_command
from otterwiki_engine.git_command import GitFailed
from otterwiki_engine.refs import read_ref

from .errors import TransferRefused
from .git import Progress, capture, command, environment, run_watched
from .sources import GitSource

FETCHED_REF = "refs/import/head"
_USUAL_BRANCHES = ("main", "master")


def fetch(
    source: GitSource,
    git_dir: Path,
    *,
    network: Mapping[str, str],
    max_bytes: int,
    progress: Progress,
) -> str:
    """Fetch the branch `source` stands at into the repository `git_dir`; returns its commit id.

    `network` are the variables git may need to reach the outside. What is fetched is checked by
    git itself (transfer.fsckObjects), bundles included. Raises :class:`TransferRefused`.
    """
    variables = environment(network)
    exit_code, complaint = _fetch_ref(source, "HEAD", git_dir, variables, max_bytes, progress)
    if exit_code != 0 and "couldn't find remote ref HEAD" in complaint:
        branch = _branch_of(source, git_dir, variables)
        exit_code, complaint = _fetch_ref(source, branch, git_dir, variables, max_bytes, progress)
    # Of a shallow source git says that it was rejected, and that all went well.
    if exit_code != 0 or read_ref(git_dir, FETCHED_REF) is None:
        raise TransferRefused(_explained(source, complaint))
    if source.is_bundle:  # older gits do not check the objects of a bundle while fetching
        progress("Checking objects", 0, None)
        try:
            git_command.run(git_dir, "fsck", "--full", "--no-dangling", "--no-progress")
        except GitFailed as error:
            raise TransferRefused(f"{source.shown} holds damaged objects: {error}") from None
    revision = git_command.run(git_dir, "rev-parse", "--verify", f"{FETCHED_REF}^{{commit}}")
    return revision.strip()


def _fetch_ref(
    source: GitSource,
    ref: str,
    git_dir: Path,
    variables: dict[str, str],
    max_bytes: int,
    progress: Progress,
) -> tuple[int, str]:
    arguments = command(
        git_dir,
        "fetch",
        "--progress",
        "--no-tags",
        "--no-recurse-submodules",
        "--no-write-fetch-head",
        "--end-of-options",
        source.location,
        f"+{ref}:{FETCHED_REF}",
        protocols=(source.protocol,),
    )
    return run_watched(arguments, variables, folder=git_dir, max_bytes=max_bytes, progress=progress)


def _branch_of(source: GitSource, git_dir: Path, variables: dict[str, str]) -> str:
    """The one branch to take from a source whose HEAD names none."""
    arguments = command(
        git_dir, "ls-remote", "--heads", "--end-of-options", source.location,
        protocols=(source.protocol,),
    )  # fmt: skip
    listed = capture(arguments, variables, git_dir)
    branches = [line.partition("\t")[2].removeprefix("refs/heads/") for line in listed.splitlines()]
    if not branches:
        raise TransferRefused(f"{source.shown} has no commits to import")
    usual = [name for name in _USUAL_BRANCHES if name in branches]
    if len(branches) > 1 and not usual:
        named = ", ".join(sorted(branches)[:10])
        raise TransferRefused(
            f"{source.shown} has several branches ({named}) and no HEAD that names the one to take"
        )
    return f"refs/heads/{usual[0] if usual else branches[0]}"


_KNOWN_COMPLAINTS = {
    "dubious ownership": "belongs to another user; make a bundle of it as that user"
    " (git bundle create wiki.bundle HEAD) and import the bundle",
    "shallow": "holds only part of its history (a shallow clone);"
    " run git fetch --unshallow in it first",
    "lacks these prerequisite": "is a partial bundle; make one with the whole history"
    " (git bundle create wiki.bundle HEAD)",
    "fsck": "holds objects git refuses",
    "not allowed": "can't be fetched that way",
    "could not read Username": "needs a sign-in; import from a clone of it on this machine",
    "Authentication failed": "refused the sign-in; import from a clone of it on this machine",
    "Could not resolve host": "can't be reached: its host name is not known",
}


def _explained(source: GitSource, complaint: str) -> str:
    complaint = re.sub(r"//[^/@ ]*@", "//", complaint)  # a password in a URL stays secret
    for sign, meaning in _KNOWN_COMPLAINTS.items():
        if sign in complaint:
            return f"{source.shown} {meaning} (git: {complaint[:500]})"
    return f"{source.shown} can't be fetched (git: {complaint[:500] or 'no reason given'})"
