"""What a history must look like to come into a wiki: every rule, and everything that breaks one.

All commits are looked at for what would be dangerous to hold (links, submodules, paths that leave
the tree); the newest one also for what a wiki could not show or keep (sizes, names, encodings).
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass

from dulwich.objects import ObjectID, Tree

from otterwiki_engine.pagenames import PAGE_SUFFIX, shadowed_by
from otterwiki_engine.paths import component_problem, path_problem
from otterwiki_engine.repository import Repository

from .errors import Problem
from .git import Progress

MOST_PROBLEMS = 1000  # looking further would only lengthen a list nobody reads


@dataclass(frozen=True)
class Limits:
    """The largest things one wiki may hold, in bytes."""

    page_bytes: int
    attachment_bytes: int
    repository_bytes: int


@dataclass(frozen=True)
class Contents:
    """What the newest commit of a history holds, and how many commits led there."""

    commits: int
    files: tuple[str, ...]

    @property
    def pages(self) -> tuple[str, ...]:
        """Paths of the pages."""
        return tuple(path for path in self.files if path.endswith(PAGE_SUFFIX))


def check_history(
    repository: Repository, revision: str, limits: Limits, progress: Progress
) -> tuple[Contents, tuple[Problem, ...]]:
    """Look at all that commit `revision` reaches; returns what it holds and all problems."""
    problems: list[Problem] = []
    log = repository.git("log", "--format=%H %T", "--end-of-options", revision).splitlines()
    seen: set[tuple[bytes, bool]] = set()
    for number, line in enumerate(log, start=1):
        commit_id, tree_id = line.split(" ")
        known = None if commit_id == revision else commit_id
        for path, reason in _tree_problems(repository, tree_id.encode("ascii"), seen):
            problems.append(Problem(path, reason, known))
        if number % 50 == 0 or number == len(log):
            progress("Checking history", number, len(log))
        if len(problems) >= MOST_PROBLEMS:
            break
    sizes = dict(_sizes(repository, revision))
    problems += _newest_problems(repository, revision, sizes, limits)
    return Contents(len(log), tuple(sizes)), tuple(problems[:MOST_PROBLEMS])


def _tree_problems(
    repository: Repository, root: bytes, seen: set[tuple[bytes, bool]]
) -> Iterator[tuple[str, str]]:
    """Path and reason of each entry that must not be, in trees not looked at before.

    A tree is looked at once for all the places it stands in, and once more as a root, where a
    leading hyphen counts.
    """
    todo = [("", root)]
    while todo:
        prefix, tree_id = todo.pop()
        if (tree_id, not prefix) in seen:
            continue
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
                todo.append((path + "/", entry.sha or b""))
            elif not stat.S_ISREG(mode):
                yield path, f"has the unknown file mode {mode:o}"


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
    problems: list[Problem] = []
    snapshot = repository.snapshot(revision)
    for path, size in sizes.items():
        is_page = path.endswith(PAGE_SUFFIX)
        limit = limits.page_bytes if is_page else limits.attachment_bytes
        if size > limit:
            kind = "page" if is_page else "attachment"
            problems.append(
                Problem(path, f"{size:,} bytes; {kind}s may have {limit:,}".replace(",", " "))
            )
        elif is_page and snapshot.get(path) and not _is_text(snapshot.read(path)):
            problems.append(Problem(path, "is not text in UTF-8"))
        shadow = shadowed_by(path[: -len(PAGE_SUFFIX)]) if is_page else None
        if shadow:
            problems.append(
                Problem(path, f"the address of such a page is taken by {shadow!r}; rename it")
            )
    problems += _same_but_case(sizes)
    return problems


def _is_text(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _same_but_case(paths: dict[str, int]) -> list[Problem]:
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
