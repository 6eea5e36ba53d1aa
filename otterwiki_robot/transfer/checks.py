"""What a history must look like to come into a wiki: every rule, and everything that breaks one.

All commits are looked at for what would be dangerous to hold (links, submodules, paths that leave
the tree, objects that unpack to more than a wiki may hold); the newest one also for what a wiki
could not show or keep (sizes, names, encodings, the number of pages).
"""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from dulwich.objects import ObjectID, Tree

from otterwiki_engine.git_command import TIMEOUT_SECONDS, GitFailed
from otterwiki_engine.pagenames import PAGE_SUFFIX, shadowed_by
from otterwiki_engine.paths import component_problem, path_problem
from otterwiki_engine.repository import Repository

from .errors import Problem, TransferRefused
from .git import Progress, command, environment

MOST_PROBLEMS = 1000  # looking further would only lengthen a list nobody reads
MOST_FILES = 100_000
DEEPEST_FOLDERS = 100
MOST_OBJECTS = 500_000  # of all kinds, in the whole history
MOST_FOLDERS = 300_000  # different ones, in the whole history
# An object in an old commit may be larger than what may be saved today, but not by any factor:
# whoever looks at that commit has it unpacked in memory.
_OLD_OBJECT_FACTOR = 5
_TOO_DEEP = f"folders lie in folders more than {DEEPEST_FOLDERS} deep"


@dataclass(frozen=True)
class Limits:
    """The largest things one wiki may hold, in bytes; None means any number."""

    page_bytes: int
    attachment_bytes: int
    repository_bytes: int
    pages: int | None = None
    commits: int | None = None
    files: int = MOST_FILES


@dataclass(frozen=True)
class Contents:
    """What the newest commit of a history holds, and how many commits led there."""

    commits: int
    files: tuple[str, ...]
    size_bytes: int = 0

    @property
    def pages(self) -> tuple[str, ...]:
        """Paths of the pages."""
        return tuple(path for path in self.files if path.endswith(PAGE_SUFFIX))


def check_page_count(pages: int, limits: Limits) -> None:
    """Raise :class:`TransferRefused` where there are more pages than the wiki may have."""
    if limits.pages is not None and pages > limits.pages:
        raise TransferRefused(
            f"there are {pages} pages to import; this wiki may have {limits.pages}. Leave out"
            f" {pages - limits.pages} or more, or ask whoever runs this server for a higher limit"
        )


def check_history(
    repository: Repository, revision: str, limits: Limits, progress: Progress
) -> tuple[Contents, tuple[Problem, ...]]:
    """Look at all that commit `revision` reaches; returns what it holds and all problems.

    Raises :class:`TransferRefused` where there is too much to look at one by one.
    """
    commits = int(repository.git("rev-list", "--count", "--end-of-options", revision))
    if limits.commits is not None and commits > limits.commits:
        raise TransferRefused(
            f"there are {commits} commits in the history; {limits.commits} can be imported here."
            " Import the files without their history, or ask whoever runs this server"
        )
    _check_object_count(repository)
    problems = list(islice(_object_problems(repository, limits), MOST_PROBLEMS))
    log = repository.git("log", "--format=%H %T", "--end-of-options", revision).splitlines()
    seen: set[tuple[bytes, bool]] = set()
    for number, line in enumerate(log, start=1):
        commit_id, tree_id = line.split(" ")
        known = None if commit_id == revision else commit_id
        found = _tree_problems(repository, tree_id.encode("ascii"), seen)
        for path, reason in islice(found, MOST_PROBLEMS):
            problems.append(Problem(path, reason, known))
        if number % 50 == 0 or number == len(log):
            progress("Checking history", number, len(log))
        if len(problems) >= MOST_PROBLEMS:
            break
    _check_extent(repository, log[0].split(" ")[1].encode("ascii"), limits)
    sizes = dict(_sizes(repository, revision))
    contents = Contents(commits, tuple(sizes), sum(sizes.values()))
    if not problems:  # else they, not the number, are the reason
        check_page_count(len(contents.pages), limits)
    problems += _newest_problems(repository, revision, sizes, limits)
    return contents, tuple(problems[:MOST_PROBLEMS])


def _check_object_count(repository: Repository) -> None:
    """Refuse more objects than can be looked at one by one, before any is."""
    counted = dict(
        line.split(": ", 1) for line in repository.git("count-objects", "-v").splitlines()
    )
    objects = int(counted["count"]) + int(counted["in-pack"])
    if objects > MOST_OBJECTS:
        raise TransferRefused(
            f"the history consists of {_grouped(objects)} objects;"
            f" {_grouped(MOST_OBJECTS)} can be imported. Import the files without their history"
        )


@contextmanager
def _lines_of_git(repository: Repository, *arguments: str) -> Iterator[Iterator[str]]:
    """What a git command says, line by line while it says it; raises :class:`GitFailed`.

    Whoever stops reading before the end has the command stopped.
    """
    process = subprocess.Popen(
        command(repository.git_dir, *arguments, more_options=(("safe.directory", "*"),)),
        env=environment({}),
        cwd=repository.git_dir,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="ascii",
        errors="replace",
    )
    with process:
        try:
            yield iter(process.stdout or ())
            exit_code = process.wait(TIMEOUT_SECONDS)
        finally:
            process.kill()
    if exit_code != 0:
        raise GitFailed(f"git {arguments[0]} failed")


