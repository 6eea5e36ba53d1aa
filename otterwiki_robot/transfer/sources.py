"""What `robot wiki import` was pointed at: a folder of files, or something git can fetch from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .errors import TransferRefused

URL_SCHEMES = ("https", "http", "ssh", "git")
_BUNDLE_SIGNATURE = b"# v"


@dataclass(frozen=True)
class Folder:
    """A folder of Markdown files and attachments that is not a repository."""

    path: Path


@dataclass(frozen=True)
class GitSource:
    """A repository, a bundle file or a URL; ``protocol`` is the one git needs for it."""

    location: str
    protocol: str
    is_bundle: bool = False

    @property
    def shown(self) -> str:
        """The location without a password, for messages."""
        if self.protocol == "file":
            return self.location
        parts = urlsplit(self.location)
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{host}{parts.path}"


def find_source(text: str) -> Folder | GitSource:
    """What `text`, as typed by the operator, stands for.

    Raises :class:`TransferRefused` when it is neither an existing path nor a URL git may use.
    """
    if "\x00" in text or not text.strip():
        raise TransferRefused("name a folder, a repository, a bundle or a URL to import from")
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):(?:/|:)", text)
    if scheme:
        return _url(text, scheme[1].lower())
    path = Path(text).expanduser()
    if not path.exists():
        hint = ""
        if re.match(r"[^/]+@?[^/]*:", text):
            hint = "; write a remote repository as ssh://user@host/path"
        raise TransferRefused(f"{text} does not exist here{hint}")
    path = path.resolve()
    if path.is_file():
        return _bundle(path)
    if _is_repository(path):
        return GitSource(str(path), "file")
    return Folder(path)


def _url(text: str, scheme: str) -> GitSource:
    if scheme == "file":
        raise TransferRefused("give a repository on this machine as a path, without file://")
    if scheme not in URL_SCHEMES or "://" not in text:
        allowed = ", ".join(f"{name}://" for name in URL_SCHEMES)
        raise TransferRefused(f"{scheme}: is not a way to fetch from; use one of {allowed}")
    if not urlsplit(text).hostname or re.search(r"[\x00-\x20\x7f]", text):
        raise TransferRefused("the URL has no host name or contains spaces")
    if (urlsplit(text).hostname or "").startswith("-"):
        raise TransferRefused("the URL's host name starts with a hyphen")
    return GitSource(text, scheme)


def _bundle(path: Path) -> GitSource:
    with path.open("rb") as file:
        start = file.read(len(_BUNDLE_SIGNATURE))
    if start != _BUNDLE_SIGNATURE:
        raise TransferRefused(
            f"{path} is a file but not a git bundle; import the folder it is in, or a repository"
        )
    return GitSource(str(path), "file", is_bundle=True)


def _is_repository(path: Path) -> bool:
    bare = (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()
    return bare or (path / ".git").exists()
