"""What the walk through the permission matrix sends where programs ask: to the API, and as git."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from otterwiki_rest_api.addresses import ANYTHING, BLUEPRINT
from otterwiki_rest_api.addresses import NOWHERE as NO_ADDRESS

#: The endpoint of all that is none below the API's address, and the one rule of it that is walked.
NOWHERE = f"{BLUEPRINT}.{NO_ADDRESS}"
API = frozenset({ANYTHING})
#: Beginnings of addresses where programs are told 401, in whatever form, and nobody is sent on.
PROGRAMS = ("/api/", "/-/api/", "/repo.git")
#: What only a plugin for searching by meaning answers; without one, whoever may is told 503.
OF_A_SEARCH = ("rest_api.reindex", "rest_api.reindex_status", "rest_api.semantic_search")
#: Where whoever may is told that there is nothing, or nobody for it, or that git can't push.
SAYS_NO: Mapping[str, int] = {
    "git_http.nothing_else": 404,
    "git_http.receive_pack": 403,
    **dict.fromkeys(OF_A_SEARCH, 503),
}
#: Sent by POST, and nothing can be changed by it: no form token is asked for.
CHANGES_NOTHING = frozenset({"git_http.receive_pack", "git_http.upload_pack"})


@dataclass(frozen=True)
class Body:
    """What a program sends; `query` stands behind the address, with its question mark."""

    content: bytes = b""
    content_type: str | None = None
    query: str = ""
    page: str = "Home"
    changes: str = ""


def sent_by_programs(revisions: tuple[str, str]) -> Mapping[tuple[str, str], Body]:
    """By endpoint and method; `revisions` are two commits that changed Home, the later one first.

    Methods that change something are all in it, and readings that need a query.
    """
    newest, older = revisions
    change = {"changes": "commit"}
    return {
        ("git_http.info_refs", "GET"): Body(query="?service=git-upload-pack"),
        ("git_http.info_refs", "HEAD"): Body(query="?service=git-upload-pack"),
        ("git_http.receive_pack", "POST"): Body(),
        ("git_http.upload_pack", "POST"): Body(),
        ("rest_api.attachment", "DELETE"): Body(**change),
        ("rest_api.attachment", "PUT"): Body(
            b"hacked\n", "application/octet-stream", "?overwrite=true", **change
        ),
        ("rest_api.attachments", "POST"): _json(filename="hacked.txt", content="aGFja2VkCg=="),
        ("rest_api.batch", "POST"): _json(
            changes=[{"action": "append", "path": "Home", "text": "hacked\n"}]
        ),
        ("rest_api.diff", "GET"): Body(query=f"?from={older}"),
        ("rest_api.diff", "HEAD"): Body(query=f"?from={older}"),
        ("rest_api.edit", "POST"): _json(action="append", text="hacked\n"),
        ("rest_api.page", "DELETE"): Body(page="Doomed", **change),
        ("rest_api.page", "PATCH"): _json(
            old_string="second", new_string="hacked", revision=newest
        ),
        ("rest_api.page", "PUT"): _json(content="# hacked\n", revision=newest),
        ("rest_api.reindex", "POST"): Body(),
        ("rest_api.rename", "POST"): _json(page="Old", new_path="Hacked"),
        ("rest_api.restore", "POST"): _json(from_revision=older),
        ("rest_api.search", "GET"): Body(query="?q=text"),
        ("rest_api.search", "HEAD"): Body(query="?q=text"),
        ("rest_api.semantic_search", "GET"): Body(query="?q=text"),
        ("rest_api.semantic_search", "HEAD"): Body(query="?q=text"),
    }


def _json(page: str = "Home", **members: object) -> Body:
    """A JSON object that changes the wiki's pages."""
    return Body(json.dumps(members).encode(), "application/json", page=page, changes="commit")
