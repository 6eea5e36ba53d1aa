"""Links that go on leading where they led when pages are renamed.

Only the addresses of links are replaced, at their places; every other character of a page stays as
it is. What an address leads to is decided by :mod:`.links`, and each new address is read again
before it is taken: one that would lead elsewhere is not written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from ..pagenames import PAGE_SUFFIX
from .link_targets import file_name
from .links import INCLUDE, Link, find_links, resolve
from .settings import PageSettings

_SUFFIX = re.compile(r"[?#]")
#: What would end a wiki link or mean something else in it. A number sign can't be written there.
_WIKI_SPECIAL = re.compile(r"[\[\]|%\x00-\x1f\x7f]|^\s|\s$")
_KEPT = "/-._~!$*+,;=:@"


@dataclass(frozen=True)
class Rewritten:
    """``text`` with new addresses; ``changed`` counts them.

    ``left`` are links that should lead to a new name but can't be written so (a wiki link to a
    page with ``#`` in its name): they are as they were, and lead nowhere now.
    """

    text: str
    changed: int
    left: tuple[Link, ...] = ()


def rewrite_links(
    text: str,
    page: str,
    moved: Mapping[str, str],
    settings: PageSettings,
    *,
    find: Callable[[str], str | None] = lambda path: path,
) -> Rewritten:
    """Make the links of page `page` (its path until now) lead to the new names of pages.

    `moved` maps paths of pages to their new ones, that of `page` itself among them where it moves:
    then its relative links are made to lead where they led. Attachments move with their pages.
    `find` gives the path of the page that is meant by a link's target, None where there is none;
    without it a target means the page of just that path.
    """
    new_page = moved.get(page, page)
    replaced: dict[tuple[int, int], str] = {}
    left = []
    for link in find_links(text, page, settings):
        if link.kind == "external" or (link.start, link.end) in replaced:
            continue
        address = text[link.start : link.end]
        wanted = _new_target(link, moved, find)
        if wanted == link.target and new_page == page:
            continue
        if _leads_to(wanted, address, link, new_page, settings):
            continue
        for candidate in _candidates(address, link, wanted, new_page):
            if _leads_to(wanted, candidate, link, new_page, settings):
                replaced[link.start, link.end] = candidate
                break
        else:
            left.append(link)
    parts = []
    position = 0
    for (start, end), address in sorted(replaced.items()):
        parts += [text[position:start], address]
        position = end
    return Rewritten("".join([*parts, text[position:]]), len(replaced), tuple(left))


def _new_target(
    link: Link,
    moved: Mapping[str, str],
    find: Callable[[str], str | None],
) -> str:
    """The path that `link` should lead to from now on, its target where nothing moved."""
    page = find(link.target)
    if page is not None and page in moved:
        return moved[page]
    if link.kind == "attachment":
        folder, _, name = link.target.rpartition("/")
        page = find(folder)
        if page is not None and page in moved:
            return f"{moved[page]}/{name}"
    return link.target


def _leads_to(path: str, address: str, link: Link, page: str, settings: PageSettings) -> bool:
    """Whether `address`, in the place of that of `link`, would lead to `path` with its anchor."""
    _, target = resolve(
        address,
        link.syntax,
        page,
        settings,
        is_image=link.kind == "attachment",
        embedding=link.embedding,
    )
    if target.kind == "external" or target.anchor != link.anchor:
        return False
    return _as_file(target.path, settings) == _as_file(path, settings)


def _as_file(path: str, settings: PageSettings) -> str:
    folder, slash, name = path.rpartition("/")
    return file_name(folder, settings) + slash + file_name(name, settings)


def _candidates(address: str, link: Link, wanted: str, page: str) -> list[str]:
    """New addresses for `link`, the one most like the old one first."""
    if link.syntax == "wikilink":
        bare, _, anchor = address.partition("#")
        path = _WIKI_SPECIAL.sub(lambda found: quote(found[0]), wanted)
        slash = "/" if bare.lstrip().startswith("/") else ""
        suffix = f"#{anchor}" if "#" in address else ""
        return [f"{slash}{path}{suffix}", f"/{quote(wanted)}{suffix}"]
    if link.embedding in (INCLUDE, "datatable"):
        return ["/" + wanted.replace("|", r"\|")]
    found = _SUFFIX.search(address)
    suffix = address[found.start() :] if found else ""
    old_path = address[: found.start()] if found else address
    path = _encoded(wanted)
    if link.kind == "attachment":
        path = _with_route(old_path, link, path)
    elif old_path.endswith(PAGE_SUFFIX):
        path += PAGE_SUFFIX
    candidates = [f"/{path}{suffix}"]
    folder = page.rpartition("/")[0]
    if not old_path.startswith("/") and path.startswith(f"{_encoded(folder)}/" if folder else ""):
        relative = path[len(_encoded(folder)) + 1 :] if folder else path
        if "/" not in relative:
            candidates.insert(0, f"{relative}{suffix}")
    return candidates


def _with_route(old_path: str, link: Link, path: str) -> str:
    """`path` of an attachment, written by way of ``/a/`` if `old_path` is."""
    name = link.target.rpartition("/")[2]
    route = re.search(r"/(a|t|attachment)/([^/]+)(/[^/]*)?$", old_path)
    if route is None or name not in (route[2], name):
        return path
    folder, _, new_name = path.rpartition("/")
    return f"{folder}/{route[1]}/{new_name}{route[3] or ''}"


def _encoded(path: str) -> str:
    """`path` in a URL, with letters of every script left as they are."""
    return "".join(
        character if character.isalnum() else quote(character, safe=_KEPT) for character in path
    )
