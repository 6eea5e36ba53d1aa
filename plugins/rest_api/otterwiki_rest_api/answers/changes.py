"""Answers to changes, and about attachments."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ..fields import Model
from .common import Diff, IsCut, NextCursor, PageRevision, Parent


class Written(Model):
    """What a change of a page did."""

    name: str
    path: str
    revision: PageRevision
    created: bool
    changed: bool = Field(description="False where the page was like that already.")
    merged: bool = Field(description="Whether the page had changed elsewhere since the base.")
    parent: Parent
    diff: Diff
    diff_truncated: IsCut
    with_files: list[str] = Field(description="Other files that changed with it.")


class Move(Model):
    """A path before and after a rename."""

    old_path: str
    new_path: str


class Renamed(Model):
    """What a rename did, all of it in one commit."""

    old_path: str
    new_path: str
    name: str
    revision: PageRevision
    parent: Parent
    moved: list[Move] = Field(description="The page and its sub-pages.")
    moved_attachments: list[Move]
    updated_pages: list[str] = Field(description="Pages in which links were rewritten.")
    diff: Diff
    diff_truncated: IsCut


class Deleted(Model):
    """What a deletion did."""

    deleted: Literal[True]
    path: str
    revision: str = Field(description="The commit that deleted it.")
    parent: Parent
    deleted_files: list[str]
    kept_pages: list[str] = Field(description="Sub-pages, which stay.")


class ChangeResult(BaseModel):
    """What one change of a batch did; more depends on the action."""

    model_config = ConfigDict(extra="allow")

    action: str
    path: str
    created: bool
    changed: bool


class BatchWritten(Model):
    """What a batch did, all of it in one commit."""

    revision: str
    parent: Parent
    changed: bool
    results: list[ChangeResult]
    diff: Diff
    diff_truncated: IsCut


class AttachmentInfo(Model):
    """A file attached to a page."""

    filename: str
    size: int = Field(description="Bytes.")
    mime_type: str
    last_modified: datetime
    revision: str = Field(description="The commit that last changed it.")


class Attachments(Model):
    """The files of a page, by name."""

    path: str
    attachments: list[AttachmentInfo]
    total: int
    next_cursor: NextCursor


class Attachment(AttachmentInfo):
    """A file attached to a page, with its bytes."""

    path: str
    content: str = Field(
        description="The bytes as base64.", json_schema_extra={"contentEncoding": "base64"}
    )


class AttachmentWritten(Model):
    """What a change of an attachment did."""

    filename: str
    path: str
    size: int
    mime_type: str
    revision: str
    parent: Parent
    created: bool
    changed: bool


class AttachmentDeleted(Model):
    """What a deletion did."""

    deleted: Literal[True]
    filename: str
    path: str
    revision: str
    parent: Parent
