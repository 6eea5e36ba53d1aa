"""Pages as text: UTF-8, with bytes that are none of it kept as they are.

A page's bytes are decoded with Python's surrogateescape, so that an edit of one part leaves every
other byte alone, whatever it is. Nothing with such an escape leaves the service.
"""

from __future__ import annotations

import re

from ..errors import QuotaExceeded
from .errors import BadValue, NotText

#: Largest page that is made here; wikis may have a lower limit (`check_commit`). A larger one
#: would be binary to the diffs.
MOST_PAGE_BYTES = 2 * 1024 * 1024
_ESCAPED = re.compile(r"[\udc80-\udcff]")
_LINE_END = re.compile(r"\r\n|\r|\n")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def decode(content: bytes) -> str:
    """Text of a page; bytes that are not UTF-8 are escaped, see :func:`encode`."""
    return content.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The bytes :func:`decode` was given, with what was changed in its text."""
    return text.encode("utf-8", "surrogateescape")


def is_utf8(text: str) -> bool:
    """Whether a decoded text was valid UTF-8."""
    return not _ESCAPED.search(text)


def shown(text: str) -> str:
    """A decoded text as it may leave the service: with replacement characters, as in Unicode's
    own recommendation (a run of wrong bytes may become fewer of them)."""
    if is_utf8(text):
        return text
    return encode(text).decode("utf-8", "replace")


def check_editable(page: str, text: str) -> str:
    """Return the text of an existing page that is to be edited.

    Raises :class:`NotText` where it is a binary file with a page's name.
    """
    if "\0" in text:
        raise NotText(page, "it contains NUL characters, so it is some other kind of file")
    return text


def check_new_text(page: str, text: str, field: str = "text") -> str:
    """Return `text` that somebody wants to have in page `page`.

    Raises :class:`NotText` for what no text file can hold, :class:`BadValue` for no text at all.
    """
    if not isinstance(text, str):
        raise BadValue(field, "it is not text")
    if "\0" in text:
        raise NotText(page, "the new text contains a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotText(page, f"the new text is not Unicode at character {error.start + 1}") from None
    return text


def check_keeps_bytes(page: str, replaced: str, new: str) -> None:
    """Refuse to replace bytes that are not UTF-8 by the signs that stood for them when read.

    `replaced` is a decoded text, `new` what somebody who read it wants in its place.
    """
    if REPLACEMENT in new and not is_utf8(replaced):
        raise NotText(
            page,
            "it contains bytes that are not UTF-8, shown as U+FFFD, and saving these signs would"
            " destroy them. Put the right characters there, or edit another part",
        )


def check_size(page: str, old_bytes: int, new_bytes: int) -> None:
    """Raise :class:`QuotaExceeded` for a page that grows past :data:`MOST_PAGE_BYTES`."""
    if new_bytes > MOST_PAGE_BYTES and new_bytes > old_bytes:
        raise QuotaExceeded(
            f"The page {page!r} would have {new_bytes:,} bytes, {MOST_PAGE_BYTES:,} are allowed.",
            what="page_bytes",
            limit=MOST_PAGE_BYTES,
            found=new_bytes,
            advice="Split it into several pages, or attach a file to it.",
        )


def line_ends_of(text: str) -> str | None:
    """The line end that `text` uses; None where it has none, or several kinds."""
    crlf = text.count("\r\n")
    lf, cr = text.count("\n") - crlf, text.count("\r") - crlf
    used = [end for end, count in (("\n", lf), ("\r\n", crlf), ("\r", cr)) if count]
    return used[0] if len(used) == 1 else None


def with_line_ends(text: str, line_end: str) -> str:
    """`text` with every line end written as `line_end`."""
    return _LINE_END.sub(lambda _match: line_end, text)
