"""What the walk through the permission matrix sends: one real request for each route and method.

Addresses come from the URL map, so a new route is sent to as well; :data:`SENT` says what a form
holds and what it changes where it is served. A POST that is served and not in the table fails.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from PIL import Image
from werkzeug.datastructures import FileStorage
from werkzeug.routing import Map

from .matrix_programs import API, NOWHERE, PROGRAMS, Body, sent_by_programs


def _png() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(made, "PNG")
    return made.getvalue()


#: Every wiki of the walk holds these besides its home page.
PAGES: Mapping[str, bytes] = {
    "Doomed.md": b"# Doomed\n\ntext\n",
    "Old.md": b"# Old\n\ntext\n",
    "Empty.md": b"",
    "Home/notes.txt": b"an attachment\n",
    "Home/dot.png": _png(),
}
HACKED = "# hacked\n\nwritten by the matrix\n"


@dataclass(frozen=True)
class Sent:
    """A form, or what a program sends to the API as `body`.

    `changes` is what it changes where it is served: commit, settings, drafts or "".
    """

    form: Mapping[str, str] = field(default_factory=dict)
    page: str = "Home"
    changes: str = ""
    has_file: bool = False
    body: Body | None = None


SENT: Mapping[str, Sent] = {
    "admin": Sent({"update_preferences": "true", "site_name": "hacked"}, changes="settings"),
    "admin_content_and_editing": Sent({"commit_message": "DISABLED"}, changes="settings"),
    "admin_sidebar_preferences": Sent({"sidebar_menutree_mode": "SORTED"}, changes="settings"),
    "attachments": Sent({"message": "x"}, has_file=True, changes="commit"),
    "create": Sent({"pagename": "Hacked"}),
    "delete": Sent({"message": "x"}, page="Doomed", changes="commit"),
    "diff": Sent(),
    "discard_draft": Sent(page="Drafted", changes="drafts"),
    "draft": Sent({"content": HACKED}, changes="drafts"),
    "edit": Sent({"draft": "edit"}),
    "edit_attachment": Sent({"new_filename": "hacked.txt", "message": "x"}, changes="commit"),
    "history": Sent(),
    "housekeeping": Sent(
        {"task": "emptypages", "clean": "1", "delete_empty_page": "Empty"}, changes="commit"
    ),
    "inline_attachment": Sent(has_file=True, changes="commit"),
    "login": Sent({"email": "x@example.org", "password": "x"}),
    "preview": Sent({"content": HACKED}),
    "rename": Sent({"new_pagename": "Hacked", "message": "x"}, page="Old", changes="commit"),
    "revert": Sent({"message": "x"}, changes="commit"),
    "save": Sent({"content": HACKED, "commit": "x"}, changes="commit"),
    "search": Sent({"query": "text"}),
    "view": Sent({"edit": "", "draft": "edit"}),
}


@dataclass(frozen=True)
class Request:
    """One request to a wiki; `path` is an address of `endpoint`."""

    endpoint: str
    method: str
    path: str
    sent: Sent

    @property
    def wants_json(self) -> bool:
        """Whether the address alone says that a program asks."""
        return self.path.startswith(PROGRAMS)

    def form(self) -> dict[str, object] | Body:
        """The form's fields, with a fresh file where there is one; the body for the API."""
        if self.sent.body is not None:
            return self.sent.body
        fields: dict[str, object] = dict(self.sent.form)
        if self.sent.has_file:
            fields["file"] = FileStorage(io.BytesIO(b"hacked\n"), "hacked.txt")
        return fields

    def __str__(self) -> str:
        return f"{self.method} {self.path} ({self.endpoint})"


def requests(
    url_map: Map, *, revisions: tuple[str, str], is_served: Callable[[str, str], bool]
) -> Iterator[Request]:
    """A request for each rule of the URL map and each of its methods, HEAD included.

    `revisions` are two commits that changed Home, the later one first. `is_served` says whether
    anybody at all is answered by an endpoint.
    """
    values = {
        "extra": "x", "email": "x@example.org", "filename": "notes.txt", "name": "x",
        "query": "text", "rest": "x", "rev_a": revisions[1], "rev_b": revisions[0],
        "revision": revisions[0], "size": 80, "token": "x", "topic": "syntax", "uid": "1",
        "webhook_hash": "x",
    }  # fmt: skip
    special = {
        "static": {"filename": "img/otter.png"},
        "content_security.static": {"filename": "actions.js"},
        "get_attachment_thumbnail": {"filename": "dot.png"},
    }
    by_programs = {
        key: Sent(page=body.page, changes=body.changes, body=body)
        for key, body in sent_by_programs(revisions).items()
    }
    for rule in url_map.iter_rules():
        if rule.endpoint == NOWHERE and rule.rule not in API:
            continue  # the methods that an address does not have; they are one and the same view
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            sent = by_programs.get((rule.endpoint, method)) or SENT.get(rule.endpoint, Sent())
            if method not in ("GET", "HEAD") and is_served(rule.endpoint, method):
                known = rule.endpoint in SENT or (rule.endpoint, method) in by_programs
                assert known, f"what does {method} {rule.endpoint} take?"
            page = "Home" if method in ("GET", "HEAD") else sent.page
            found = {
                "path": page, "pagepath": page, "page": page, **values,
                **special.get(rule.endpoint, {}),
            }  # fmt: skip
            built = rule.build({name: found[name] for name in rule.arguments})
            assert built is not None, rule
            query = sent.body.query if sent.body else ""
            yield Request(rule.endpoint, method, built[1] + query, sent)
