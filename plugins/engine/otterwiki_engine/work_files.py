"""The checked-out files of a repository: read and replaced one by one, following no link (F3)."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from .errors import BadPath
from .loose_objects import new_object
from .snapshot import Entry, Snapshot

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # never waits for a pipe
_NOT_A_FOLDER = {errno.ELOOP, errno.ENOTDIR}


class WorkFiles:
    """The files below `root`. `read_blob` gives a blob's content by id."""

    def __init__(self, root: Path, read_blob: Callable[[str], bytes]) -> None:
        self.root = root
        self._read_blob = read_blob

    def read(self, path: str) -> bytes | None:
        """The file's content on disk; None where there is none or it is not an ordinary file."""
        try:
            parent = self._open_parent(path, create=False)
        except FileNotFoundError:
            return None
        try:
            fd = os.open(path.rpartition("/")[2], _FILE, dir_fd=parent)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in _NOT_A_FOLDER:
                raise BadPath(path, "it is a symbolic link") from None
            raise
        finally:
            os.close(parent)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise BadPath(path, "a folder or another special file of that name exists")
        with os.fdopen(fd, "rb") as file:
            return file.read()

    def blob_id(self, path: str) -> str | None:
        """The blob id git would give to the file's content; None where there is no file."""
        found = self.read(path)
        return None if found is None else new_object(b"blob", found).id

    def has_content(self, path: str, blob_id: str | None) -> bool:
        """Whether the file has the content of that blob (None: there is no file)."""
        try:
            return self.blob_id(path) == blob_id
        except BadPath:
            return False

    def makes_way(self, path: str, changes: Mapping[str, str | None]) -> bool:
        """Whether a folder becomes the file `path` in this commit, or a file the folder above it.

        Only where everything that stands there now is deleted by the same commit.
        """
        parts = path.split("/")
        for count in range(1, len(parts)):
            above = "/".join(parts[:count])
            if changes.get(above, "") is None and not (self.root / above).is_dir():
                return True
        if not (self.root / path).is_dir() or (self.root / path).is_symlink():
            return False
        return all(changes.get(name, "") is None for name in self._files_below(path))

    def undisturbed(self, paths: Iterable[str], old: Snapshot, new: Snapshot) -> set[str]:
        """Those of `paths` where the disk has what one of the two commits says."""
        found: set[str] = set()
        blocked: list[str] = []
        for path in paths:
            sides = [
                self._read_blob(entry.blob_id) if (entry := side.get(path)) else None
                for side in (old, new)
            ]
            try:
                if self.read(path) in sides:
                    found.add(path)
            except BadPath:
                blocked.append(path)
        # The commit makes a folder of a file, or the reverse, and got only so far; but a link, or
        # a file somebody put there since, is theirs.
        return found | {path for path in blocked if self._in_the_way(path) <= found}

    def _in_the_way(self, path: str) -> set[str]:
        """What stands where `path` should: files in a folder of that name, or one above it."""
        parts = path.split("/")
        for count in range(1, len(parts)):
            above = "/".join(parts[:count])
            if (self.root / above).is_symlink() or not (self.root / above).is_dir():
                return {above}
        if (self.root / path).is_symlink() or not (self.root / path).is_dir():
            return {path}
        return self._files_below(path)

    def _files_below(self, folder: str) -> set[str]:
        return {
            os.path.relpath(os.path.join(inner, name), self.root)
            for inner, _, names in os.walk(self.root / folder)
            for name in names
        }

    def write(
        self, changes: Mapping[str, Entry | None], before: Snapshot, revision: str
    ) -> dict[str, os.stat_result]:
        """Put the files of `changes` in place, each by an atomic rename; None removes.

        A file that is neither what `before` nor what `changes` says was edited this very moment,
        and stays. Returns the status of those that were written.
        """
        written: dict[str, os.stat_result] = {}
        for path in sorted(path for path, entry in changes.items() if entry is None):
            if self._is_untouched(path, before, None):
                self._remove(path)
        for number, (path, entry) in enumerate(sorted(changes.items())):
            if entry is not None:
                status = self._write_file(
                    path, entry, before, self._temporary_name(revision, number)
                )
                if status is not None:
                    written[path] = status
        return written

    def _is_untouched(self, path: str, before: Snapshot, entry: Entry | None) -> bool:
        """Whether the disk has what `before` says, or what `entry` says already."""
        old = before.get(path)
        return self.has_content(path, old.blob_id if old else None) or self.has_content(
            path, entry.blob_id if entry else None
        )

    def _write_file(
        self, path: str, entry: Entry, before: Snapshot, temporary: str
    ) -> os.stat_result | None:
        """Put one file in place; None where somebody else's content stands there now."""
        name = path.rpartition("/")[2]
        parent = self._open_parent(path, create=True)
        try:
            permissions = 0o777 if entry.mode & 0o100 else 0o666
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            fd = os.open(temporary, flags, permissions, dir_fd=parent)
            with os.fdopen(fd, "wb") as file:
                file.write(self._read_blob(entry.blob_id))
                file.flush()
                os.fsync(fd)
                ours = os.fstat(fd)
            if not self._is_untouched(path, before, entry):
                os.unlink(temporary, dir_fd=parent)
                return None
            os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
            os.fsync(parent)
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(parent)
        same = (status.st_ino, status.st_mtime_ns, status.st_size)
        return status if same == (ours.st_ino, ours.st_mtime_ns, ours.st_size) else None

    def _remove(self, path: str) -> None:
        """Remove a file and the folders that are empty then.

        Where something else stands by now (see :meth:`undisturbed`), the file is gone already.
        """
        try:
            parent = self._open_parent(path, create=False)
        except (FileNotFoundError, BadPath):
            return
        try:
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                os.unlink(path.rpartition("/")[2], dir_fd=parent)
        finally:
            os.close(parent)
        folder = path.rpartition("/")[0]
        while folder:
            try:
                os.rmdir(self.root / folder)
            except OSError:
                return  # not empty, or gone already
            folder = folder.rpartition("/")[0]

    def remove_temporaries(self, paths: Iterable[str], revision: str) -> None:
        """Remove what an interrupted :meth:`write` of `revision` left."""
        for folder in {path.rpartition("/")[0] for path in paths}:
            for leftover in (self.root / folder).glob(f".otterwiki-{revision[:16]}-*"):
                leftover.unlink(missing_ok=True)

    @staticmethod
    def _temporary_name(revision: str, number: int) -> str:
        return f".otterwiki-{revision[:16]}-{number}"

    def _open_parent(self, path: str, *, create: bool) -> int:
        """Descriptor of the folder `path` lies in, following no symbolic link (F3)."""
        fd = os.open(self.root, _DIRECTORY & ~os.O_NOFOLLOW)  # a setting, which may be a link
        try:
            for part in path.split("/")[:-1]:
                if create:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o777, dir_fd=fd)
                inner = os.open(part, _DIRECTORY, dir_fd=fd)
                os.close(fd)
                fd = inner
        except OSError as error:
            os.close(fd)
            if error.errno in _NOT_A_FOLDER:
                raise BadPath(path, "a file or a symbolic link stands where a folder is") from None
            raise
        return fd
