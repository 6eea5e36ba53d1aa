"""What somebody typed into a search field, as the full-text index is asked for it.

Words are looked for in any order and any number of them may be missing, but pages with more of
them, and with rarer ones, come first. ``"several words"`` have to stand side by side, ``begin*`` is
found by its beginning, and pages with ``-word`` or ``-"several words"`` are left out. Everything
else is text: nothing anybody types is an expression of the index's own language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .words import folded_word, indexable, is_unspaced

MAX_CHARACTERS = 1_000  # of a query; what is behind them is not looked at
MAX_TERMS = 32
MAX_COMPLETIONS = 100  # words that all beginnings of a query together may stand for
DEFAULT_LIMIT = 20
MAX_LIMIT = 200
TEXT_MODE = "text"

#: Words that are in nearly every page, so that looking for them finds nothing out.
STOP_WORDS = frozenset(
    "a about an and any are as at be been but by can could did do does for from had has have how i"
    " if in into is it its me my no not of on or our she should so such than that the their them"
    " then there these they this those to was we were what when where which who why will with would"
    " you your".split()
)
_TOKEN = re.compile(
    r"(?P<exclude>(?<!\S)-(?=[\w\"“„]))?"
    r"(?:[\"“”„](?P<phrase>[^\"“”„]*)(?:[\"“”„]|\Z)|(?P<word>[^\s\"“”„]+))"
)


@dataclass(frozen=True)
class SearchQuery:
    """A search. ``text`` is as it was typed; ``offset`` results are passed over.

    Only pages are looked at whose path begins with ``prefix``, in ``category`` and with ``tag``,
    where these are given. ``mode`` "text" is the engine's own; plugins may know others. A mode that
    finds passages answers with at most ``max_chunks_per_page`` of one page, where that is given;
    "text" finds each page once.
    """

    text: str
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    prefix: str | None = None
    category: str | None = None
    tag: str | None = None
    mode: str = TEXT_MODE
    max_chunks_per_page: int | None = None


@dataclass(frozen=True)
class Terms:
    """What a query asks for. Each phrase is one or several words side by side.

    ``any_of`` are those of which one at least has to be there, ``beginnings`` words that are only
    begun, ``none_of`` what must not be there.
    """

    any_of: tuple[str, ...] = ()
    beginnings: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for, so that nothing can be found."""
        return not self.any_of and not self.beginnings


def parse_terms(text: str) -> Terms:
    """What `text` asks for. Any text is a query; one without words asks for nothing."""
    text = unicodedata.normalize("NFC", text[:MAX_CHARACTERS].replace("\x00", " "))
    any_of: dict[str, None] = {}
    beginnings: dict[str, None] = {}
    none_of: dict[str, None] = {}
    words: list[str] = []
    for token in _TOKEN.finditer(text):
        if token["exclude"]:
            phrase = _phrase(token["phrase"] if token["word"] is None else token["word"])
            if phrase:
                none_of.setdefault(phrase)
        elif token["phrase"] is not None:
            phrase = _phrase(token["phrase"])
            if phrase:
                any_of.setdefault(phrase)
        else:
            begun = _beginning(token["word"])
            if begun:
                beginnings.setdefault(begun)
            else:
                words += _words(token["word"])
    telling = [word for word in words if word.lower() not in STOP_WORDS]
    if not telling and not any_of and not beginnings:
        telling = words
    for word in telling:
        for phrase in _unspaced_phrases(word):
            any_of.setdefault(phrase)
    chosen = list(any_of)[: MAX_TERMS - 1]
    if telling and (len(words) > 1 or len(chosen) > 1):
        chosen.append(" ".join(words))  # pages with all of it side by side come first
    return Terms(tuple(chosen), tuple(beginnings)[:MAX_TERMS], tuple(none_of)[:MAX_TERMS])


def _words(text: str) -> list[str]:
    """What lies between characters that are no letters, digits or marks on letters."""
    kept = (
        character if character.isalnum() or unicodedata.category(character)[0] == "M" else " "
        for character in text
    )
    return [word for word in "".join(kept).split() if any(map(str.isalnum, word))]


def _phrase(text: str) -> str:
    """`text` as words with single spaces between them, "" where it has none."""
    return " ".join(_words(text))


def _beginning(text: str) -> str:
    """The word that `text` begins, "" where it does not end with an asterisk or is not one word."""
    words = _words(text)
    if not text.endswith("*") or len(words) != 1 or any(map(is_unspaced, words[0])):
        return ""
    return folded_word(words[0])


def _unspaced_phrases(word: str) -> list[str]:
    """`word`, or the pairs of neighbours in it where its script puts no spaces between words."""
    phrases: list[str] = []
    run = ""
    for character in [*word, ""]:
        if character and run and is_unspaced(character) == is_unspaced(run):
            run += character
            continue
        if run and is_unspaced(run) and len(run) > 1:
            phrases += [run[place : place + 2] for place in range(len(run) - 1)]
        elif run:
            phrases.append(run)
        run = character
    return phrases


def expression(terms: Terms, completions: Callable[[str, int], Iterable[str]]) -> str:
    """`terms` in the language of FTS5; "" where nothing can be found.

    `completions` gives words of the index that begin with a (folded) word, as many as it is told.
    """
    wanted = [_quoted(phrase) for phrase in terms.any_of]
    for beginning in terms.beginnings:
        most = MAX_COMPLETIONS // len(terms.beginnings)
        wanted += [_quoted(word) for word in completions(beginning, most)]
    if not wanted:
        return ""
    found = " OR ".join(dict.fromkeys(wanted))
    unwanted = " OR ".join(_quoted(phrase) for phrase in terms.none_of)
    return f"({found}) NOT ({unwanted})" if unwanted else found


def _quoted(phrase: str) -> str:
    return '"' + indexable(phrase).replace('"', '""') + '"'
