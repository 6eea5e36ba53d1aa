"""The kinds of values that requests are made of, each with the rule it is checked by."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

MAX_PATH_CHARACTERS = 2048
MAX_MESSAGE_CHARACTERS = 10_000
MAX_SECTION_CHARACTERS = 2_000
MAX_QUERY_CHARACTERS = 1_000
MAX_CURSOR_CHARACTERS = 8_192
_FIRST_YEAR, _LAST_YEAR = 1970, 9998  # any offset can be applied to what lies between


class Model(BaseModel):
    """A closed set of fields: a misspelt one is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _no_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("it contains a NUL character")
    return text


def _moment(value: Any) -> Any:
    """ISO 8601 text as a time (RFC 3339; a date alone is its first moment, UTC)."""
    if not isinstance(value, str):
        raise ValueError("it is not text")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(
            "it is no time like 2026-11-23T10:00:00Z or 2026-11-23; a + before the offset is"
            " written %2B in an address"
        ) from None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"the year is not between {_FIRST_YEAR} and {_LAST_YEAR}")
    return moment


def _decoded(value: Any) -> Any:
    """The bytes that base64 text stands for (RFC 4648, 4); line breaks in it are fine."""
    if not isinstance(value, str):
        raise ValueError("it is not text")
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("it is not base64 (A-Z a-z 0-9 + / and = at the end)") from None


#: A page's path: "notes/todo". What is wrong with one is said by the page service.
PagePath = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_PATH_CHARACTERS), AfterValidator(_no_nul)
]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_no_nul)]
#: The revision a change is based on: full or abbreviated, as it was read.
Base = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{4,64}$")]
#: A revision to look at. One that is none is not found (checklist F1), so this has no pattern.
AskedRevision = Annotated[str, StringConstraints(min_length=1, max_length=100)]
#: A revision that a change names.
Revision = Annotated[str, StringConstraints(pattern=r"^(?:HEAD|[0-9a-fA-F]{4,64})$")]
CommitMessage = Annotated[str, StringConstraints(max_length=MAX_MESSAGE_CHARACTERS)]
#: "Title", "A > B" or "#3".
SectionName = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_SECTION_CHARACTERS), AfterValidator(_no_nul)
]
SearchText = Annotated[
    str, StringConstraints(max_length=MAX_QUERY_CHARACTERS), AfterValidator(_no_nul)
]
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=MAX_CURSOR_CHARACTERS)]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema(
        {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]},
        mode="validation",
    ),
]
Base64Bytes = Annotated[
    bytes,
    BeforeValidator(_decoded),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}, mode="validation"),
]


def limit(default: int, most: int) -> Any:
    """A field for how many things an answer may hold."""
    return Field(default=default, ge=1, le=most, description=f"How many at most, 1 to {most}.")


CURSOR = Field(default=None, description="`next_cursor` of the answer before this one.")
