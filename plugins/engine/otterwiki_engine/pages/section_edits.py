"""Edits of a page's sections on its raw text. Pure functions of texts.

Nothing outside the place of an edit changes, ever: not a byte of it, and not what it means. The
latter is checked, by reading the headings of the result: text that is put above "Title" with
"=====" under it, or that opens a code block and never closes it, would make something else of what
follows. A blank line helps against the first; what can't be helped is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .errors import BadValue
from .markdown_text import split_lines
from .records import SectionInfo
from .sections import find_number, section_info, text_of
from .structure import Section, Structure, parse_structure
from .text_edits import closed, ends_line, in_style_of
from .texts import line_ends_of

_CHANGES_REST = (
    "in that place it would change what the text around it means (does it open a code block, a"
    " comment or HTML that it does not close?)"
)
_ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s")
_OPEN = re.compile(r"\s*(?:[-*+>:\[]|\d+[.)])|\s+\S|.*\|")


@dataclass(frozen=True)
class _Place:
    """Lines ``start:end`` of a page, whose text is to be replaced."""

    structure: Structure
    start: int
    end: int

    @property
    def head(self) -> str:
        return "".join(self.lines_above)

    @property
    def tail(self) -> str:
        return "".join(self.lines_below)

    @property
    def lines_above(self) -> tuple[str, ...]:
        return self.structure.lines[: self.start]

    @property
    def lines_below(self) -> tuple[str, ...]:
        return self.structure.lines[self.end :]


class SectionEdits:
    """The edits of pages in which headings are read as `parse` does."""

    def __init__(self, parse: Callable[[str], Structure] = parse_structure) -> None:
        self._parse = parse

    def append_to_page(self, text: str, addition: str) -> str:
        """`text` with `addition` behind it, on its own line. Raises :class:`BadValue`."""
        structure = self._parse(text)
        end = len(structure.lines)
        return self._put(_Place(structure, end, end), addition)

    def prepend(self, text: str, addition: str) -> str:
        """`text` with `addition` above it, below its front matter. Raises :class:`BadValue`."""
        structure = self._parse(text)
        start = structure.front_matter_end
        return self._put(_Place(structure, start, start), addition)

    def append_to_section(
        self, page: str, text: str, wanted: str, addition: str
    ) -> tuple[str, SectionInfo]:
        """`text` with `addition` behind the last line of a section that is not blank."""
        structure, section, info = self._section(page, text, wanted)
        line = section.end_line
        while line > section.heading.body_line and _is_blank(structure.lines[line - 1]):
            line -= 1
        return self._put(_Place(structure, line, line), addition), info

    def insert_before(
        self, page: str, text: str, wanted: str, addition: str
    ) -> tuple[str, SectionInfo]:
        """`text` with `addition` before a section's heading, blank lines around it."""
        structure, section, info = self._section(page, text, wanted)
        place = _Place(structure, section.start_line, section.start_line)
        return self._put(place, addition, apart=True), info

    def insert_after(
        self, page: str, text: str, wanted: str, addition: str
    ) -> tuple[str, SectionInfo]:
        """`text` with `addition` behind a section and all in it, blank lines around it."""
        structure, section, info = self._section(page, text, wanted)
        place = _Place(structure, section.end_line, section.end_line)
        return self._put(place, addition, apart=True), info

    def replace_section(
        self, page: str, text: str, wanted: str, new: str, keep_heading: bool | None
    ) -> tuple[str, SectionInfo]:
        """`text` with `new` in the place of a section.

        The heading is replaced too where `keep_heading` is False, or None and `new` begins with a
        heading of the same level or a higher one. Blank lines around the section's text stay where
        `new` has none of its own.
        """
        structure, section, info = self._section(page, text, wanted)
        if keep_heading is None:
            keep_heading = not self._begins_with_heading(new, section.heading.level)
        start = section.heading.body_line if keep_heading else section.start_line
        old = structure.lines[start : section.end_line]
        above, below = _blank_ends(old)
        if new and not keep_heading:
            above = ()
        if new or keep_heading:
            new = _with_blank_ends(new, "".join(above), "".join(below))
        return self._put(_Place(structure, start, section.end_line), new), info

    def section_text(self, page: str, text: str, wanted: str) -> tuple[str, tuple[str, ...]]:
        """The text of a section and its path; raises as the edits do."""
        structure, section, _ = self._section(page, text, wanted)
        return text_of(structure, section), section.path

    def same_section(self, text: str, path: tuple[str, ...], content: str) -> str | None:
        """The number ("#3") of the only section of `text` with that path and content, else None."""
        structure = self._parse(text)
        found = [
            number
            for number, section in enumerate(structure.sections, 1)
            if section.path == path and text_of(structure, section) == content
        ]
        return f"#{found[0]}" if len(found) == 1 else None

    # ------------------------------------------------------------------ inside

    def _section(self, page: str, text: str, wanted: str) -> tuple[Structure, Section, SectionInfo]:
        structure = self._parse(text)
        number = find_number(page, structure, wanted)
        return structure, structure.sections[number - 1], section_info(structure, number)

    def _begins_with_heading(self, new: str, level: int) -> bool:
        """Whether the first thing in `new` is a heading of that level or a higher one."""
        structure = self._parse(new)
        first = next((n for n, line in enumerate(structure.lines) if not _is_blank(line)), None)
        if not structure.sections or structure.sections[0].start_line != first:
            return False
        return structure.sections[0].heading.level <= level

    def _put(self, place: _Place, middle: str, *, apart: bool = False) -> str:
        """The page with `middle` at `place`; blank lines around it with `apart`, or if needed."""
        text = "".join(place.structure.lines)
        head, tail = place.head, place.tail
        line_end = line_ends_of(text) or line_ends_of(middle) or "\n"
        middle = in_style_of(text, middle)
        if middle and (tail or (text and ends_line(text))):
            middle = closed(middle, line_end)
        wanted = _blank_lines(place, middle, apart=apart)
        for above, below in dict.fromkeys(
            [wanted, (True, wanted[1]), (wanted[0], True), (True, True)]
        ):
            begin = _joined(head, line_end * above + middle, line_end)
            if below and tail:
                begin = _joined(closed(begin, line_end), line_end, line_end)
            begin = _joined(begin, tail, line_end).removesuffix(tail)
            if self._keeps_rest(place, begin, tail):
                return begin + tail
        raise BadValue("text", _CHANGES_REST)

    def _keeps_rest(self, place: _Place, begin: str, tail: str) -> bool:
        """Whether all above and below `place` means the same with `begin` before `tail`."""
        old, new = place.structure, self._parse(begin + tail)
        below = len(new.lines) - len(place.lines_below)  # the first line of the tail now
        if new.problem and (old.problem or not tail):
            return True  # it can't be read as Markdown anyway, or nothing follows
        if new.front_matter_end != old.front_matter_end and not (
            place.start == old.front_matter_end == 0 and new.front_matter_end <= below
        ):
            return False
        if _headings(old, 0, place.start) != _headings(new, 0, place.start):
            return False
        if _headings(old, place.end, len(old.lines)) != _headings(new, below, len(new.lines)):
            return False
        if tail and not _is_blank(place.lines_below[0]) and not _starts_section(old, place.end):
            # No heading follows at once, so see whether one would still be one here.
            probe = self._parse(closed(begin, "\n") + "# x\n")
            return _starts_section(probe, len(probe.lines) - 1)
        return True


