"""What is found in a line of text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from .link_syntax import Definition

Syntax = Literal["wikilink", "inline", "reference", "image", "autolink", "html", "embedding"]
PieceKind = Literal["text", "plain", "code", "math", "image", "footnote"]


class Piece(NamedTuple):
    """A part of what is read: "text" may hold emphasis marks and entities, "plain" does not."""

    kind: PieceKind
    text: str


@dataclass(frozen=True)
class InlineLink:
    """A link: its address in ``text[start:end]`` of what was read.

    Of a reference that is where ``definition`` is used, and the address is the definition's.
    ``label`` are the offsets of what is shown as the link, ``whole`` those of all of it.
    ``is_image``: it is shown in place.
    """

    syntax: Syntax
    start: int
    end: int
    label: tuple[int, int]
    whole: tuple[int, int]
    definition: Definition | None = None
    is_image: bool = False


@dataclass
class Inline:
    """What was found, in the order of the text; ``html`` are offsets of HTML tags."""

    links: list[InlineLink] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    html: list[tuple[int, int]] = field(default_factory=list)
    footnotes: set[str] = field(default_factory=set)
