"""Histories, differences, versions that come back, and what is new in the wiki."""

from __future__ import annotations

import pytest

from .rest_clients import Api, RestFarm


@pytest.fixture
def api(shared: RestFarm) -> Api:
    return shared.api("alice")


def versions(api: Api, path: str, count: int) -> list[str]:
    """Make a page of `count` versions; their revisions, oldest first."""
    revisions = [api.make(path, "# 0\n")]
    for number in range(1, count):
        body = {
            "content": f"# {number}\n",
            "revision": revisions[-1],
            "commit_message": f"no {number}",
        }
        revisions.append(api.put(f"/pages/{path}", body).json["revision"])
    return revisions


def test_a_history_goes_on_with_its_cursor_and_across_renames(api: Api) -> None:
    made = versions(api, "aging/page", 5)
    renamed = api.post("/pages/aging/page/rename", {"new_path": "aged"}).json["revision"]
    seen, cursor = [], ""
    while cursor is not None:
        part = api.get(f"/pages/aged/history?limit=2{cursor}").json
        assert (part["path"], part["exists"]) == ("aged", True)
        seen += part["history"]
        cursor = f"&cursor={part['next_cursor']}" if part["next_cursor"] else None
    assert [one["revision"] for one in seen] == [renamed, *reversed(made)]
    assert [one["path"] for one in seen] == ["aged"] + ["aging/page"] * 5
    assert seen[1].keys() == {"revision", "author", "date", "message", "path"}
    assert seen[1]["message"].startswith("no 4")
    assert api.get("/pages/never-was/history").status_code == 404


def test_a_deleted_page_still_has_its_history(api: Api) -> None:
    made = versions(api, "gone", 2)
    deleted = api.delete("/pages/gone").json["revision"]
    found = api.get("/pages/gone/history").json
    assert found["exists"] is False
    assert [one["revision"] for one in found["history"]] == [deleted, *reversed(made)]


def test_two_versions_are_compared(api: Api) -> None:
    made = versions(api, "compared", 3)
    found = api.get(f"/diff/compared?from={made[0][:10]}&to={made[1]}").json
    assert (found["from_revision"], found["to_revision"]) == (made[0], made[1])
    assert (found["added"], found["removed"], found["diff_truncated"]) == (1, 1, False)
    assert "-# 0\n+# 1\n" in found["diff"]
    assert "+# 2\n" in api.get(f"/diff/compared?from={made[0]}").json["diff"]
    assert api.get(f"/diff/never-was?from={made[0]}").status_code == 404


def test_a_version_comes_back(api: Api) -> None:
    made = versions(api, "restored", 3)
    body = {"from_revision": made[0][:8], "commit_message": "back"}
    back = api.post("/restore/restored", body)
    assert (back.status_code, back.json["created"]) == (200, False)
    assert api.text("restored") == "# 0\n"
    stale = api.post("/restore/restored", {"from_revision": made[1], "revision": made[2]})
    assert (stale.status_code, stale.json["code"]) == (409, "conflict")
    api.put("/pages/restored/attachments/a.txt", data=b"kept")
    api.delete("/pages/restored")
    again = api.post("/restore/restored", {"from_revision": back.json["revision"]})
    assert (again.status_code, again.json["created"]) == (201, True)
    assert api.text("restored") == "# 0\n"


def test_a_deleted_page_comes_back_with_its_attachments(api: Api) -> None:
    api.make("complete", "# Complete\n")
    last = api.put("/pages/complete/attachments/a.txt", data=b"file").json["revision"]
    api.delete("/pages/complete")
    back = api.post("/restore/complete", {"from_revision": last})
    assert back.json["with_files"] == ["complete/a.txt"]
    assert api.get("/pages/complete/attachments/a.txt/raw").data == b"file"


def test_the_changelog_names_pages_and_files(api: Api) -> None:
    made = api.make("logged", "# Logged\n")
    file = api.put("/pages/logged/attachments/a.txt", data=b"x").json["revision"]
    entries = api.get("/changelog?limit=2").json["entries"]
    assert [one["revision"] for one in entries] == [file, made]
    assert entries[0]["files_affected"] == ["logged/a.txt"]
    assert entries[1]["pages_affected"] == ["logged"]
    assert entries[1]["message"].startswith("Create logged")


def test_what_came_since_is_told_once(api: Api) -> None:
    """The way a program follows a wiki: the last head, and what came after it."""
    head = api.get("/changelog?limit=1").json["head"]
    assert api.get(f"/changelog?since={head}").json["entries"] == []
    made = versions(api, "followed", 5)
    seen, cursor = [], ""
    while cursor is not None:
        part = api.get(f"/changelog?since={head}&limit=2{cursor}").json
        seen += [one["revision"] for one in part["entries"]]
        cursor = f"&cursor={part['next_cursor']}" if part["next_cursor"] else None
    assert seen == list(reversed(made))
    assert part["head"] == made[-1]
    by_time = api.get("/changelog?since=2999-01-01T00:00:00%2B02:00").json
    assert (by_time["entries"], by_time["head"]) == ([], made[-1])
    assert len(api.get("/changelog?since=2020-01-01&limit=3").json["entries"]) == 3


def test_the_changelog_goes_on_while_others_write(api: Api) -> None:
    first = api.get("/changelog?limit=3").json
    for number in range(4):
        api.make(f"meanwhile-{number}", "# Meanwhile\n")
    second = api.get(f"/changelog?limit=3&cursor={first['next_cursor']}").json
    everything = [one["revision"] for one in api.get("/changelog?limit=1000").json["entries"]]
    seen = [one["revision"] for one in first["entries"] + second["entries"]]
    assert seen == everything[4:10]
