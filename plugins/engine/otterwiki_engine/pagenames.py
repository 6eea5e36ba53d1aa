"""Page names that a URL can't reach, so that no door creates them.

Otterwiki shows the page ``notes/todo`` at ``/notes/todo`` and gives other routes a meaning of their
own: ``/notes/edit`` is the editor of ``notes``, never a page called "edit". The tables below are
what those routes shadow; a test derives them from the URL map and fails when upstream adds one.
"""

from __future__ import annotations

from .errors import BadPath
from .paths import check_path

PAGE_SUFFIX = ".md"

#: First parts that lead elsewhere: Otterwiki's own routes and the platform's.
FIRST_PARTS = frozenset(
    {
        "-",
        ".git",
        ".well-known",
        "api",
        "favicon.ico",
        "health",
        "llms.txt",
        "manifest.webmanifest",
        "mcp",
        "repo.git",
        "robots.txt",
        "sitemap.xml",
        "static",
    }
)
#: Last parts that are actions on the page before them.
LAST_PARTS = frozenset(
    {
        "attachments",
        "blame",
        "delete",
        "draft",
        "edit",
        "history",
        "inline_attachment",
        "preview",
        "rename",
        "save",
        "source",
        "view",
    }
)
#: (number of parts behind it, part): actions that take arguments, ``/notes/source/1a2b3c``.
ACTIONS_WITH_ARGUMENTS = frozenset(
    {
        (1, "a"),
        (1, "attachment"),
        (1, "blame"),
        (1, "edit"),
        (1, "source"),
        (1, "t"),
        (1, "view"),
        (2, "a"),
        (2, "diff"),
        (2, "t"),
    }
)


def shadowed_by(name: str) -> str | None:
    """The part of page name `name` that makes its URL mean something else, or None."""
    parts = name.split("/")
    if parts[0] in FIRST_PARTS:
        return parts[0]
    if len(parts) > 1 and parts[-1] in LAST_PARTS:
        return parts[-1]
    for behind, part in ACTIONS_WITH_ARGUMENTS:
        if len(parts) > behind + 1 and parts[-1 - behind] == part:
            return part
    if parts[-2:] == ["draft", "discard"] and len(parts) > 2:
        return "draft"
    return None


def check_page_file(path: str) -> str:
    """Return `path` (a page's file, ``notes/todo.md``) when its page can be opened by URL.

    Raises :class:`BadPath` with the reason.
    """
    check_path(path)
    name = path[: -len(PAGE_SUFFIX)] if path.endswith(PAGE_SUFFIX) else path
    part = shadowed_by(name)
    if part:
        raise BadPath(
            path, f"a page can't have {part!r} there, that address is taken; choose another name"
        )
    return path
