"""The table of the API. What is not in it does not exist.

Addresses and methods, the permission each asks for, the OpenAPI document and the page for people
are all made from it; a test compares it with the farm's table of permissions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from otterwiki_engine.actor import Permission

from . import answers, bodies, queries
from .calls import Handler, Upload
from .handlers import attachments, edits, history, links, pages, search, wiki

PREFIX = "/api/v1"
READ, WRITE, UPLOAD = Permission.READ, Permission.WRITE, Permission.UPLOAD

#: Most bytes of a JSON body: a page of 1 MB in which every character is escaped as \\uXXXX.
TEXT_BYTES = 6_500_000
#: Most bytes of a JSON body with files in it: 10 MB as base64, and something around it.
FILE_JSON_BYTES = 14_500_000
#: Most bytes of a file that is sent as it is, where the wiki itself has no limit.
FILE_BYTES = 10_500_000

_ALWAYS = (401, 403, 429, 500, 503)
_SENT = (400, 413, 415, 422)


@dataclass(frozen=True)
class Route:
    """One method of one address.

    `endpoint` is the address's name in Flask and in tables of permissions, `name` the operation's.
    `path` is below :data:`PREFIX`; ``{page}`` may have slashes. `body` is a model or union of
    models, :class:`Upload` for any bytes, None for nothing; `body_is_optional` lets it be left out.
    `answers` are the models of good answers by status; None is a file. `refusals` are the statuses
    of refusals beside those that every route has. `has_etag` tells that answers carry an ETag and
    If-None-Match is listened to; `takes_base` that If-Match is.
    """

    endpoint: str
    name: str
    method: str
    path: str
    permission: Permission
    handler: Handler
    summary: str
    group: str
    answers: Mapping[int, Any]
    query: type[BaseModel] = queries.NoQuery
    body: Any = None
    body_is_optional: bool = False
    most_bytes: int = TEXT_BYTES
    refusals: tuple[int, ...] = ()
    has_etag: bool = False
    takes_base: bool = False
    notes: str = ""
    statuses: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        found = {*_ALWAYS, *self.refusals, 422}
        if self.method != "GET":
            found |= {400, *(_SENT if self.body is not None else ())}
        if self.takes_base:
            found |= {409, 412}
        object.__setattr__(self, "statuses", tuple(sorted(found)))

    @property
    def is_reading(self) -> bool:
        """Whether nothing can be changed by it."""
        return self.method == "GET"


_PAGES = "Pages"
_PARTS = "Parts of pages"
_HISTORY = "History"
_LINKS = "Links and structure"
_SEARCH = "Search"
_FILES = "Attachments"
_WIKI = "The wiki"

ROUTES: tuple[Route, ...] = (
    # ------------------------------------------------------------------ pages
    Route(
        "pages", "list_pages", "GET", "/pages", READ, pages.list_pages,
        "List pages", _PAGES, {200: answers.Pages}, queries.ListQuery,
    ),
    Route(
        "page", "read_page", "GET", "/pages/{page}", READ, pages.read_page,
        "Read a page, one of its sections, or some of its lines", _PAGES,
        {200: answers.Page | answers.PageSection | answers.PageLines}, queries.PageQuery,
        refusals=(404,), has_etag=True,
    ),
    Route(
        "page", "put_page", "PUT", "/pages/{page}", WRITE, pages.put_page,
        "Create a page, or replace one that was read", _PAGES,
        {200: answers.Written, 201: answers.Written}, body=bodies.PutPage,
        refusals=(404,), takes_base=True,
        notes="`If-None-Match: *` creates only.",
    ),
    Route(
        "page", "patch_page", "PATCH", "/pages/{page}", WRITE, pages.patch_page,
        "Replace a text that occurs exactly once", _PAGES, {200: answers.Written},
        body=bodies.PatchPage, refusals=(404,), takes_base=True,
    ),
    Route(
        "page", "delete_page", "DELETE", "/pages/{page}", WRITE, pages.delete_page,
        "Delete a page and its attachments", _PAGES, {200: answers.Deleted},
        body=bodies.DeletePage, body_is_optional=True, refusals=(404,), takes_base=True,
        notes="Sub-pages stay. The page can be restored.",
    ),
    Route(
        "rename", "rename_page", "POST", "/pages/{page}/rename", WRITE, pages.rename_page,
        "Rename a page, its sub-pages and attachments, and rewrite all links", _PAGES,
        {200: answers.Renamed}, body=bodies.RenamePage, refusals=(404,), takes_base=True,
        notes="All in one commit.",
    ),
    Route(
        "batch", "batch", "POST", "/batch", WRITE, edits.batch,
        "Make several changes in one commit, or none", _PAGES, {200: answers.BatchWritten},
        body=bodies.Batch, most_bytes=FILE_JSON_BYTES, refusals=(404, 409),
        notes="Changes are made in their order. A refusal says at which `position` (from 0).",
    ),
    # ------------------------------------------------------------------ parts of pages
    Route(
        "page_outline", "page_outline", "GET", "/outline/{page}", READ, pages.page_outline,
        "The headings of a page, without its text", _PARTS, {200: answers.PageOutline},
        queries.PageOutlineQuery, refusals=(404,), has_etag=True,
        notes="A cursor is good while the page stays as it is, or with its `revision`.",
    ),
    Route(
        "edit", "edit_page", "POST", "/pages/{page}/edit", WRITE, edits.edit_page,
        "Append, prepend, insert, or replace a section or a text", _PARTS,
        {200: answers.Written, 201: answers.Written}, body=bodies.EditBody,
        refusals=(404,), takes_base=True,
        notes="Nothing outside of what is named changes.",
    ),
    # ------------------------------------------------------------------ history
    Route(
        "history", "page_history", "GET", "/pages/{page}/history", READ, history.page_history,
        "The commits of a page, across renames", _HISTORY, {200: answers.History},
        queries.HistoryQuery, refusals=(404,),
    ),
    Route(
        "diff", "page_diff", "GET", "/diff/{page}", READ, history.page_diff,
        "Compare two revisions of a page", _HISTORY, {200: answers.Difference},
        queries.DiffQuery, refusals=(404,),
    ),
    Route(
        "restore", "restore_page", "POST", "/restore/{page}", WRITE, edits.restore_page,
        "Give a page the text it had", _HISTORY, {200: answers.Written, 201: answers.Written},
        body=bodies.RestorePage, refusals=(404,), takes_base=True,
        notes="A deleted page comes back with its attachments.",
    ),
    Route(
        "changelog", "changelog", "GET", "/changelog", READ, history.changelog,
        "The commits of the wiki", _HISTORY, {200: answers.Changelog}, queries.ChangelogQuery,
        refusals=(404,),
        notes="To follow the wiki, send the last `head` as `since`.",
    ),
    # ------------------------------------------------------------------ links and structure
    Route(
        "links", "graph", "GET", "/links", READ, links.graph,
        "All pages and the links between them", _LINKS, {200: answers.Graph},
    ),
    Route(
        "page_links", "page_links", "GET", "/links/{page}", READ, links.page_links,
        "The links of a page in both directions", _LINKS, {200: answers.Links},
        refusals=(404,),
    ),
    Route(
        "broken_links", "broken_links", "GET", "/broken-links", READ, links.broken_links,
        "Links that lead nowhere", _LINKS, {200: answers.BrokenLinks}, queries.PagedQuery,
    ),
    Route(
        "orphans", "orphans", "GET", "/orphans", READ, links.orphans,
        "Pages no other page links to", _LINKS, {200: answers.Orphans}, queries.PagedQuery,
    ),
    Route(
        "outline", "outline", "GET", "/outline", READ, links.wiki_outline,
        "The tree of pages", _LINKS, {200: answers.Node}, queries.OutlineQuery,
        refusals=(404,),
    ),
    Route(
        "tags", "tags", "GET", "/tags", READ, links.tags,
        "Tags and how many pages have each", _LINKS, {200: answers.Tags}, queries.PagedQuery,
    ),
    Route(
        "categories", "categories", "GET", "/categories", READ, links.categories,
        "Categories and how many pages are in each", _LINKS, {200: answers.Categories},
        queries.PagedQuery,
    ),
    # ------------------------------------------------------------------ search
    Route(
        "search", "search", "GET", "/search", READ, search.search,
        "Search by words, best first", _SEARCH, {200: answers.SearchAnswer}, queries.SearchQuery,
    ),
    Route(
        "semantic_search", "semantic_search", "GET", "/semantic-search", READ,
        search.semantic_search, "Search by meaning", _SEARCH, {200: answers.SemanticAnswer},
        queries.SemanticQuery, notes="503 where no plugin searches so.",
    ),
    Route(
        "reindex", "reindex", "POST", "/reindex", WRITE, search.reindex,
        "Index the wiki anew for searching by meaning", _SEARCH, {202: answers.ReindexStarted},
        refusals=(409,), notes="The index for words needs nothing of the kind.",
    ),
    Route(
        "reindex_status", "reindex_status", "GET", "/reindex/status", READ,
        search.reindex_status, "How far the index for searching by meaning is", _SEARCH,
        {200: answers.ReindexStatus},
    ),
    # ------------------------------------------------------------------ attachments
    Route(
        "attachments", "list_attachments", "GET", "/pages/{page}/attachments", READ,
        attachments.list_attachments, "The files attached to a page", _FILES,
        {200: answers.Attachments}, queries.AttachmentsQuery, refusals=(404,),
    ),
    Route(
        "attachments", "upload_attachment", "POST", "/pages/{page}/attachments", UPLOAD,
        attachments.upload_attachment, "Attach a file, sent as base64", _FILES,
        {200: answers.AttachmentWritten, 201: answers.AttachmentWritten},
        body=bodies.UploadAttachment, most_bytes=FILE_JSON_BYTES, refusals=(404,),
        takes_base=True,
    ),
    Route(
        "attachment", "read_attachment", "GET", "/pages/{page}/attachments/{filename}", READ,
        attachments.read_attachment, "A file, its bytes as base64", _FILES,
        {200: answers.Attachment}, queries.AtQuery, refusals=(404,), has_etag=True,
    ),
    Route(
        "attachment", "put_attachment", "PUT", "/pages/{page}/attachments/{filename}", UPLOAD,
        attachments.put_attachment, "Attach a file, sent as it is", _FILES,
        {200: answers.AttachmentWritten, 201: answers.AttachmentWritten},
        queries.PutAttachmentQuery, body=Upload, most_bytes=FILE_BYTES, refusals=(404,),
        takes_base=True,
        notes="The body is the file; its Content-Type may be any but those of HTML forms.",
    ),
    Route(
        "attachment", "delete_attachment", "DELETE", "/pages/{page}/attachments/{filename}",
        UPLOAD, attachments.delete_attachment, "Delete a file", _FILES,
        {200: answers.AttachmentDeleted}, body=bodies.DeleteAttachment, body_is_optional=True,
        refusals=(404,), takes_base=True,
    ),
    Route(
        "raw", "read_raw_attachment", "GET", "/pages/{page}/attachments/{filename}/raw", READ,
        attachments.read_raw, "A file as it is", _FILES, {200: None}, queries.AtQuery,
        refusals=(404, 416), has_etag=True,
        notes="Ranges are answered (206).",
    ),
    # ------------------------------------------------------------------ the wiki
    Route(
        "health", "health", "GET", "/health", READ, wiki.health,
        "Whether the API answers", _WIKI, {200: answers.Health},
    ),
)  # fmt: skip

#: What may stand behind a page's path.
ACTIONS = frozenset(
    route.path.removeprefix("/pages/{page}/")
    for route in ROUTES
    if route.path.startswith("/pages/{page}/")
)