def _is_blank(line: str) -> bool:
    return not line.strip(" \t\r\n")


def _blank_ends(lines: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The blank lines at the beginning and at the end; none above where all are blank."""
    end = len(lines)
    while end and _is_blank(lines[end - 1]):
        end -= 1
    start = 0
    while start < end and _is_blank(lines[start]):
        start += 1
    return lines[:start], lines[end:]


def _with_blank_ends(new: str, above: str, below: str) -> str:
    """`new` with these blank lines around it, where it has none there itself."""
    lines = split_lines(new)
    if not lines:
        return below
    if above and not _is_blank(lines[0]):
        new = above + new
    if below and not _is_blank(lines[-1]):
        new = closed(new, line_ends_of(below) or "\n") + below
    return new


def _blank_lines(place: _Place, middle: str, *, apart: bool) -> tuple[bool, bool]:
    """Whether blank lines are wanted above and below `middle`.

    With `apart` they are. Else only where readers of Markdown may differ: above a text that takes
    a heading's place, and below a list, quote, note or table, which may take in what follows.
    """
    lines = split_lines(middle)
    if not lines or middle == "".join(place.structure.lines[place.start : place.end]):
        return False, False
    above = bool(place.lines_above) and not any(map(_is_blank, (place.lines_above[-1], lines[0])))
    below = bool(place.lines_below) and not any(map(_is_blank, (lines[-1], place.lines_below[0])))
    if not apart:
        had_heading = _starts_section(place.structure, place.start) and place.start < place.end
        above = above and had_heading and not lines[0].lstrip().startswith("#")
        below = below and _goes_on(lines) and not _ITEM.match(place.lines_below[0])
    return above, below


def _goes_on(lines: tuple[str, ...]) -> bool:
    """Whether the end of a text may be a block that takes in plain lines below it."""
    for line in reversed(lines):
        if _is_blank(line):
            return False
        if _OPEN.match(line):
            return True
    return False


def _joined(head: str, rest: str, line_end: str) -> str:
    """`rest` on a new line behind `head`."""
    if not rest:
        return head
    if not ends_line(head):
        return head + line_end + rest
    # Two line ends of one character each would become one of two.
    return head + "\n" + rest if head.endswith("\r") and rest[0] == "\n" else head + rest


def _headings(structure: Structure, start: int, end: int) -> list[tuple[int, int, str]]:
    """Line (from `start`), level and title of the headings on lines ``start:end``."""
    return [
        (section.start_line - start, section.heading.level, section.heading.text)
        for section in structure.sections
        if start <= section.start_line < end
    ]


def _starts_section(structure: Structure, line: int) -> bool:
    return any(section.start_line == line for section in structure.sections)