def _object_problems(repository: Repository, limits: Limits) -> Iterator[Problem]:
    """Objects that unpack to far more than a file may have, wherever in history they are."""
    largest = _OLD_OBJECT_FACTOR * max(limits.attachment_bytes, limits.page_bytes)
    with _lines_of_git(
        repository,
        "cat-file",
        "--batch-all-objects",
        "--unordered",
        "--batch-check=%(objectsize) %(objectname)",
    ) as lines:
        for line in lines:
            size, object_id = line.split()
            if int(size) > largest:
                yield Problem(
                    f"object {object_id[:10]}",
                    f"unpacks to {_grouped(int(size))} bytes, far too large",
                )


def _tree_problems(
    repository: Repository, root: bytes, seen: set[tuple[bytes, bool]]
) -> Iterator[tuple[str, str]]:
    """Path and reason of each entry that must not be, in trees not looked at before.

    A tree is looked at once for all the places it stands in, and once more as a root, where a
    leading hyphen counts. Raises :class:`TransferRefused` where they are too many or too deep.
    """
    todo = [("", root, 0)]
    while todo:
        prefix, tree_id, depth = todo.pop()
        if (tree_id, not prefix) in seen:
            continue
        if depth > DEEPEST_FOLDERS:
            raise TransferRefused(_TOO_DEEP)
        if len(seen) >= MOST_FOLDERS:
            raise TransferRefused(
                f"there are more than {_grouped(MOST_FOLDERS)} different folders in the history."
                " Import the files without their history"
            )
        seen.add((tree_id, not prefix))
        with repository.reading() as store:
            tree = store[ObjectID(tree_id)]
        if not isinstance(tree, Tree):
            yield prefix, "is not a folder in git's records"
            continue
        for entry in tree.iteritems():
            name = (entry.path or b"").decode("utf-8", "surrogateescape")
            path = prefix + name
            mode = entry.mode or 0
            reason = component_problem(name) if prefix else path_problem(name)
            if reason:
                yield path, reason
            elif stat.S_ISLNK(mode):
                yield path, "is a symbolic link, which a wiki never serves"
            elif mode == 0o160000:
                yield path, "is a submodule, which a wiki can't hold"
            elif stat.S_ISDIR(mode):
                todo.append((path + "/", entry.sha or b"", depth + 1))
            elif not stat.S_ISREG(mode):
                yield path, f"has the unknown file mode {mode:o}"


def _check_extent(repository: Repository, root: bytes, limits: Limits) -> None:
    """Refuse a tree that unfolds to too many files before anything unfolds it.

    A few small trees that name each other ten times over stand for more files than there is room.
    """
    counted: dict[bytes, tuple[int, int]] = {}

    def count(tree_id: bytes, depth: int) -> tuple[int, int]:
        """Files below a tree, and how many levels of folders; a tree is read once for all its
        places."""
        files, levels = counted.get(tree_id, (0, 0))
        if depth + levels > DEEPEST_FOLDERS:
            raise TransferRefused(_TOO_DEEP)
        if tree_id in counted:
            return files, levels
        with repository.reading() as store:
            tree = store[ObjectID(tree_id)]
        for entry in tree.iteritems() if isinstance(tree, Tree) else ():
            if not stat.S_ISDIR(entry.mode or 0):
                files += 1
                continue
            files_below, levels_below = count(entry.sha or b"", depth + 1)
            files, levels = files + files_below, max(levels, levels_below + 1)
        counted[tree_id] = (files, levels)
        return files, levels

    files, _ = count(root, 0)
    if files > limits.files:
        raise TransferRefused(
            f"there are {files if files < 10**9 else 'billions of'} files to import; one wiki may"
            f" have {limits.files}"
        )


def _sizes(repository: Repository, revision: str) -> Iterator[tuple[str, int]]:
    """Path and size in bytes of every file in the newest commit."""
    listed = repository.git("ls-tree", "-r", "-l", "-z", "--full-tree", revision)
    for record in listed.split("\0"):
        if not record:
            continue
        about, path = record.split("\t", 1)
        size = about.split()[3]
        yield path, int(size) if size.isdigit() else 0


def _newest_problems(
    repository: Repository, revision: str, sizes: dict[str, int], limits: Limits
) -> list[Problem]:
    snapshot = repository.snapshot(revision)
    problems: list[Problem] = []
    for path, size in sizes.items():
        read = (lambda path=path: snapshot.read(path)) if snapshot.get(path) else None
        reason = file_problem(path, size, read, limits)
        if reason:
            problems.append(Problem(path, reason))
    return problems + same_but_case(sizes)


def file_problem(
    path: str, size_bytes: int, read: Callable[[], bytes] | None, limits: Limits
) -> str | None:
    """Why a wiki could not show or keep the file `path`, or None; `read` gives a page's content."""
    is_page = path.endswith(PAGE_SUFFIX)
    limit = limits.page_bytes if is_page else limits.attachment_bytes
    if size_bytes > limit:
        kind = "page" if is_page else "attachment"
        return f"{_grouped(size_bytes)} bytes; {kind}s may have {_grouped(limit)}"
    if not is_page:
        return None
    if read and not _is_text(read()):
        return "is not text in UTF-8"
    shadow = shadowed_by(path[: -len(PAGE_SUFFIX)])
    return f"the address of such a page is taken by {shadow!r}; rename it" if shadow else None


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _is_text(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def same_but_case(paths: Iterable[str]) -> list[Problem]:
    """Files or folders beside each other whose names differ in case only."""
    names: dict[str, str] = {}
    problems = []
    for path in sorted(paths):
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            name = "/".join(parts[:depth])
            known = names.setdefault(name.casefold(), name)
            if known != name and known.rpartition("/")[0] == name.rpartition("/")[0]:
                problems.append(Problem(name, f"differs from {known} in case only"))
                names[name.casefold()] = name
    return problems
