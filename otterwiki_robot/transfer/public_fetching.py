"""Fetching a repository from a URL that a person typed into the browser.

The operator may fetch from anywhere (:mod:`.fetching`). Anybody else may only fetch what anybody
may read: https, from a host whose every address is public, over connections to the addresses that
were looked at, without following redirects, within bounds of time, memory and size (security
checklist E1-E6).
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from otterwiki_engine import git_command
from otterwiki_engine.refs import read_ref

from .addresses import (
    HTTPS_PORT,
    INTERNET,
    Address,
    AddressRefused,
    Outside,
    PublicUrl,
    UrlRefused,
    check_url,
)
from .errors import TransferRefused
from .fetching import FETCHED_REF
from .git import Progress, TookTooLong, command, environment, run_watched

FETCH_SECONDS = 45.0
_MEMORY_KIB = 1_500_000
#: The first git that knows http.curloptResolve. Older ones ignore it, and ask for the name again.
OLDEST_GIT_FOR_URLS = (2, 37)
# One sentence for everything that would tell about our side of the network (checklist E6).
NOT_FETCHED = (
    "no repository could be fetched from that address. Check that it is spelled as your git host"
    " shows it for cloning by https, and that it can be read without signing in; or import a zip"
    " file instead"
)
GIT_TOO_OLD = (
    "this server can't import from a URL: its git is too old to do it safely. Import a zip file"
    " instead"
)
_REDIRECTED = re.compile(r"returned error: 30[1-8]")
_NO_HEAD = "couldn't find remote ref HEAD"
_SAID_OF_CONTENT = {
    "shallow": "the repository holds only part of its history (a shallow clone)",
    "fsck": "the repository holds objects that git refuses as damaged or dangerous",
}


@dataclass(frozen=True)
class PublicRepository:
    """A repository at a URL that was checked, and how the outside is reached."""

    url: PublicUrl
    outside: Outside = INTERNET

    @property
    def shown(self) -> str:
        """The URL, for messages."""
        return str(self.url)


def public_repository(
    text: str, *, own_domain: str, outside: Outside = INTERNET
) -> PublicRepository:
    """The repository a person's `text` names; raises :class:`TransferRefused` with what to change.

    Hosts of this farm, `own_domain` and below, are not fetched from.
    """
    try:
        url = check_url(text)
    except UrlRefused as refused:
        raise TransferRefused(str(refused)) from None
    if url.host == own_domain or url.host.endswith(f".{own_domain}"):
        raise TransferRefused(
            "That is a wiki of this server: export it there, then import the zip file"
        )
    return PublicRepository(url, outside)


def git_version() -> tuple[int, ...]:
    """Major and minor number of the git that fetches; (0,) where there is none that says it."""
    try:
        said = subprocess.run(
            ["git", "--version"],
            env=environment({}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return (0,)
    found = re.search(r"\bversion (\d+)\.(\d+)", said.stdout)
    return (int(found[1]), int(found[2])) if found else (0,)


def fetch_public(
    source: PublicRepository, git_dir: Path, *, max_bytes: int, progress: Progress
) -> str:
    """Fetch the branch `source` stands at into the repository `git_dir`; returns its commit id.

    Raises :class:`TransferRefused`.
    """
    if git_version() < OLDEST_GIT_FOR_URLS:
        raise TransferRefused(GIT_TOO_OLD)
    try:
        addresses = source.outside.addresses_of(source.url.host)
    except AddressRefused:
        raise TransferRefused(NOT_FETCHED) from None
    arguments = _bounded(
        command(
            git_dir, "fetch", "--progress", "--no-tags", "--no-recurse-submodules",
            "--no-write-fetch-head", "--end-of-options",
            source.url.at_port(source.outside.port), f"+HEAD:{FETCHED_REF}",
            protocols=("https",),
            more_options=_options(source, addresses),
        ),
        max_bytes,
    )  # fmt: skip
    try:
        exit_code, complaint = run_watched(
            arguments,
            environment({}),
            folder=git_dir,
            max_bytes=max_bytes,
            progress=progress,
            max_seconds=FETCH_SECONDS,
        )
    except TookTooLong:
        raise TransferRefused(NOT_FETCHED) from None
    if exit_code != 0 or read_ref(git_dir, FETCHED_REF) is None:
        raise TransferRefused(_explained(complaint))
    revision = git_command.run(git_dir, "rev-parse", "--verify", f"{FETCHED_REF}^{{commit}}")
    return revision.strip()


def _options(source: PublicRepository, addresses: tuple[Address, ...]) -> list[tuple[str, str]]:
    """git's settings for this one connection, which none from elsewhere can change."""
    port = source.outside.port
    pinned = ",".join(f"[{each}]" if each.version == 6 else str(each) for each in addresses)
    options = [
        # The name is never asked for again; nor would any other name be, had git one to ask for.
        ("http.curloptResolve", ""),
        ("http.curloptResolve", f"{source.url.host}:{port}:{pinned}"),
        ("http.curloptResolve", f"*:{port}:{pinned}"),
        ("http.curloptResolve", f"*:{HTTPS_PORT}:{pinned}"),
        ("http.followRedirects", "false"),
        ("http.proxy", ""),
        ("http.sslVerify", "true"),
        ("http.lowSpeedTime", "15"),
        ("http.maxRequests", "2"),
        ("http.emptyAuth", "false"),
        ("http.cookieFile", ""),
        ("core.askPass", ""),
    ]
    if source.outside.ca_file:
        options.append(("http.sslCAInfo", source.outside.ca_file))
    return options


def _bounded(arguments: list[str], max_bytes: int) -> list[str]:
    """`arguments` under a shell that first limits their memory and the size of their files.

    A server can send a list of branches without an end; it is read into memory. Limits set after
    the start would come too late for the helper that reads it.
    """
    limits = f"ulimit -v {_MEMORY_KIB} && ulimit -f {2 * max_bytes // 512 + 1} && ulimit -c 0"
    return ["/bin/sh", "-c", f'{limits} && exec "$@"', "sh", *arguments]


def _explained(complaint: str) -> str:
    """What to tell of git's complaint. Of what is said by a server that may not even be one, only
    that is told which helps to correct the address or the content."""
    if _REDIRECTED.search(complaint):
        return (
            "that address leads on to another one, which is not followed. Open it in a browser and"
            " give the address it ends at; it often is the same with .git at the end"
        )
    if _NO_HEAD in complaint:
        return "the repository has no commits on its main branch to import"
    for sign, meaning in _SAID_OF_CONTENT.items():
        if sign in complaint:
            return meaning
    return NOT_FETCHED
