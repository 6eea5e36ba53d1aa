"""What a request's JSON body may be."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .fields import (
    Base,
    Base64Bytes,
    CommitMessage,
    FileName,
    Model,
    PagePath,
    Revision,
    SectionName,
)

MOST_CHANGES = 100
_BASE = Field(
    default=None,
    description=(
        "The page's revision this is based on, as it was read. The same as If-Match: an ETag of the"
        " page or its revision."
    ),
)
_MESSAGE = Field(
    default=None, description="Says in the history why; one that says what by default."
)
_SECTION = Field(description="A title, `A > B`, or `#3`; see `section` of reading a page.")
_MERGE = Field(
    default=False,
    description="Where the page changed since `revision`, but not this section: do it still.",
)


class _Change(Model):
    """What every change may say."""

    commit_message: CommitMessage | None = _MESSAGE


class PutPage(_Change):
    """A whole page."""

    content: str = Field(description="The whole text, front matter included. At most 1 MB.")
    revision: Base | None = Field(
        default=None,
        description="The revision the text is based on; required where the page exists, and only"
        " there. The same as If-Match.",
    )


class PatchPage(_Change):
    """A replacement of a text that occurs exactly once."""

    old_string: Annotated[str, Field(min_length=1)] = Field(
        description="The text to replace. It has to occur exactly once in the page."
    )
    new_string: str = Field(description="What stands in its place.")
    revision: Base | None = Field(
        default=None, description="The revision it is based on; required here or as If-Match."
    )


class DeletePage(_Change):
    """The reason of a deletion, and what it is based on."""

    revision: Base | None = _BASE


class RenamePage(_Change):
    """A page's new name."""

    new_path: PagePath = Field(description="The path the page is to have.")
    revision: Base | None = _BASE
    update_links: bool = Field(default=True, description="Whether links to the page are rewritten.")


class RestorePage(_Change):
    """The version of a page that is to come back."""

    from_revision: Revision = Field(description="The revision whose text the page is to have.")
    revision: Base | None = _BASE


# ---------------------------------------------------------------------- edits of a page


class ReplaceEdit(Model):
    """Replace a text that occurs exactly once."""

    action: Literal["replace"]
    old_string: Annotated[str, Field(min_length=1)]
    new_string: str


class AppendEdit(Model):
    """Put text at the end of the page or of one of its sections; needs no revision."""

    action: Literal["append"]
    text: str
    section: SectionName | None = Field(
        default=None, description="The section to append to, if not all."
    )
    create: bool = Field(default=True, description="Whether a missing page is made of the text.")


class PrependEdit(Model):
    """Put text at the top of the page, after its front matter; needs no revision."""

    action: Literal["prepend"]
    text: str
    create: bool = Field(default=True, description="Whether a missing page is made of the text.")


class InsertBeforeEdit(Model):
    """Put text before a section's heading."""

    action: Literal["insert_before"]
    section: SectionName = _SECTION
    text: str
    merge: bool = _MERGE


class InsertAfterEdit(Model):
    """Put text behind a section and all that lies under its heading."""

    action: Literal["insert_after"]
    section: SectionName = _SECTION
    text: str
    merge: bool = _MERGE


class ReplaceSectionEdit(Model):
    """Put text in the place of a section. The page's revision is required."""

    action: Literal["replace_section"]
    section: SectionName = _SECTION
    text: str = Field(description="The new section, with its heading unless that is kept.")
    keep_heading: bool = Field(
        default=False, description="Whether only what is below it is replaced."
    )
    merge: bool = _MERGE


class _EditBody(_Change):
    revision: Base | None = _BASE


class ReplaceBody(ReplaceEdit, _EditBody):
    """As an edit of one page."""


class AppendBody(AppendEdit, _EditBody):
    """As an edit of one page."""


class PrependBody(PrependEdit, _EditBody):
    """As an edit of one page."""


class InsertBeforeBody(InsertBeforeEdit, _EditBody):
    """As an edit of one page."""


class InsertAfterBody(InsertAfterEdit, _EditBody):
    """As an edit of one page."""


class ReplaceSectionBody(ReplaceSectionEdit, _EditBody):
    """As an edit of one page."""


EditBody = Annotated[
    ReplaceBody
    | AppendBody
    | PrependBody
    | InsertBeforeBody
    | InsertAfterBody
    | ReplaceSectionBody,
    Field(discriminator="action"),
]

# ---------------------------------------------------------------------- attachments


class UploadAttachment(_Change):
    """A file for a page, its bytes as base64."""

    filename: FileName = Field(description="The file's own name, without a path.")
    content: Base64Bytes = Field(description="The bytes as base64. PUT takes them as they are.")
    revision: Base | None = Field(
        default=None,
        description="The revision of the attachment that is replaced, if there is one.",
    )
    overwrite: bool = Field(
        default=False, description="Whether one of that name is replaced unseen."
    )


class DeleteAttachment(_Change):
    """The reason of a deletion, and what it is based on."""

    revision: Base | None = Field(
        default=None, description="The attachment's revision it is based on."
    )


# ---------------------------------------------------------------------- batches


class _OfPage(Model):
    path: PagePath
    revision: Base | None = Field(default=None, description="The page's revision it is based on.")


class WriteChange(_OfPage):
    """Create a page, or replace all of one whose revision was read."""

    action: Literal["write"]
    content: str


class ReplaceChange(ReplaceEdit, _OfPage):
    """As an edit of one page."""


class AppendChange(AppendEdit, _OfPage):
    """As an edit of one page."""


class PrependChange(PrependEdit, _OfPage):
    """As an edit of one page."""


class InsertBeforeChange(InsertBeforeEdit, _OfPage):
    """As an edit of one page."""


class InsertAfterChange(InsertAfterEdit, _OfPage):
    """As an edit of one page."""


class ReplaceSectionChange(ReplaceSectionEdit, _OfPage):
    """As an edit of one page."""


class RenameChange(_OfPage):
    """Rename a page with its attachments and sub-pages, and rewrite the links to them."""

    action: Literal["rename"]
    new_path: PagePath
    update_links: bool = True


class DeleteChange(_OfPage):
    """Delete a page and its attachments."""

    action: Literal["delete"]


class RestoreChange(_OfPage):
    """Give a page the text it had."""

    action: Literal["restore"]
    from_revision: Revision


class PutAttachmentChange(Model):
    """Attach a file to a page."""

    action: Literal["put_attachment"]
    path: PagePath
    filename: FileName
    content: Base64Bytes
    revision: Base | None = Field(
        default=None, description="The attachment's revision it is based on."
    )
    overwrite: bool = False


class DeleteAttachmentChange(Model):
    """Delete an attachment of a page."""

    action: Literal["delete_attachment"]
    path: PagePath
    filename: FileName
    revision: Base | None = Field(
        default=None, description="The attachment's revision it is based on."
    )


BatchChange = Annotated[
    WriteChange
    | ReplaceChange
    | AppendChange
    | PrependChange
    | InsertBeforeChange
    | InsertAfterChange
    | ReplaceSectionChange
    | RenameChange
    | DeleteChange
    | RestoreChange
    | PutAttachmentChange
    | DeleteAttachmentChange,
    Field(discriminator="action"),
]


class Batch(_Change):
    """Changes that are made all together, in one commit, or not at all."""

    changes: Annotated[list[BatchChange], Field(min_length=1, max_length=MOST_CHANGES)]
