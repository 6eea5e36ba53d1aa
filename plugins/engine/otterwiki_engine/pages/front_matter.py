"""The YAML between two lines of three hyphens at the top of a page, read without trusting it.

What counts as front matter is what Otterwiki's renderer takes for it, whether or not it is YAML: a
first line ``---`` and, two lines on or later, a line that begins with ``---``. Reading it runs
nothing, follows no aliases and takes no longer than its size allows. It is never written.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml  # type: ignore[import-untyped]

from .markdown_text import split_lines

MAX_CHARACTERS = 16_000
MAX_DEPTH = 20
MAX_TAGS = 100
MAX_TAG_CHARACTERS = 100  # of a category as well
_TAG_NAMES = ("tags", "tag", "keywords")
_CATEGORY_NAMES = ("category", "categories")


class _NotReadable(Exception):
    """Why the front matter is not read, in words for its author."""


@dataclass(frozen=True)
class FrontMatter:
    """``values`` are what JSON can carry: dates as ISO 8601 texts, all keys as texts.

    ``end_line`` is the first line (from 0) of the text behind it, 0 where there is none.
    ``problem`` says why something that stands there is not read; ``values`` are empty then.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    end_line: int = 0
    problem: str | None = None


class _Loader(yaml.SafeLoader):
    """Plain values only: no aliases (a page of 1 KB can mean gigabytes), no depth without end."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise _NotReadable("it refers to another part of itself (an alias), which is not read")
        depth = getattr(self, "_depth", 0) + 1
        if depth > MAX_DEPTH:
            raise _NotReadable(f"it is nested more than {MAX_DEPTH} levels deep")
        self._depth = depth
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth = depth - 1


def front_matter_lines(lines: tuple[str, ...]) -> int:
    """How many of a page's `lines` are front matter, with both lines of hyphens; 0 for none."""
    if len(lines) < 3 or lines[0].rstrip("\r\n") != "---":
        return 0
    for number in range(2, len(lines)):
        if lines[number].startswith("---"):
            return number + 1
    return 0


def parse_front_matter(text: str) -> FrontMatter:
    """The front matter of page `text`. Raises nothing: see ``problem``."""
    return read_front_matter(split_lines(text))


def read_front_matter(lines: tuple[str, ...]) -> FrontMatter:
    """As :func:`parse_front_matter`, for a text split into lines."""
    end = front_matter_lines(lines)
    if not end:
        return FrontMatter()
    try:
        return FrontMatter(_read("".join(lines[1 : end - 1])), end)
    except _NotReadable as problem:
        return FrontMatter({}, end, str(problem))


def _read(source: str) -> dict[str, Any]:
    if len(source) > MAX_CHARACTERS:
        raise _NotReadable(f"it is longer than {MAX_CHARACTERS} characters")
    try:
        loader = _Loader(source)
        try:
            found = loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 2} of the page" if error.problem_mark else ""
        raise _NotReadable(f"it is not YAML: {error.problem or error.context}{line}") from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise _NotReadable(f"it is not YAML: {str(error).splitlines()[0]}") from None
    except (TypeError, AttributeError, LookupError):  # values its own tags are not made for
        raise _NotReadable("it is not YAML: a value is not what its tag says") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _NotReadable("it is not a list of names and values")
    return {_key(key): _value(value) for key, value in found.items()}


def _key(key: Any) -> str:
    if key is None:
        return "null"
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, datetime.datetime | datetime.date):
        return key.isoformat()
    return _printable(str(key))


def _value(value: Any) -> Any:
    """`value` as JSON has it."""
    if isinstance(value, str):
        return _printable(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        # Numbers beyond this are not the same in every JSON reader.
        if abs(value) < 1 << 53:
            return value
        return str(value) if value.bit_length() < 10_000 else hex(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    if isinstance(value, dict):
        return {_key(key): _value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    if isinstance(value, set):
        return sorted(_key(item) for item in value)
    if isinstance(value, bytes):
        raise _NotReadable("it holds binary data")
    raise _NotReadable("it holds a value that is no text, number, date, list or mapping")


def _printable(text: str) -> str:
    """`text` if it can be written as UTF-8; YAML's escapes can make half a character."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise _NotReadable("it holds a character that does not exist") from None
    return text


def title_of(values: Mapping[str, Any]) -> str | None:
    """The ``title``, None where there is none."""
    title = values.get("title")
    return title.strip() or None if isinstance(title, str) else None


def category_of(values: Mapping[str, Any]) -> str | None:
    """The ``category`` (the first one of several), cut like a tag; None where there is none."""
    for name in _CATEGORY_NAMES:
        for found in _texts(values.get(name)):
            return found[:MAX_TAG_CHARACTERS]
    return None


def tags_of(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The ``tags``, each once, as written: from a list, or a text with commas between them."""
    found: dict[str, None] = {}
    for name in _TAG_NAMES:
        for text in _texts(values.get(name)):
            for part in re.split(r"[,\n]", text):
                tag = part.strip().lstrip("#").strip()
                if tag:
                    found.setdefault(tag[:MAX_TAG_CHARACTERS])
    return tuple(found)[:MAX_TAGS]


def _texts(value: Any) -> list[str]:
    """What of `value` can stand as a name: a text, a number, or a list of them."""
    items = value if isinstance(value, list) else [value]
    return [
        str(item).strip()
        for item in items
        if isinstance(item, str | int | float) and not isinstance(item, bool) and str(item).strip()
    ]
