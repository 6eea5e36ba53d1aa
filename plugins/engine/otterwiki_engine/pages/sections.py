"""The sections of a page as they are shown and as they are asked for."""

from __future__ import annotations

import re

from .errors import NoOutline, SectionAmbiguous, SectionNotFound
from .records import SectionInfo
from .structure import Section, Structure

_NUMBER = re.compile(r"#\s*(\d{1,7})")
_LINE = re.compile(r"line\s+(\d{1,9})", re.IGNORECASE)
_MARKS = re.compile(r"#{1,6}\s+")
_SPACE = re.compile(r"\s+")


def section_info(structure: Structure, number: int) -> SectionInfo:
    """What is said about section `number` (from 1) of a page."""
    section = structure.sections[number - 1]
    lines = structure.lines[section.start_line : section.end_line]
    return SectionInfo(
        number=number,
        title=section.heading.text,
        level=section.heading.level,
        path=section.path,
        anchor=section.heading.anchor,
        line=section.start_line + 1,
        line_count=len(lines),
        size_characters=sum(map(len, lines)),
    )


def section_infos(structure: Structure) -> tuple[SectionInfo, ...]:
    """What is said about all sections of a page, in the order of their headings."""
    starts = [0]
    for line in structure.lines:
        starts.append(starts[-1] + len(line))
    return tuple(
        SectionInfo(
            number=number,
            title=section.heading.text,
            level=section.heading.level,
            path=section.path,
            anchor=section.heading.anchor,
            line=section.start_line + 1,
            line_count=section.end_line - section.start_line,
            size_characters=starts[section.end_line] - starts[section.start_line],
        )
        for number, section in enumerate(structure.sections, 1)
    )


def text_of(structure: Structure, section: Section) -> str:
    """The section's text, heading first, as it stands in the page."""
    return "".join(structure.lines[section.start_line : section.end_line])


def find_number(page: str, structure: Structure, wanted: str) -> int:
    """The number (from 1) of the section that `wanted` names.

    A title, or a path of titles or the end of one ("A > B"), in any case; else "#3" for the third
    heading, "line 12" for the one on that line, or a heading's anchor. Raises
    :class:`SectionNotFound`, :class:`SectionAmbiguous`, :class:`NoOutline`.
    """
    if structure.problem:
        raise NoOutline(page, structure.problem)
    found = _by_title(structure, wanted) or _by_place(structure, wanted)
    if not found:
        raise SectionNotFound(page, wanted, section_infos(structure))
    if len(found) > 1:
        infos = section_infos(structure)
        raise SectionAmbiguous(page, wanted, tuple(infos[number - 1] for number in found))
    return found[0]


def _by_title(structure: Structure, wanted: str) -> list[int]:
    """Numbers of the sections whose title is `wanted`; else those whose path ends in it."""
    numbered = list(enumerate(structure.sections, 1))
    for text in dict.fromkeys((wanted, _MARKS.sub("", wanted.strip(), count=1))):
        title = _plain(text)
        if not title:
            continue
        found = [number for number, section in numbered if _plain(section.heading.text) == title]
        if found:
            return found
        parts = tuple(_plain(part) for part in text.split(">"))
        if len(parts) > 1:
            found = [
                number
                for number, section in numbered
                if tuple(_plain(part) for part in section.path[-len(parts) :]) == parts
            ]
            whole = [
                number for number in found if len(structure.sections[number - 1].path) == len(parts)
            ]
            if found:
                return whole if len(whole) == 1 else found
    return []


def _by_place(structure: Structure, wanted: str) -> list[int]:
    text = wanted.strip()
    numbered = enumerate(structure.sections, 1)
    if match := _NUMBER.fullmatch(text):
        number = int(match[1])
        return [number] if 1 <= number <= len(structure.sections) else []
    if match := _LINE.fullmatch(text):
        line = int(match[1]) - 1
        return [number for number, section in numbered if section.start_line == line]
    anchor = text.removeprefix("#")
    return [number for number, section in numbered if anchor and section.heading.anchor == anchor]


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text).strip().casefold()
