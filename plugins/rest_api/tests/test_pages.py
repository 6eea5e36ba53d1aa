"""Reading, listing, writing, renaming and deleting pages, in the shapes that programs know."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from .rest_clients import Api, RestFarm

LIFE = """\
---
category: science
tags: [biology, dna]
---
# Life

One [[Elsewhere]].

## Cells

small

### Walls

thin

## Genes

long
"""


@pytest.fixture
def api(shared: RestFarm) -> Api:
    return shared.api("alice")


def test_a_page_is_created_read_replaced_and_deleted(api: Api) -> None:
    made = api.put("/pages/notes/life", {"content": LIFE, "commit_message": "begin"})
    assert made.status_code == 201
    assert made.json["created"] is True
    assert (made.json["name"], made.json["path"]) == ("life", "notes/life")
    assert "+# Life" in made.json["diff"]

    page = api.get("/pages/notes/life").json
    assert page["content"] == LIFE
    assert page["revision"] == made.json["revision"]
    assert page["frontmatter"] == {"category": "science", "tags": ["biology", "dna"]}
    assert (page["category"], page["tags"]) == ("science", ["biology", "dna"])
    assert page["links_to"] == ["Elsewhere"]
    assert page["linked_from"] == []
    assert page["last_commit"].keys() == {"revision", "author", "date", "message"}
    assert page["last_commit"]["author"] == "alice.test"
    assert page["last_commit"]["message"].startswith("begin")
    assert datetime.fromisoformat(page["last_commit"]["date"]).tzinfo is not None

    new = {"content": "# Life\n\nshorter\n", "revision": page["revision"]}
    replaced = api.put("/pages/notes/life", new)
    assert (replaced.status_code, replaced.json["created"]) == (200, False)
    assert replaced.json["parent"] == page["revision"]
    assert api.text("notes/life") == "# Life\n\nshorter\n"
    assert api.get(f"/pages/notes/life?revision={page['revision']}").json["content"] == LIFE
    assert api.get(f"/pages/notes/life?revision={page['revision'][:7]}").json["content"] == LIFE

    gone = api.delete("/pages/notes/life", {"commit_message": "not needed"})
    assert (gone.status_code, gone.json["deleted"], gone.json["path"]) == (200, True, "notes/life")
    missing = api.get("/pages/notes/life")
    assert (missing.status_code, missing.json["code"]) == (404, "page_not_found")
    assert missing.json["deleted_in"] == gone.json["revision"]


def test_the_same_again_makes_no_commit(api: Api) -> None:
    revision = api.make("same", "# Same\n")
    again = api.put("/pages/same", {"content": "# Same\n", "revision": revision}).json
    assert (again["changed"], again["revision"], again["diff"]) == (False, revision, "")


def test_an_existing_page_is_not_replaced_unread(api: Api) -> None:
    revision = api.make("guarded", "# Guarded\n")
    refused = api.put("/pages/guarded", {"content": "# Mine\n"})
    assert (refused.status_code, refused.json["code"]) == (409, "page_exists")
    assert refused.json["current_revision"] == revision
    assert api.text("guarded") == "# Guarded\n"


def test_a_conflict_carries_the_current_revision_and_the_diff(api: Api) -> None:
    old = api.make("contested", "# Contested\n\none\n")
    new = api.put("/pages/contested", {"content": "# Contested\n\ntwo\n", "revision": old}).json
    refused = api.put("/pages/contested", {"content": "# Mine\n", "revision": old})
    assert (refused.status_code, refused.json["code"]) == (409, "conflict")
    assert refused.json["current_revision"] == new["revision"]
    assert refused.json["base_revision"] == old
    assert "-one\n+two\n" in refused.json["diff"]
    assert refused.json["error"] == refused.json["detail"]
    assert api.text("contested") == "# Contested\n\ntwo\n"


def test_patch_replaces_what_occurs_exactly_once(api: Api) -> None:
    revision = api.make("patched", "# Patched\n\nred, green, red\n")
    body = {"revision": revision, "old_string": "green", "new_string": "blue"}
    done = api.patch("/pages/patched", body)
    assert done.status_code == 200
    assert api.text("patched") == "# Patched\n\nred, blue, red\n"
    assert "-red, green, red\n+red, blue, red\n" in done.json["diff"]

    current = {"revision": done.json["revision"], "new_string": "black"}
    twice = api.patch("/pages/patched", {**current, "old_string": "red"})
    assert (twice.status_code, twice.json["code"]) == (422, "edit_ambiguous")
    assert (twice.json["count"], twice.json["lines"]) == (2, [3, 3])
    absent = api.patch("/pages/patched", {**current, "old_string": "yellow"})
    assert (absent.status_code, absent.json["code"]) == (422, "edit_not_found")
    stale = api.patch("/pages/patched", {**body, "old_string": "blue"})
    assert stale.status_code == 409
    unsaid = api.patch("/pages/patched", {"old_string": "blue", "new_string": "x"})
    assert (unsaid.status_code, unsaid.json["errors"][0]["field"]) == (422, "revision")
    missing = api.patch("/pages/never", body)
    assert missing.status_code == 404
    assert api.text("patched") == "# Patched\n\nred, blue, red\n"


def test_rename_moves_the_page_its_attachments_and_every_link(api: Api) -> None:
    api.make("old/name", "# Name\n\n![](./dot.txt)\n")
    api.make("old/name/below", "# Below\n")
    api.make("linking", "# Linking\n\n[[old/name]] and [more](/old/name/below)\n")
    api.put(
        "/pages/old/name/attachments/dot.txt", data=b"dot", headers={"Content-Type": "text/plain"}
    )
    before = api.get("/changelog?limit=1").json["total"]
    done = api.post("/pages/old/name/rename", {"new_path": "new/name", "commit_message": "move"})
    assert done.status_code == 200
    assert (done.json["old_path"], done.json["new_path"]) == ("old/name", "new/name")
    assert "linking" in done.json["updated_pages"]
    assert {"old_path": "old/name/below", "new_path": "new/name/below"} in done.json["moved"]
    assert api.get("/changelog?limit=1").json["total"] == before + 1
    assert api.text("linking") == "# Linking\n\n[[new/name]] and [more](/new/name/below)\n"
    assert api.get("/pages/new/name/attachments/dot.txt/raw").data == b"dot"
    gone = api.get("/pages/old/name")
    assert (gone.status_code, gone.json["renamed_to"]) == (404, "new/name")
    history = api.get("/pages/new/name/history").json["history"]
    assert [version["path"] for version in history][-1] == "old/name"


def test_rename_refuses_what_is_there_and_what_can_not_be_a_name(api: Api) -> None:
    revision = api.make("first", "# First\n")
    api.make("second", "# Second\n")
    taken = api.post("/pages/first/rename", {"new_path": "second"})
    assert taken.status_code == 409
    shadowed = api.post("/pages/first/rename", {"new_path": "second/edit"})
    assert (shadowed.status_code, shadowed.json["code"]) == (422, "bad_page_name")
    assert "'edit'" in shadowed.json["detail"]
    stale = {"new_path": "third", "revision": api.make("other", "# Other\n")}
    assert api.post("/pages/missing/rename", stale).status_code == 404
    assert api.get("/pages/first").json["revision"] == revision


def test_deleting_keeps_sub_pages_and_says_so(api: Api) -> None:
    api.make("tree", "# Tree\n")
    api.make("tree/leaf", "# Leaf\n")
    gone = api.delete("/pages/tree")
    assert gone.json["kept_pages"] == ["tree/leaf"]
    assert api.get("/pages/tree/leaf").status_code == 200
    stale = api.make("tree", "# Again\n")
    api.put("/pages/tree", {"content": "# Newer\n", "revision": stale})
    refused = api.delete("/pages/tree", {"revision": stale})
    assert refused.status_code == 409
    assert "-# Again\n+# Newer\n" in refused.json["diff"]


def test_pages_are_listed_by_all_conditions_together(farm: RestFarm) -> None:
    api = farm.api("alice")
    api.make("a/one", "---\ncategory: x\ntags: [t, u]\n---\n# One\n\nthree more words\n")
    api.make("a/two", "---\ncategory: y\ntags: [t]\n---\n# Two\n")
    api.make("b/three", "---\ncategory: x\n---\n# Three\n")
    everything = api.get("/pages").json
    assert [page["path"] for page in everything["pages"]] == ["Home", "a/one", "a/two", "b/three"]
    assert (everything["total"], everything["next_cursor"]) == (4, None)
    one = everything["pages"][1]
    assert (one["name"], one["category"], one["tags"]) == ("one", "x", ["t", "u"])
    moment = datetime.fromisoformat(one["updated_at"]).astimezone(UTC)
    assert one["last_updated"] == moment.date().isoformat()
    assert one["content_length"] == 4

    def paths(query: str) -> list[str]:
        return [page["path"] for page in api.get(f"/pages?{query}").json["pages"]]

    assert paths("prefix=a/") == ["a/one", "a/two"]
    assert paths("category=x") == ["a/one", "b/three"]
    assert paths("tag=t&prefix=a/&category=y") == ["a/two"]
    assert paths("tag=none") == []
    since = one["updated_at"].replace("+", "%2B")
    assert "a/one" in paths(f"updated_since={since}")
    assert paths("updated_since=2999-01-01") == []


def test_lists_go_on_with_their_cursor_whatever_is_committed_meanwhile(farm: RestFarm) -> None:
    api = farm.api("alice")
    for number in range(7):
        api.make(f"page-{number}", f"# Page {number}\n")
    seen: list[str] = []
    cursor = ""
    while True:
        part = api.get(f"/pages?limit=2{cursor}").json
        seen += [page["path"] for page in part["pages"]]
        if part["next_cursor"] is None:
            break
        api.make(f"a-new-one-{len(seen)}", "# New\n")  # before the place that was reached
        cursor = f"&cursor={part['next_cursor']}"
    assert [path for path in seen if not path.startswith("a-new")] == [
        "Home", *(f"page-{number}" for number in range(7))
    ]  # fmt: skip
    assert len(seen) == len(set(seen))
    other = api.get(f"/pages?limit=3{cursor}&prefix=page")
    assert (other.status_code, other.json["errors"][0]["field"]) == (422, "cursor")


def test_a_section_is_read_by_title_path_and_number(api: Api) -> None:
    revision = api.make("sections", LIFE)
    for name in ("Cells", "cells", "Life > Cells", "%232"):
        found = api.get(f"/pages/sections?section={name}")
        assert found.status_code == 200, found.text
        assert found.json["content"] == "## Cells\n\nsmall\n\n### Walls\n\nthin\n\n"
        assert found.json["section"]["path"] == ["Life", "Cells"]
        assert (found.json["revision"], found.json["section"]["number"]) == (revision, 2)
    missing = api.get("/pages/sections?section=Organs")
    assert (missing.status_code, missing.json["code"]) == (404, "section_not_found")
    assert [section["title"] for section in missing.json["sections"]] == [
        "Life", "Cells", "Walls", "Genes",
    ]  # fmt: skip
    api.make("twins", "# A\n\n## Same\n\n# B\n\n## Same\n")
    twins = api.get("/pages/twins?section=Same")
    assert (twins.status_code, twins.json["code"]) == (422, "section_ambiguous")
    assert [found["path"] for found in twins.json["candidates"]] == [["A", "Same"], ["B", "Same"]]
    assert api.get("/pages/twins?section=B > Same").json["section"]["line"] == 7


def test_lines_are_read_in_ranges(api: Api) -> None:
    api.make("long", "".join(f"line {number}\n" for number in range(1, 11)))
    first = api.get("/pages/long?start_line=3&line_count=2").json
    assert (first["content"], first["total_lines"]) == ("line 3\nline 4\n", 10)
    assert (first["start_line"], first["line_count"], first["next_line"]) == (3, 2, 5)
    rest = api.get("/pages/long?start_line=9").json
    assert (rest["content"], rest["next_line"]) == ("line 9\nline 10\n", None)
    assert api.get("/pages/long?line_count=1").json["content"] == "line 1\n"
    both = api.get("/pages/long?line_count=1&section=x")
    assert both.status_code == 422
    assert api.get("/pages/long?start_line=0").status_code == 422


def test_an_outline_has_no_text(api: Api) -> None:
    revision = api.make("outlined", LIFE)
    found = api.get("/outline/outlined").json
    assert (found["title"], found["revision"]) == ("Life", revision)
    assert [(one["level"], one["title"], one["line"]) for one in found["sections"]] == [
        (1, "Life", 5), (2, "Cells", 9), (3, "Walls", 13), (2, "Genes", 17),
    ]  # fmt: skip
    assert "thin" not in api.get("/outline/outlined").text


def test_an_outline_goes_on_with_its_cursor(api: Api) -> None:
    revision = api.make("many-parts", "".join(f"# Part {n}\n" for n in range(1, 6)))
    seen, cursor = [], ""
    while cursor is not None:
        part = api.get(f"/outline/many-parts?limit=2{cursor}").json
        seen += [one["number"] for one in part["sections"]]
        assert part["total"] == 5 and len(part["sections"]) <= 2
        cursor = f"&cursor={part['next_cursor']}" if part["next_cursor"] else None
    assert seen == [1, 2, 3, 4, 5]
    first = api.get("/outline/many-parts?limit=2").json["next_cursor"]
    api.put("/pages/many-parts", {"content": "# Part 1\n", "revision": revision})
    assert api.get(f"/outline/many-parts?cursor={first}").status_code == 422
    then = api.get(f"/outline/many-parts?cursor={first}&revision={revision}").json
    assert [one["number"] for one in then["sections"]] == [3, 4, 5]


def test_refusals_name_some_sections_and_count_all(api: Api) -> None:
    api.make("crowded", f"# {'long ' * 50_000}\n\n" + "## Same\n" * 10_000)
    missing = api.get("/pages/crowded?section=Organs")
    assert (missing.status_code, missing.json["section_count"]) == (404, 10_001)
    assert len(missing.json["sections"]) == 100
    twins = api.get("/pages/crowded?section=Same")
    assert (twins.status_code, twins.json["candidate_count"]) == (422, 10_000)
    assert len(twins.json["candidates"]) == 100
    outline = api.get("/outline/crowded")
    assert (outline.json["total"], len(outline.json["sections"])) == (10_001, 1000)
    assert len(outline.json["sections"][0]["title"]) == 500
    for answer in (missing, twins):
        assert len(answer.get_data()) < 500_000


def test_commits_name_the_person_and_the_program(farm: RestFarm) -> None:
    """Failure 12 of the systems people use: every commit by the same robot."""
    api = farm.api("alice")
    api.make("signed", "# Signed\n")
    with_trailers = api.get("/changelog?limit=1").json["entries"][0]
    assert with_trailers["author"] == "alice.test"
    assert "Actor: did:plc:alice" in with_trailers["message"]
    assert "\nClient: " in with_trailers["message"]
    assert with_trailers["pages_affected"] == ["signed"]
