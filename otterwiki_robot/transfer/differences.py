"""What notes from elsewhere, Obsidian above all, will not do in a wiki: told before they come in.

Each rule was tried with Otterwiki's own renderer, and a test tries it again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from posixpath import dirname, normpath
from urllib.parse import unquote

from otterwiki_engine.pagenames import PAGE_SUFFIX

_CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_WIKI_LINK = re.compile(r"(!?)\[\[([^\[\]|\n]+)(?:\|([^\[\]\n]+))?\]\]")
_IMAGE = re.compile(r"!\[[^\]\n]*\]\(\s*<?([^)>\s]+)")
_COMMENT = re.compile(r"%%.+?%%", re.DOTALL)
_QUERY = re.compile(r"^(?:`{3,}|~{3,})\s*(?:dataview|dataviewjs|tasks|query)\b", re.MULTILINE)


@dataclass(frozen=True)
class Rule:
    """One difference: the sentence for it, and how often it is met in a page.

    ``times`` is given the page's path, its text without code (``whole``: with code) and the
    :class:`Names` of the import; the sentence has the fields times and page (the first).
    """

    sentence: str
    times: Callable[[str, str, Names], int]
    whole: bool = False


class Names:
    """The paths of an import, as links name them."""

    def __init__(self, files: Iterable[str], link_first: bool) -> None:
        self.files = frozenset(files)
        self.pages = frozenset(
            path.removesuffix(PAGE_SUFFIX) for path in self.files if path.endswith(PAGE_SUFFIX)
        )
        self.last_parts = frozenset(page.rpartition("/")[2] for page in self.pages)
        self.link_first = link_first


def _links(text: str, embedded: bool) -> Iterator[tuple[str, str | None]]:
    """Target without its section, and text, of each [[link]] or ![[embed]]."""
    for found in _WIKI_LINK.finditer(text):
        if bool(found[1]) == embedded:
            yield found[2].partition("#")[0].strip(), found[3]


def _embeds(_path: str, text: str, _names: Names) -> int:
    return sum(1 for _ in _links(text, embedded=True))


def _turned_links(_path: str, text: str, names: Names) -> int:
    if names.link_first:
        return 0
    return sum(
        title is not None and _leads_to_page(target, names) and title.strip() not in names.pages
        for target, title in _links(text, embedded=False)
    )


def _leads_to_page(target: str, names: Names) -> bool:
    return target in names.pages or target in names.last_parts


def _short_links(_path: str, text: str, names: Names) -> int:
    return sum(
        "/" not in target and target not in names.pages and target in names.last_parts
        for target, _ in _links(text, embedded=False)
    )


def _images_from_the_top(path: str, text: str, names: Names) -> int:
    count = 0
    for found in _IMAGE.finditer(text):
        target = unquote(found[1])
        if ":" in target or target.startswith("/"):
            continue
        beside = normpath(f"{dirname(path)}/{target}").lstrip("/")
        count += beside not in names.files and normpath(target) in names.files
    return count


def _top_level_images(path: str, text: str, names: Names) -> int:
    found = (unquote(match[1]).removeprefix("./") for match in _IMAGE.finditer(text))
    in_top = "/" not in path
    return sum("/" not in name.lstrip("/") and name.lstrip("/") in names.files
               and (in_top or name.startswith("/")) for name in found)  # fmt: skip


def _comments(_path: str, text: str, _names: Names) -> int:
    return len(_COMMENT.findall(text))


def _queries(_path: str, text: str, _names: Names) -> int:
    return len(_QUERY.findall(text))


RULES = (
    Rule(
        "Embedded pictures or notes like ![[picture.png]] ({times}, first in {page}) are shown as a"
        " link behind an exclamation mark. Write a picture as ![](folder/picture.png).",
        _embeds,
    ),
    Rule(
        "Links like [[Page|text]] ({times}, first in {page}) lead to the wrong place: a wiki takes"
        " the first part for the text. Choose the compatibility mode as WikiLink Style in the"
        " wiki's settings, under Content and Editing, and they work as they are.",
        _turned_links,
    ),
    Rule(
        "Links like [[Page]] to a page in a folder ({times}, first in {page}) lead nowhere: a wiki"
        " wants the whole path, [[Folder/Page]].",
        _short_links,
    ),
    Rule(
        "Pictures named from the top folder on ({times}, first in {page}) are not found: a wiki"
        " looks beside the page. Put a / in front of the name.",
        _images_from_the_top,
    ),
    Rule(
        "Pictures in the top folder ({times}, first in {page}) are not shown: a wiki shows files"
        " from folders only. Move them into one.",
        _top_level_images,
    ),
    Rule(
        "Comments like %%this%% ({times}, first in {page}) can be read by whoever reads the page.",
        _comments,
    ),
    Rule("Queries ({times}, first in {page}) are shown as code, not as their result.", _queries,
         whole=True),
)  # fmt: skip


def differences(
    pages: Mapping[str, str], files: Iterable[str], *, link_first: bool = False
) -> tuple[str, ...]:
    """Sentences about what the `pages` (text by path) will not do; `files` are all paths.

    `link_first` is whether the wiki reads [[page|text]] rather than [[text|page]].
    """
    names = Names(files, link_first)
    without_code = {path: _CODE.sub("", text) for path, text in pages.items()}
    sentences = []
    for rule in RULES:
        texts = pages if rule.whole else without_code
        counts = {path: rule.times(path, text, names) for path, text in texts.items()}
        first = next((path for path, count in counts.items() if count), None)
        if first is not None:
            times = sum(counts.values())
            sentences.append(
                rule.sentence.format(times=times, page=first.removesuffix(PAGE_SUFFIX))
            )
    return tuple(sentences)
