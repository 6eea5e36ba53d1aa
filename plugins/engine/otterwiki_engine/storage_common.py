"""What the storage stand-in's halves share: its errors, and how values cross the border."""

from __future__ import annotations

import codecs
import functools
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from flask import has_request_context, request
from otterwiki.gitstorage import (
    StorageError,
    StorageErrorEncoding,
    StorageNotFound,
    StorageUnsafePath,
)

from . import hooks
from .actor import Actor
from .authorship import Author
from .errors import (
    BadCredential,
    BadPath,
    BadRevision,
    Conflict,
    EngineError,
    Forbidden,
    NotFound,
    QuotaExceeded,
)
from .history import CommitRecord
from .paths import check_path
from .repository import Repository
from .wiki import Wiki

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
AuthorPair = Sequence[str] | None


class StorageConflict(StorageError):
    """A change that was overtaken by another one; ``conflict`` has the particulars."""

    def __init__(self, conflict: Conflict) -> None:
        super().__init__(str(conflict))
        self.conflict = conflict


def otterwiki_errors(
    method: Callable[_Parameters, _Result],
) -> Callable[_Parameters, _Result]:
    """Raise the errors Otterwiki knows where the engine raises its own.

    :class:`QuotaExceeded` and :class:`Forbidden` stay what they are: Otterwiki would only say that
    something failed.
    """

    @functools.wraps(method)
    def wrapped(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return method(*args, **kwargs)
        except BadPath as error:
            raise StorageUnsafePath(str(error)) from error
        except (NotFound, BadRevision) as error:
            raise StorageNotFound(str(error)) from error
        except Conflict as error:
            raise StorageConflict(error) from error
        except (Forbidden, QuotaExceeded):
            raise
        except EngineError as error:
            raise StorageError(str(error)) from error

    return wrapped


def open_stock_wiki(path: Path, *, initialize: bool = False) -> Wiki:
    """Open the repository of a stock Otterwiki: a work tree, or a bare repository."""
    if initialize and not (path / ".git").exists():
        return Wiki(Repository.create(path / ".git", work_tree=path))
    if (path / ".git").exists():
        return Wiki(Repository(path / ".git", work_tree=path))
    return Wiki(Repository(path))


def normal(path: str) -> str:
    """`path` in the form git keeps it; the root is "". Raises :class:`BadPath`."""
    if path.startswith("/"):
        raise BadPath(path, "it starts with a slash")
    normal = re.sub(r"/{2,}", "/", path).rstrip("/")
    while normal.startswith("./"):
        normal = normal[2:]
    if normal in ("", "."):
        return ""
    if ".." in normal.split("/"):
        normal = posixpath.normpath(normal)
    return check_path(normal)


def below(path: str, staged: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    """The staged changes of a file, or of everything below a folder."""
    return {
        name: content
        for name, content in staged.items()
        if name == path or name.startswith(path + "/")
    }


def decode(content: bytes, size: int, filename: str) -> str:
    """Text of a file, as Python's text mode reads it: UTF-8, all line ends as LF."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        if 0 <= size < len(content):
            text = decoder.decode(content[: size * 4])
        else:
            text = decoder.decode(content, final=True)
    except UnicodeDecodeError:
        raise StorageErrorEncoding(f"{filename} could not be decoded as text.") from None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if size < 0 else text[:size]


def encode(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")


def author_of(author: AuthorPair) -> Author:
    name, email = author or ("", "")
    return Author(name or "", email or "")


def acting() -> Actor | None:
    """The actor of the request being served, None outside one, and where it sent a credential that
    a stock Otterwiki knows nothing of: its own pages do not look at that either."""
    if not has_request_context():
        return None
    try:
        return hooks.manager.hook.resolve_actor(request=request)
    except BadCredential:
        return None


def metadata_of(record: CommitRecord, short: str) -> dict[str, Any]:
    """A commit in the shape Otterwiki's pages expect; `short` is the revision they show."""
    return {
        "revision-full": record.revision,
        "revision": short,
        "datetime": record.datetime,
        "author_name": record.author_name,
        "author_email": record.author_email,
        "message": record.message.strip("\n"),
        "files": list(record.files),
    }
