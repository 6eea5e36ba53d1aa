"""Words as the full-text index divides texts into them.

SQLite's tokenizer (FTS5, unicode61) takes letters and digits between other characters for words.
Scripts that put no spaces between words come as one endless word then, and nothing in it is found.
So every character of those is made a word by itself, by a separator that no reader sees, and a
search for several of them looks for them side by side.
"""

from __future__ import annotations

import re
import unicodedata

SEPARATOR = "\u200b"
#: Around what was found in a text that comes out of the index; no text that goes in has them.
HIT_BEGIN, HIT_END = "\x02", "\x03"

# Thai, Lao, Myanmar and Khmer; Hangul (spaces divide phrases, not words); kana, Han and its
# extensions, and the half-width forms.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029"
    "\u3031-\u3035\u3038-\u303b\u3041-\u30ff\u3105-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U0001b000-\U0001b16f"
    "\U00020000-\U0003ffff"
)
_UNSPACED = re.compile(f"[{UNSPACED}]")
_UNWANTED = re.compile(f"[{SEPARATOR}\x00-\x08\x0b-\x1f\x7f]")


def indexable(text: str) -> str:
    """`text` as it goes into the index; :func:`readable` takes back what was put into it.

    In Unicode's composed form, without control characters, and with the same lines.
    """
    if text.isascii():
        return _UNWANTED.sub(" ", text)
    text = _UNWANTED.sub(" ", unicodedata.normalize("NFC", text))
    return _UNSPACED.sub(rf"{SEPARATOR}\g<0>{SEPARATOR}", text)


def readable(text: str) -> str:
    """What :func:`indexable` was given, as it comes out of the index."""
    return text.replace(SEPARATOR, "")


def is_unspaced(character: str) -> bool:
    """Whether `character` is a word by itself in the index."""
    return _UNSPACED.match(character) is not None


def folded_word(word: str) -> str:
    """`word` as the index has it before its ending is taken away: no case, no accents."""
    decomposed = unicodedata.normalize("NFKD", word.lower())
    return "".join(c for c in decomposed if not unicodedata.combining(c))
