"""Which paths and revisions may enter or be read (security checklist F1, F2).

One rule for every door: a path that breaks it can't be written, and one already in a repository
is never served.
"""

from __future__ import annotations

import re
from functools import lru_cache

from dulwich.index import validate_path_element_hfs, validate_path_element_ntfs

from .errors import BadPath, BadRevision

MAX_COMPONENT_BYTES = 255  # the limit of ext4, xfs, btrfs, APFS and NTFS alike
MAX_PATH_BYTES = 2048
MAX_PARTS = 100  # folders in folders; git's own tools recurse once for each
NO_COMMIT = "0" * 40  # how git writes "there is no commit yet"

_REVISION = re.compile(r"\A(?:HEAD|[0-9a-fA-F]{4,64})\Z")
_DOT_GIT = "a part of it is a spelling of '.git'"
_DOT_GITMODULES = "it would be git's list of submodules, which a wiki can't have"
# The spellings of two files that ``git fsck``, and so every careful clone, looks into: as NTFS
# (with its short names) and HFS+ (which skips some characters) fold them.
_GIT_FILE = re.compile(
    r"(?:(?P<modules>\.gitmodules|gitmod~[1-4]|gi7eba~\d)|\.gitattributes|gitatt~[1-4]|gi7d29~\d)"
    r"[ .]*(?::.*)?",
    re.IGNORECASE,
)
_HFS_SKIPS = re.compile(r"[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_MAX_ATTRIBUTES_LINE_BYTES = 2047
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
# Direction overrides make a name read as another one ("gpj.exe" as "exe.jpg").
_BIDI = re.compile(r"[\u202a-\u202e\u2066-\u2069]")


@lru_cache(maxsize=16384)
def component_problem(component: str) -> str | None:
    """Why `component` (one part of a path) is refused, or None when it is fine."""
    if component in ("", ".", ".."):
        return "it has an empty, '.' or '..' part"
    if _CONTROL.search(component) or _BIDI.search(component):
        return "it contains control characters"
    if "\\" in component:
        return "it contains a backslash"
    try:
        raw = component.encode("utf-8")
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    if len(raw) > MAX_COMPONENT_BYTES:
        return f"a part of it is longer than {MAX_COMPONENT_BYTES} bytes"
    # Most names are plain ASCII and can't be one: HFS+ folds only what is not, NTFS only these.
    if raw[0] in b".gG " and not validate_path_element_ntfs(raw):
        return _DOT_GIT
    if not component.isascii() and not validate_path_element_hfs(raw):
        return _DOT_GIT
    special = _git_file(component)
    return _DOT_GITMODULES if special and special["modules"] else None


def _git_file(component: str) -> re.Match[str] | None:
    return _GIT_FILE.fullmatch(_HFS_SKIPS.sub("", component))


def path_problem(path: str) -> str | None:
    """Why `path` is refused, or None when it may be in a wiki's tree."""
    if not isinstance(path, str) or not path:
        return "it is empty"
    if path.startswith("/"):
        return "it starts with a slash"
    if path.startswith("-"):
        return "it starts with a hyphen, which git commands read as an option"
    if path.count("/") >= MAX_PARTS:
        return f"it has more than {MAX_PARTS} parts"
    for component in path.split("/"):
        problem = component_problem(component)
        if problem:
            return problem
    if len(path.encode("utf-8")) > MAX_PATH_BYTES:
        return f"it is longer than {MAX_PATH_BYTES} bytes"
    return None


def check_path(path: str) -> str:
    """Return `path` when it may be in a wiki's tree, else raise :class:`BadPath`.

    A path is relative, '/'-separated, valid UTF-8 without control characters, and no part of it
    is ``.git`` in any spelling a file system might fold to it (case, NTFS, HFS+).
    """
    problem = path_problem(path)
    if problem:
        raise BadPath(path, problem)
    return path


def check_file(path: str, content: bytes | None) -> str:
    """As :func:`check_path`, for a file with `content` (None: deleted).

    Attributes that git refuses to fetch are refused here: nobody could clone the wiki any more.
    """
    check_path(path)
    if (
        content is not None
        and _git_file(path.rpartition("/")[2])
        and max(map(len, content.split(b"\n"))) > _MAX_ATTRIBUTES_LINE_BYTES
    ):
        raise BadPath(path, "a line of it is longer than git allows there")
    return path


def check_revision(revision: object) -> str:
    """Return `revision` when it is ``HEAD`` or 4 to 64 hexadecimal digits, those in lower case.

    Everything else, options and revision expressions included, raises :class:`BadRevision`.
    """
    text = str(revision) if revision is not None else ""
    if not _REVISION.match(text):
        raise BadRevision(revision)
    return text if text == "HEAD" else text.lower()
