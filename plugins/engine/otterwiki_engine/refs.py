"""HEAD and branches, read afresh from disk each time.

dulwich keeps packed refs in memory, which goes wrong beside ``git gc`` in another process. Every
request asks for HEAD, so this is plain system calls: pathlib and text files cost ten times as much.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from dulwich.repo import Repo

from .errors import RepositoryDamaged

_SUPPORTED = {"objectformat": b"sha1", "refstorage": b"files"}
_ID = re.compile(r"\A[0-9a-f]{40}\Z")
_SYMBOLIC = "ref: "
_MOST_SYMBOLIC_STEPS = 5
_CHUNK_BYTES = 4096
_MOST_KNOWN = 10_000
_ConfigFile = tuple[int, int, int, int, int]
#: Configuration files that were read and found good, by git directory.
_sound: dict[str, _ConfigFile] = {}


def is_known_to_be_sound(git_dir: Path) -> bool:
    """Whether :func:`check_format` passed the bare repository `git_dir` with the very
    configuration file that is there now."""
    known = _sound.get(str(git_dir))
    return known is not None and known == _config_file(git_dir)


def _config_file(git_dir: Path) -> _ConfigFile | None:
    try:
        found = os.stat(git_dir / "config")
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def check_format(repository: Repo) -> None:
    """Raise :class:`RepositoryDamaged` for formats that would be written to wrongly."""
    config_file = _config_file(Path(repository.controldir()))
    config = repository.get_config()
    for name, supported in _SUPPORTED.items():
        try:
            found = config.get((b"extensions",), name.encode())
        except KeyError:
            continue
        if found.lower() != supported:
            setting = f"extensions.{name} = {found.decode('utf-8', 'replace')}"
            raise RepositoryDamaged(
                f"{repository.path} has {setting}; only {supported.decode()} is supported here"
            )
    if config_file and repository.bare and repository.commondir() == repository.controldir():
        if len(_sound) >= _MOST_KNOWN:
            _sound.clear()
        _sound[repository.controldir()] = config_file


def head_of(git_dir: Path, control_dir: Path | None = None) -> tuple[str, str | None]:
    """The ref HEAD stands for and the full commit id it points at (None: no commit yet).

    The ref is ``refs/heads/...``, or ``HEAD`` itself where it is detached. A linked work tree has
    a HEAD of its own, in its `control_dir`.
    """
    name = "HEAD"
    for _ in range(_MOST_SYMBOLIC_STEPS):
        text = _read(control_dir or git_dir if name == "HEAD" else git_dir, name)
        if text is None or not text.startswith(_SYMBOLIC):
            return name, _checked(git_dir, name, text)
        name = text[len(_SYMBOLIC) :].strip()
        if not name.startswith("refs/") or ".." in name.split("/"):
            break
    raise RepositoryDamaged(f"HEAD of {git_dir} is not a branch")


def read_ref(git_dir: Path, name: str) -> str | None:
    """The full commit id `name` points at, or None where it does not exist (no commit yet)."""
    return _checked(git_dir, name, _read(git_dir, name))


def _checked(git_dir: Path, name: str, text: str | None) -> str | None:
    """`text` of the loose ref `name`, or what packed-refs says, if it is a commit id."""
    if text is None:
        text = _packed(git_dir).get(name)
    if text is not None and not _ID.match(text):
        raise RepositoryDamaged(f"{name} in {git_dir} is not a commit id")
    return text


def _read(git_dir: Path, name: str) -> str | None:
    try:
        fd = os.open(f"{git_dir}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        content = b""
        while chunk := os.read(fd, _CHUNK_BYTES):
            content += chunk
    except IsADirectoryError:
        return None
    finally:
        os.close(fd)
    try:
        return content.decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise RepositoryDamaged(f"{name} in {git_dir} does not hold a reference") from error


def _packed(git_dir: Path) -> dict[str, str]:
    text = _read(git_dir, "packed-refs")
    if not text:
        return {}
    rows = (line.split(" ", 1) for line in text.splitlines() if line and line[0] not in "#^")
    return {name: commit_id for commit_id, name in rows}
