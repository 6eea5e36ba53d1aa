"""ETag, If-Match and If-None-Match: the same base as `revision` in the body."""

from __future__ import annotations

import pytest

from otterwiki_rest_api.calls import page_etag

from .rest_clients import Api, RestFarm


@pytest.fixture
def api(shared: RestFarm) -> Api:
    return shared.api("alice")


def test_an_unchanged_page_is_not_sent_again(api: Api) -> None:
    revision = api.make("cached", "# Cached\n\n## Part\n\ntext\n")
    for address in (
        "/pages/cached", "/pages/cached?section=Part", "/pages/cached?line_count=2",
        "/outline/cached", f"/pages/cached?revision={revision}",
    ):  # fmt: skip
        etag = api.get(address).headers["ETag"]
        assert etag == f'"{revision}"'
        for sent in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            answer = api.get(address, headers={"If-None-Match": sent})
            assert (answer.status_code, answer.headers["ETag"]) == (304, etag), (address, sent)
        assert api.get(address, headers={"If-None-Match": '"other"'}).status_code == 200
    api.post("/pages/cached/edit", {"action": "append", "text": "more\n"})
    answer = api.get("/pages/cached", headers={"If-None-Match": f'"{revision}"'})
    assert answer.status_code == 200


def test_a_new_link_to_a_page_is_news_but_no_conflict(api: Api) -> None:
    revision = api.make("target", "# Target\n")
    first = api.get("/pages/target").headers["ETag"]
    api.make("source", "# Source\n\n[[target]]\n")
    again = api.get("/pages/target", headers={"If-None-Match": first})
    assert again.status_code == 200
    assert again.json["linked_from"] == ["source"]
    etag = again.headers["ETag"]
    assert etag.startswith(f'"{revision}-')
    assert api.get("/pages/target", headers={"If-None-Match": etag}).status_code == 304
    for tag in (etag, first):
        now = api.get("/pages/target").json["revision"]
        body = {"content": f"# Target\n\n{tag}\n"}
        changed = api.put("/pages/target", body, headers={"If-Match": tag})
        assert changed.status_code == (200 if now == revision else 412)


def test_where_links_lead_is_news_but_no_conflict(shared: RestFarm) -> None:
    api, other = shared.api("alice"), shared.api("robert")
    for one in (api, other):
        revision = one.make("lower-case", "# Links\n\n[[foobar]]\n")
        first = one.get("/pages/lower-case").headers["ETag"]
        assert first.startswith(f'"{revision}-')
    api.make("FooBar", "# FooBar\n")
    again = api.get("/pages/lower-case", headers={"If-None-Match": first})
    assert (again.status_code, again.json["links_to"]) == (200, ["FooBar"])
    same = other.get("/pages/lower-case", headers={"If-None-Match": first})
    assert same.status_code == 304  # the other wiki has no such page
    etag = again.headers["ETag"]
    assert api.get("/pages/lower-case", headers={"If-None-Match": etag}).status_code == 304
    body = {"content": "# Links\n\n[[a]]\n"}
    done = api.put("/pages/lower-case", body, headers={"If-Match": etag})
    assert done.status_code == 200


def test_links_of_both_directions_are_told_apart() -> None:
    tags = {
        page_etag("c0ffee", *links)
        for links in ((), (("a",), ()), ((), ("a",)), (("a", "b"), ()), (("a",), ("b",)),
                      (("a\nb",), ()))
    }  # fmt: skip
    assert len(tags) == 6 and "c0ffee" in tags


def test_if_match_is_the_base_and_refuses_with_412(api: Api) -> None:
    old = api.make("matched", "# Matched\n\nold\n")
    headers = {"If-Match": f'"{old}"'}
    done = api.put("/pages/matched", {"content": "# Matched\n\nnew\n"}, headers=headers)
    assert done.status_code == 200
    assert done.headers["ETag"] == f'"{done.json["revision"]}"'
    for answer in (
        api.put("/pages/matched", {"content": "x"}, headers=headers),
        api.patch("/pages/matched", {"old_string": "new", "new_string": "x"}, headers=headers),
        api.delete("/pages/matched", headers=headers),
        api.post("/pages/matched/rename", {"new_path": "elsewhere"}, headers=headers),
        api.post("/pages/matched/edit", {"action": "append", "text": "x"}, headers=headers),
        api.post("/restore/matched", {"from_revision": old}, headers=headers),
    ):
        assert (answer.status_code, answer.json["code"]) == (412, "conflict"), answer.text
        assert answer.json["current_revision"] == done.json["revision"]
        assert "-old\n+new\n" in answer.json["diff"]
    assert api.text("matched") == "# Matched\n\nnew\n"
    replaced = api.patch(
        "/pages/matched", {"old_string": "new", "new_string": "x"},
        headers={"If-Match": f'"{done.json["revision"]}"'},
    )  # fmt: skip
    assert replaced.status_code == 200


