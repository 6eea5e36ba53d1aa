"""One page as it is or was: whole, in parts, or its headings only."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import NotFound
from ..history_records import CommitRecord
from ..wiki import Wiki
from .cursors import check_limit
from .errors import BadValue, PageNotFound
from .markdown_text import split_lines
from .names import PageNames, page_of
from .page_contents import PageContents, read_contents
from .page_records import PageRecord
from .records import LineRange, Outline, Page, SectionText
from .revisions import explained, file_at, resolve
from .sections import find_number, section_info, section_infos, text_of
from .texts import decode, is_utf8, shown
from .tools import Tools

MOST_LINES = 10_000


@dataclass(frozen=True)
class _Found:
    """A page in one revision. ``text`` is what may leave the service."""

    path: str
    file: str
    content: bytes
    blob_id: str
    text: str
    last_commit: CommitRecord


def _found(wiki: Wiki, names: PageNames, page: str, revision: str | None) -> _Found:
    """Page `page` at `revision`; raises :class:`PageNotFound`, BadRevision, NotFound."""
    if revision is None:
        at, then = None, wiki.repository.snapshot()
        file = names.find(page, then)
        if file is None:
            raise explained(wiki, names, PageNotFound(page))
        at = then.revision
    else:
        at = resolve(wiki, revision)
        file, then = file_at(wiki, names, page, at)
    record = wiki.history.last_change(file, at)
    if record is None:
        raise NotFound(f"{file} has no history")
    entry = then.entries[file]
    content = then.read(file)
    text = shown(decode(content))
    return _Found(page_of(file), file, content, entry.blob_id, text, record)


def read_page(tools: Tools, page: str, revision: str | None) -> Page:
    """The whole page."""
    found = _found(tools.wiki, tools.names, page, revision)
    known = _known(tools, found)
    title, heading = known.title, known.heading
    return Page(
        path=found.path,
        name=tools.names.name_of(found.path, heading),
        file=found.file,
        title=tools.names.display_title(found.path, title),
        content=found.text,
        front_matter=known.front_matter,
        front_matter_problem=known.front_matter_problem,
        category=known.category,
        tags=known.tags,
        revision=found.last_commit.revision,
        last_commit=found.last_commit,
        blob_id=found.blob_id,
        size_bytes=len(found.content),
        line_count=len(split_lines(found.text)),
        is_utf8=is_utf8(decode(found.content)),
        links_to=_links_to(tools, found, known),
        linked_from=tuple(sorted({link.page for link in tools.index.links_to(found.path)})),
    )


def _known(tools: Tools, found: _Found) -> PageRecord | PageContents:
    """What the index knows of the page, where it has this content now; else worked out."""
    record = tools.index.page(found.path)
    if record is not None and (record.path, record.blob_id) == (found.path, found.blob_id):
        return record
    return read_contents(found.path, found.blob_id, found.content, tools.settings)


def _links_to(tools: Tools, found: _Found, known: PageRecord | PageContents) -> tuple[str, ...]:
    """Paths of the pages the text links to, as they are written where they exist now."""
    if isinstance(known, PageRecord):
        links = tools.index.links_from(found.path)
        targets = {link.leads_to or link.target for link in links if link.kind == "page"}
    else:
        head = tools.wiki.repository.snapshot()
        targets = set()
        for link in known.links:
            if link.kind == "page":
                file = tools.names.find(link.target, head)
                targets.add(page_of(file) if file else link.target)
    return tuple(sorted(targets))


def read_outline(tools: Tools, page: str, revision: str | None) -> Outline:
    """The page's headings."""
    found = _found(tools.wiki, tools.names, page, revision)
    known = _known(tools, found)
    structure = tools.structure(found.text)
    return Outline(
        path=found.path,
        name=tools.names.name_of(found.path, known.heading),
        file=found.file,
        title=tools.names.display_title(found.path, known.title),
        revision=found.last_commit.revision,
        front_matter=known.front_matter,
        size_bytes=len(found.content),
        line_count=len(structure.lines),
        sections=section_infos(structure),
    )


def read_section(tools: Tools, page: str, section: str, revision: str | None) -> SectionText:
    """One section."""
    found = _found(tools.wiki, tools.names, page, revision)
    structure = tools.structure(found.text)
    number = find_number(found.path, structure, section)
    return SectionText(
        path=found.path,
        name=tools.names.name_of(found.path, structure.title),
        file=found.file,
        revision=found.last_commit.revision,
        section=section_info(structure, number),
        content=text_of(structure, structure.sections[number - 1]),
    )


def read_lines(
    tools: Tools, page: str, start_line: int, line_count: int, revision: str | None
) -> LineRange:
    """Some lines of the page."""
    check_limit(line_count, MOST_LINES, "line count")
    if not isinstance(start_line, int) or start_line < 1:
        raise BadValue("start line", "lines are counted from 1")
    found = _found(tools.wiki, tools.names, page, revision)
    lines = split_lines(found.text)
    chosen = lines[start_line - 1 : start_line - 1 + line_count]
    following = start_line + len(chosen)
    return LineRange(
        path=found.path,
        name=tools.names.name_of(found.path),
        file=found.file,
        revision=found.last_commit.revision,
        start_line=start_line,
        line_count=len(chosen),
        total_lines=len(lines),
        next_line=following if chosen and following <= len(lines) else None,
        content="".join(chosen),
    )
