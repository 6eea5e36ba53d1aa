"""What stands in a line of text: links, code, formulas, HTML, as Otterwiki's renderer reads it.

Follows the renderer's parser (mistune with Otterwiki's plugins) rule by rule, in the same order,
because a link is what that parser takes for one; a test compares the two. Unlike it, this reader
knows where everything stands and counts its work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .brackets import LABEL, Brackets
from .inline_patterns import BEFORE_LINKS, TOKEN, TRIGGER
from .inline_records import Inline, InlineLink, Piece, PieceKind, Syntax
from .link_syntax import Address, Definition, link_key, unescaped
from .markdown_text import Work
from .text_lookup import TextLookup

__all__ = ["Inline", "InlineLink", "Piece", "Syntax", "read_inline"]

MAX_DEPTH = 20  # of marked and struck texts and images in one another

_LINK_TAGS = ("<a ", "<a>", "<A ", "<A>")
_LINK_END_TAGS = ("</a ", "</a>", "</A ", "</A>")
_NO_FOOTNOTES: Mapping[str, int] = {}


def read_inline(
    text: str,
    work: Work,
    *,
    definitions: Mapping[str, Definition],
    footnotes: Mapping[str, int] = _NO_FOOTNOTES,
    link_first: bool = False,
) -> Inline:
    """Read `text`, the whole of a paragraph, heading or cell.

    `footnotes` are the numbers of the notes there are, by key; `link_first` tells that wiki links
    are written ``[[Page|Title]]``. Raises :class:`~.markdown_text.TextTooComplex`.
    """
    reader = _Reader(text, work, definitions, footnotes, link_first)
    reader.read(0, len(text), in_link=False, depth=0)
    return reader.found


class _Reader:
    def __init__(
        self,
        text: str,
        work: Work,
        definitions: Mapping[str, Definition],
        footnotes: Mapping[str, int],
        link_first: bool,
    ) -> None:
        self.text = text
        self.work = work
        self.definitions = definitions
        self.footnotes = footnotes
        self.link_first = link_first
        self.found = Inline()
        self.lookup = TextLookup(text, work)

    def read(
        self,
        start: int,
        end: int,
        *,
        in_link: bool,
        depth: int,
        brackets: Brackets | None = None,
    ) -> None:
        """Read ``text[start:end]`` by itself."""
        if TRIGGER.search(self.text, start, end):
            _Part(self, start, end, in_link, depth, brackets).read()
        else:
            self.say("text", self.text[start:end])

    def say(self, kind: PieceKind, text: str) -> None:
        """Note a piece of what is shown."""
        if text:
            self.found.pieces.append(Piece(kind, text))


class _Part:
    """A text inside another that is read by itself: what a link shows, what is struck out."""

    def __init__(
        self,
        reader: _Reader,
        start: int,
        end: int,
        in_link: bool,
        depth: int,
        brackets: Brackets | None,
    ) -> None:
        self.reader = reader
        self.text = reader.text
        self.start = start
        self.end = end
        self.in_link = in_link
        self.depth = depth
        self.brackets = brackets or Brackets(self.text, start, end, reader.definitions, reader.work)
        self.no_link_before = start
        self.no_bracket_before = start
        self.never_struck = end + 1

    def read(self) -> None:
        """Go through the part once."""
        position = self.start
        text, end, say = self.text, self.end, self.reader.say
        while position < end:
            trigger = TRIGGER.search(text, position, end)
            if trigger is None:
                break
            begin = trigger.start()
            if begin > position:
                say("text", text[position:begin])
            token = TOKEN.match(text, begin, end)
            after = self._take(token) if token else None
            if after is None:
                after = begin + 1
                say("text", text[begin:after])
            position = after
        if position < end:
            say("text", text[position:end])

    def _take(self, token: re.Match[str]) -> int | None:
        """Note what `token` is; where reading goes on, None where it is nothing."""
        after: int | None = getattr(self, "_" + (token.lastgroup or ""))(token)
        return after

    # ------------------------------------------------------------------ what is no link

    def _escape(self, token: re.Match[str]) -> int:
        self.reader.say("plain", unescaped(token[0]))
        return token.end()

    def _newline(self, token: re.Match[str]) -> int:
        self.reader.say("plain", "\n" * token[0].count("\n"))
        return token.end()

    def _code(self, token: re.Match[str]) -> int:
        close = self.reader.lookup.code_end(token.end(), len(token[0]), self.end)
        if close is None:
            self.reader.say("plain", token[0])
            return token.end()
        self.reader.say("code", self.text[token.end() : close])
        return close + len(token[0])

    def _math(self, token: re.Match[str]) -> int:
        self.reader.say("math", token[0])
        return token.end()

    _display_math = _math

    def _mark(self, token: re.Match[str]) -> int:
        return self._within(token.start() + 2, token.end() - 2, token.end())

    def _strike(self, token: re.Match[str]) -> int | None:
        if token.end() >= self.never_struck:
            return None
        close = self.reader.lookup.struck_until(token.end(), self.end)
        if close is None:
            self.never_struck = token.end()
            return None
        return self._within(token.end(), close, close + 2)

    def _within(self, start: int, end: int, after: int) -> int:
        if self.depth < MAX_DEPTH:
            self.reader.work.spend(end - start)
            self.reader.read(start, end, in_link=self.in_link, depth=self.depth + 1)
        else:
            self.reader.say("text", self.text[start:end])
        return after

    def _footnote(self, token: re.Match[str]) -> int:
        key = link_key(token[0][2:-1])
        if key in self.reader.footnotes:
            self.reader.found.footnotes.add(key)
            self.reader.say("footnote", str(self.reader.footnotes[key]))
        else:
            self.reader.say("text", token[0])
        return token.end()

    def _tag(self, token: re.Match[str]) -> int:
        if token[0].startswith(_LINK_TAGS):
            self.in_link = True
        elif token[0].startswith(_LINK_END_TAGS):
            self.in_link = False
        self.reader.found.html.append(token.span())
        return token.end()

    def _special(self, token: re.Match[str]) -> int | None:
        """A comment or another declaration, which shows nothing."""
        return self.reader.lookup.special_end(token[0], token.end(), self.end)

    # ------------------------------------------------------------------ links

    def _auto(self, token: re.Match[str]) -> int:
        inside = (token.start() + 1, token.end() - 1)
        return self._autolink(token, *inside)

    _email = _auto

    def _url(self, token: re.Match[str]) -> int:
        return self._autolink(token, *token.span())

    def _autolink(self, token: re.Match[str], start: int, end: int) -> int:
        if not self.in_link:
            self.reader.found.links.append(
                InlineLink("autolink", start, end, (start, end), token.span())
            )
            self.reader.say("plain", self.text[start:end])
        else:
            self.reader.say("text", token[0])
        return token.end()

    def _wiki(self, token: re.Match[str]) -> int | None:
        begin = token.end()
        close = self.reader.lookup.next_bracket(begin)
        if close == begin or close + 2 > self.end or self.text[close : close + 2] != "]]":
            return self._bracket(token.start(), token.start() + 1)
        bar = self.text.find("|", begin, close)
        if begin < bar < close - 1:
            left, right = (begin, bar), (bar + 1, close)
            link, title = (left, right) if self.reader.link_first else (right, left)
        else:
            link = title = (begin, close)
        # The link is noted before those in its title, as it begins before them.
        whole = (token.start(), close + 2)
        self.reader.found.links.append(InlineLink("wikilink", *link, title, whole))
        if self.depth < MAX_DEPTH:
            self.reader.read(*title, in_link=self.in_link, depth=self.depth + 1)
        return close + 2

    def _link(self, token: re.Match[str]) -> int | None:
        return self._bracket(token.start(), token.end())

    def _bracket(self, start: int, position: int) -> int | None:
        """A link or an image whose brackets, perhaps with "!", are ``text[start:position]``."""
        is_image = self.text[start] == "!"
        if (is_image and self.depth >= MAX_DEPTH) or (
            not is_image and (self.in_link or position <= self.no_link_before)
        ):
            self.reader.say("text", self.text[start:position])
            return position
        label = LABEL.match(self.text, position, self.end)
        if label:
            label_end = label.end() - 1
        elif position <= self.no_bracket_before:
            self.reader.say("text", self.text[start:position])
            return position
        else:
            close = self.brackets.closing(position)
            if close is None:
                self.no_bracket_before = self.end
                return None
            label_end = close
        if not is_image and label is None and self.brackets.holds_link(position, label_end):
            return None
        after = label_end + 1
        if label is None and after >= self.end:
            self._note_no_link(after)
            return None
        found = self.brackets.target(position, label_end, self.end)
        if found is None:
            self._note_no_link(after)
            return None
        earlier = self._what_comes_first(start, position, after)
        return earlier or self._note_link(found, start, position, label_end)

    def _note_no_link(self, after: int) -> None:
        self.no_link_before = max(self.no_link_before, after)

    def _note_link(
        self, found: tuple[int, Address | Definition], start: int, position: int, label_end: int
    ) -> int:
        after, target = found
        is_image = self.text[start] == "!"
        label, whole = (position, label_end), (start, after)
        if isinstance(target, Definition):
            link = InlineLink("reference", *label, label, whole, target, is_image)
        else:
            syntax: Syntax = "image" if is_image else "inline"
            link = InlineLink(syntax, target.start, target.end, label, whole, None, is_image)
        self.reader.found.links.append(link)
        if is_image:
            self.reader.say("image", self.text[position:label_end])
        else:
            self.reader.read(
                position, label_end, in_link=True, depth=self.depth, brackets=self.brackets
            )
        return after

    def _what_comes_first(self, start: int, position: int, after: int) -> int | None:
        """Where code or HTML ends that begins inside a label and goes beyond it.

        Then the brackets are none; the text up to there is noted.
        """
        first = BEFORE_LINKS.search(self.text, position, after)
        if first is None:
            return None
        kind = first.lastgroup or ""
        token = TOKEN.match(self.text, first.start(), self.end)
        if token is None or token.lastgroup not in _SAME[kind]:
            return None
        if kind == "code":
            close = self.reader.lookup.code_end(token.end(), len(token[0]), self.end)
            stop = token.end() if close is None else close + len(token[0])
        elif token.lastgroup == "special":
            stop = self.reader.lookup.special_end(token[0], token.end(), self.end) or 0
        else:
            stop = token.end()
        if stop < after:
            return None
        self.reader.say("text", self.text[start : first.start()])
        in_link = self.in_link
        self._take(token)
        self.in_link = in_link
        return stop


_SAME = {"code": {"code"}, "auto": {"auto"}, "tag": {"tag", "special"}}
