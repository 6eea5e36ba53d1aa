"""The changes a batch can be made of; the service's single methods make the same ones.

``page`` is a page's path. ``base`` is the revision of that page the change was made on: 4 to 64
hexadecimal digits or HEAD; None where it is not needed (see each). A base is compared with the
head the batch is applied to, so several changes of one page in a batch carry the same base.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WritePage:
    """Create or replace a page; `base` None creates only (:class:`PageExists` otherwise), any
    other replaces only (:class:`StaleBase` otherwise)."""

    page: str
    content: str
    base: str | None = None


@dataclass(frozen=True)
class EditPage:
    """Replace `old`, which has to occur exactly once, by `new`. `base` None takes the head."""

    page: str
    old: str
    new: str
    base: str | None = None


@dataclass(frozen=True)
class AppendText:
    """Put `text` at the end of a page, or of its section `section`; needs no base.

    A missing page is created with `create`, unless a section of it is named.
    """

    page: str
    text: str
    base: str | None = None
    section: str | None = None
    create: bool = True


@dataclass(frozen=True)
class PrependText:
    """Put `text` at the top of a page, after its front matter; needs no base."""

    page: str
    text: str
    base: str | None = None
    create: bool = True


@dataclass(frozen=True)
class InsertBeforeSection:
    """Put `text` before a section's heading."""

    page: str
    section: str
    text: str
    base: str | None = None
    merge: bool = False


@dataclass(frozen=True)
class InsertAfterSection:
    """Put `text` behind a section and all that lies under its heading."""

    page: str
    section: str
    text: str
    base: str | None = None
    merge: bool = False


@dataclass(frozen=True)
class ReplaceSection:
    """Put `text` in the place of a section. `base` is required.

    `keep_heading` None keeps the section's heading unless `text` begins with one of the same level
    or a higher one.
    """

    page: str
    section: str
    text: str
    base: str | None = None
    keep_heading: bool | None = None
    merge: bool = False


@dataclass(frozen=True)
class RenamePage:
    """Rename a page with its attachments and sub-pages, and rewrite the links to them."""

    page: str
    new_page: str
    base: str | None = None
    update_links: bool = True


@dataclass(frozen=True)
class DeletePage:
    """Delete a page and its attachments; its sub-pages stay."""

    page: str
    base: str | None = None


@dataclass(frozen=True)
class RestorePage:
    """Give a page the text it had at `revision`; it may be deleted now.

    The commit that deleted it stands for the one before. A deleted page gets the attachments back
    that it had when it was deleted.
    """

    page: str
    revision: str
    base: str | None = None


@dataclass(frozen=True)
class PutAttachment:
    """Attach a file to a page; an existing one needs `base` (its revision) or `overwrite`."""

    page: str
    filename: str
    content: bytes
    base: str | None = None
    overwrite: bool = False
    declared_type: str | None = None


@dataclass(frozen=True)
class DeleteAttachment:
    """Delete an attachment of a page."""

    page: str
    filename: str
    base: str | None = None


Change = (
    WritePage
    | EditPage
    | AppendText
    | PrependText
    | InsertBeforeSection
    | InsertAfterSection
    | ReplaceSection
    | RenamePage
    | DeletePage
    | RestorePage
    | PutAttachment
    | DeleteAttachment
)
