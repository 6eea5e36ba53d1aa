"""Several changes in one commit, or none of them."""

from __future__ import annotations

import base64

import pytest

from otterwiki_engine.actor import Actor, Permission
from otterwiki_engine.pages.records import Writer
from otterwiki_rest_api.bodies import Batch
from otterwiki_rest_api.calls import Call
from otterwiki_rest_api.handlers.edits import batch
from otterwiki_rest_api.preconditions import Preconditions
from otterwiki_rest_api.queries import NoQuery
from otterwiki_rest_api.refusals import Refused

from .rest_clients import Api, RestFarm


@pytest.fixture
def api(shared: RestFarm) -> Api:
    return shared.api("alice")


def commits(api: Api) -> int:
    return int(api.get("/changelog?limit=1").json["total"])


def test_all_changes_are_one_commit(api: Api) -> None:
    doomed = api.make("batch/doomed", "# Doomed\n")
    revision = api.make("batch/edited", "# Edited\n\nold\n")
    before = commits(api)
    png = base64.b64encode(b"plain text").decode()
    done = api.post(
        "/batch",
        {
            "commit_message": "all at once",
            "changes": [
                {"action": "write", "path": "batch/new", "content": "# New\n"},
                {"action": "append", "path": "batch/new", "text": "more\n"},
                {"action": "replace", "path": "batch/edited", "old_string": "old",
                 "new_string": "new", "revision": revision},
                {"action": "delete", "path": "batch/doomed", "revision": doomed},
                {"action": "put_attachment", "path": "batch/new", "filename": "a.txt",
                 "content": png},
            ],
        },
    )  # fmt: skip
    assert done.status_code == 200, done.text
    assert commits(api) == before + 1
    assert [result["action"] for result in done.json["results"]] == [
        "write", "append", "replace", "delete", "put_attachment",
    ]  # fmt: skip
    assert done.json["results"][0]["created"] is True
    assert api.text("batch/new") == "# New\nmore\n"
    assert api.text("batch/edited") == "# Edited\n\nnew\n"
    assert api.get("/pages/batch/doomed").status_code == 404
    assert api.get("/pages/batch/new/attachments/a.txt/raw").data == b"plain text"
    assert api.get("/pages/batch/new").json["revision"] == done.json["revision"]


def test_one_refusal_undoes_all(api: Api) -> None:
    stale = api.make("batch/taken", "# Taken\n")
    api.put("/pages/batch/taken", {"content": "# Newer\n", "revision": stale})
    before = commits(api)
    refused = api.post(
        "/batch",
        {
            "changes": [
                {"action": "write", "path": "batch/never", "content": "# Never\n"},
                {"action": "write", "path": "batch/taken", "content": "x", "revision": stale},
            ]
        },
    )
    assert (refused.status_code, refused.json["code"]) == (409, "conflict")
    assert refused.json["position"] == 1
    assert "+# Newer" in refused.json["diff"]
    assert commits(api) == before
    assert api.get("/pages/batch/never").status_code == 404


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"action": "delete", "path": "batch/none"}, 404),
        ({"action": "write", "path": "a/../b", "content": ""}, 422),
        ({"action": "write", "path": "batch/x/history", "content": ""}, 422),
        ({"action": "restore", "path": "batch/none", "from_revision": "HEAD"}, 404),
        ({"action": "delete_attachment", "path": "Home", "filename": "none"}, 404),
    ],
)
def test_refusals_are_those_of_the_change_alone(
    api: Api, change: dict[str, str], status: int
) -> None:
    refused = api.post("/batch", {"changes": [change]})
    assert (refused.status_code, refused.json["position"]) == (status, 0), refused.text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ([], "changes"),
        ([{"action": "write", "path": "x", "content": ""}] * 101, "changes"),
        ([{"action": "write", "path": "x"}], "changes.0.write.content"),
        ([{"action": "dance", "path": "x"}], "changes.0.action"),
        ([{"path": "x"}], "changes.0.action"),
        ("write", "changes"),
    ],
)
def test_a_bad_batch_says_where(api: Api, changes: object, field: str) -> None:
    refused = api.post("/batch", {"changes": changes})
    assert refused.status_code == 422
    assert refused.json["errors"][0]["field"] == field


@pytest.mark.parametrize("action", ["put_attachment", "delete_attachment"])
def test_h1_attachments_in_a_batch_ask_for_their_own_right(action: str) -> None:
    """On a farm whoever writes may upload; a stock Otterwiki knows people who may only write."""
    member = {"content": "eA=="} if action == "put_attachment" else {}
    changes = [{"action": action, "path": "Home", "filename": "a.txt", **member}]

    def never(_actor: Actor) -> Writer:
        raise AssertionError("it was not refused")

    call: Call[NoQuery, Batch] = Call(
        service=None,  # type: ignore[arg-type] - it is not asked
        actor=Actor(permissions=frozenset({Permission.READ, Permission.WRITE})),
        query=NoQuery(),
        body=Batch.model_validate({"changes": changes}),
        preconditions=Preconditions(None, None),
        make_writer=never,
    )
    with pytest.raises(Refused) as refused:
        batch(call)
    assert (refused.value.status, refused.value.code) == (403, "forbidden")
    assert "upload" in refused.value.detail