def test_any_version_is_named_by_a_star(api: Api) -> None:
    api.make("starred", "# Starred\n")
    done = api.put("/pages/starred", {"content": "# New\n"}, headers={"If-Match": "*"})
    assert done.status_code == 200
    assert api.delete("/pages/starred", headers={"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize("tags", ["*", '"{known}"', '"{unknown}"', '"{known}", "{unknown}"'])
def test_a_page_that_is_not_there_matches_no_tag(api: Api, tags: str) -> None:
    """RFC 9110, 13.1.1: where a change would make the page, If-Match stops it."""
    known = api.get("/pages/Home").json["revision"]
    headers = {"If-Match": tags.format(known=known, unknown="1" * 40)}
    append = {"action": "append", "text": "x"}
    for answer in (
        api.put("/pages/absent", {"content": "x"}, headers=headers),
        api.post("/pages/absent/edit", append, headers=headers),
    ):
        assert answer.status_code == 412, answer.text
        assert answer.json["code"] in ("precondition_failed", "conflict")
        assert answer.json.get("current_revision") is None
    for answer in (
        api.post("/pages/absent/edit", append | {"create": False}, headers=headers),
        api.delete("/pages/absent", headers=headers),
    ):
        assert answer.status_code in (404, 412), answer.text
    assert api.get("/pages/absent").status_code == 404


def test_if_match_with_a_star_restores_no_deleted_page(api: Api) -> None:
    revision = api.make("gone", "# Gone\n")
    assert api.delete("/pages/gone", headers={"If-Match": "*"}).status_code == 200
    body = {"from_revision": revision}
    refused = api.post("/restore/gone", body, headers={"If-Match": "*"})
    assert (refused.status_code, refused.json["code"]) == (412, "precondition_failed")
    assert api.post("/restore/gone", body).status_code == 201


def test_if_none_match_with_a_star_creates_only(api: Api) -> None:
    headers = {"If-None-Match": "*"}
    made = api.put("/pages/only-once", {"content": "# Once\n"}, headers=headers)
    assert made.status_code == 201
    again = api.put("/pages/only-once", {"content": "# Twice\n"}, headers=headers)
    assert (again.status_code, again.json["code"]) == (412, "page_exists")
    assert again.json["current_revision"] == made.json["revision"]
    assert api.text("only-once") == "# Once\n"


def test_several_tags_mean_whichever_is_there(api: Api) -> None:
    old = api.make("several", "# One\n")
    new = api.put("/pages/several", {"content": "# Two\n", "revision": old}).json["revision"]
    both = {"If-Match": f'"{old}", "{new}"'}
    assert api.put("/pages/several", {"content": "# Three\n"}, headers=both).status_code == 200
    refused = api.put("/pages/several", {"content": "# Four\n"}, headers=both)
    assert (refused.status_code, refused.json["code"]) == (412, "precondition_failed")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-Match": 'W/"{old}"'}, 412),  # a weak tag never matches (RFC 9110, 13.1.1)
        ({"If-Match": '"anything"'}, 412),
        ({"If-Match": '""'}, 412),
        ({"If-Match": "nonsense"}, 412),
        ({"If-Match": '"{wrong}"'}, 412),
        ({"If-None-Match": '"{old}"'}, 422),
    ],
)
def test_tags_that_can_not_hold_change_nothing(
    api: Api, headers: dict[str, str], status: int
) -> None:
    now = api.get("/pages/odd-tags")
    old = now.json["revision"] if now.status_code == 200 else api.make("odd-tags", "# Odd\n")
    sent = {name: text.format(old=old, wrong="0" * 40) for name, text in headers.items()}
    answer = api.put("/pages/odd-tags", {"content": "x"}, headers=sent)
    assert answer.status_code == status, answer.text
    assert api.text("odd-tags") == "# Odd\n"


def test_header_and_body_have_to_agree(api: Api) -> None:
    old = api.make("agreeing", "# A\n")
    new = api.put("/pages/agreeing", {"content": "# B\n", "revision": old}).json["revision"]
    body = {"content": "# C\n", "revision": old}
    refused = api.put("/pages/agreeing", body, headers={"If-Match": f'"{new}"'})
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "revision")
    body = {"content": "# C\n", "revision": new[:10]}
    assert api.put("/pages/agreeing", body, headers={"If-Match": f'"{new}"'}).status_code == 200


def test_attachments_have_revisions_too(api: Api) -> None:
    api.make("files", "# Files\n")
    address = "/pages/files/attachments/a.txt"
    made = api.put(address, data=b"one", headers={"If-None-Match": "*"})
    assert made.status_code == 201
    assert api.put(address, data=b"two", headers={"If-None-Match": "*"}).status_code == 412
    for read in (address, f"{address}/raw"):
        etag = api.get(read).headers["ETag"]
        assert etag == f'"{made.json["revision"]}"'
        assert api.get(read, headers={"If-None-Match": etag}).status_code == 304
    assert api.put(address, data=b"two").status_code == 409
    done = api.put(address, data=b"two", headers={"If-Match": made.headers["ETag"]})
    assert done.status_code == 200
    stale = api.put(address, data=b"three", headers={"If-Match": made.headers["ETag"]})
    assert stale.status_code == 412
    assert api.delete(address, headers={"If-Match": made.headers["ETag"]}).status_code == 412
    assert api.put(address, data=b"three", headers={"If-Match": "*"}).status_code == 200
    assert api.delete(address, headers={"If-Match": "*"}).status_code == 200
    gone = api.put(address, data=b"four", headers={"If-Match": "*"})
    assert (gone.status_code, gone.json["code"]) == (412, "precondition_failed")
