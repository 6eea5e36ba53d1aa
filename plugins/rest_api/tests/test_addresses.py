"""Paths of pages in addresses: slashes, spaces, any letters, and what follows a path."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from otterwiki_engine.authorship import Author
from otterwiki_tenant.current import wiki_context

from .rest_clients import Api, RestFarm


@pytest.fixture
def api(shared: RestFarm) -> Api:
    return shared.api("alice")


@pytest.mark.parametrize(
    "path",
    [
        "plain",
        "a/b/c/d",
        "with space/and more",
        "Übersicht/日本語/𝄞",
        "100% sure?/#1 & more; =+,@!$'()*",
        "history",
        "history/of the world",
        "attachments/list",
        "pages/edit of pages",
        "v1/pages/x",
        "rename/me",
        "dots.and.more..dots",
        'quote\'d "twice"',
        "tilde~_-",
    ],
)
def test_a_page_is_reached_by_the_path_it_was_made_with(api: Api, path: str) -> None:
    for encoded in (quote(path), quote(path, safe="")):  # with slashes as they are, and as %2F
        now = api.get(f"/pages/{encoded}")
        base = {} if now.status_code == 404 else {"revision": now.json["revision"]}
        made = api.put(f"/pages/{encoded}", {"content": f"# {len(encoded)}\n", **base})
        assert made.status_code in (200, 201), made.text
        assert made.json["path"] == path
        found = api.get(f"/pages/{encoded}").json
        assert (found["path"], found["name"]) == (path, path.rpartition("/")[2])
        for address in (f"/pages/{encoded}/history", f"/outline/{encoded}",
                        f"/pages/{encoded}/attachments"):  # fmt: skip
            answer = api.get(address)
            assert (answer.status_code, answer.json["path"]) == (200, path)


def test_case_and_slashes_around_a_path_do_not_matter_where_only_one_page_is_meant(
    api: Api,
) -> None:
    api.make("Mixed/Case", "# Mixed\n")
    for address in ("mixed/case", "MIXED/CASE", "Mixed/Case/", "Mixed//Case", "Mixed/Case.md"):
        answer = api.get(f"/pages/{address}")
        assert (answer.status_code, answer.json["path"]) == (200, "Mixed/Case"), address


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("notes/view", "'view'"),
        ("notes/a/b", "'a'"),
        ("api/v2", "'api'"),
        ("static/x", "'static'"),
        ("-/x", "hyphen"),
        (".git/config", "git"),
        ("a/../b", "'..'"),
        ("a/.", "'.'"),
        ("%2E%2E", "'..'"),
        ("llms.txt", "'llms.txt'"),
        ("a%00b", "control"),
        ("a%0Ab", "control"),
        ("a%5Cb", "backslash"),
        ("x" * 300, "longer"),
        ("%20spaced", "space"),
        ("a.md/b", ".md"),
        ("%E2%80%AEabc", "control"),
    ],
)
def test_f2_a_name_that_no_page_can_have_is_refused_with_the_reason(
    api: Api, path: str, reason: str
) -> None:
    before = api.get("/changelog?limit=1").json["head"]
    answer = api.put(f"/pages/{path}", {"content": "x"})
    assert answer.status_code == 422, answer.text
    assert reason in answer.json["detail"]
    assert answer.json["errors"][0]["field"] == "path"
    assert api.get(f"/pages/{path}").status_code == 404
    assert api.delete(f"/pages/{path}").status_code in (404, 422)
    assert api.get("/changelog?limit=1").json["head"] == before


@pytest.mark.parametrize("last", ["history", "rename", "edit", "attachments"])
def test_what_follows_a_path_is_never_a_page(api: Api, last: str) -> None:
    """With any method: no page can be called so, and none is made, changed or deleted there."""
    api.make("plain-page", "# Plain\n") if api.get("/pages/plain-page").status_code == 404 else None
    before = api.get("/changelog?limit=1").json["head"]
    for method in ("PUT", "PATCH", "DELETE"):
        answer = api.send(method, f"/pages/plain-page/{last}", {"content": "x"})
        assert answer.status_code == 405, (method, answer.text)
        assert answer.headers["Allow"]
        assert method not in answer.headers["Allow"]
        assert f"no page can be called {last!r}" in answer.json["detail"]
    assert api.get("/changelog?limit=1").json["head"] == before


def test_an_imported_page_with_such_a_name_is_reached_as_a_file(shared: RestFarm) -> None:
    """Git knows no reserved names: ".md" behind a path always names the page."""
    with wiki_context(shared.farm, "alice") as entered:
        entered.wiki.repository.commit(
            {
                "odd/history.md": b"# Odd history\n",
                "odd/attachments/list.md": b"# Odd list\n",
            },
            base=None,
            author=Author("Importer", ""),
            message="import",
        )
    api = shared.api("alice")
    for path, title in (("odd/history", "Odd history"), ("odd/attachments/list", "Odd list")):
        found = api.get(f"/pages/{path}.md").json
        assert (found["path"], found["title"]) == (path, title)
        body = {"content": f"# {title}\n\nnew\n", "revision": found["revision"]}
        assert api.put(f"/pages/{path}.md", body).status_code == 200
        assert api.get(f"/outline/{path}").json["path"] == path
    assert api.delete("/pages/odd/history.md").status_code == 200


def test_what_is_no_address_is_404_in_the_one_shape(api: Api) -> None:
    for address in ("/nothing", "/pages/", "/outline/", "/pagesx", "/v2/pages", "/links//", "/%0A"):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            answer = api.send(method, address)
            assert (answer.status_code, answer.json["code"]) == (404, "no_such_address"), address
    for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
        answer = api.send(method, "/search")
        assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    options = api.send("OPTIONS", "/pages/Home")
    assert options.status_code == 204
    assert options.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"


def test_an_address_below_the_api_is_never_a_page_of_otterwiki(shared: RestFarm) -> None:
    api = shared.api("alice")
    for path in ("/api/v1/x/edit", "/api/v1/x/save", "/api/v1/pages/x/source/abcdef"):
        answer = api.send("POST", path, prefix="", data={"content": "hacked", "commit": "x"})
        assert answer.status_code in (404, 405)
        assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_path_that_is_no_text_is_no_page(api: Api, method: str) -> None:
    """As servers pass it on: the bytes of the address."""
    answer = api.send(
        method, "/pages/x", {"content": "x"} if method == "PUT" else None,
        environ_overrides={"PATH_INFO": "/api/v1/pages/\xff\xfe"},
    )  # fmt: skip
    assert answer.status_code == (404 if method == "GET" else 422), answer.text
    assert "UTF-8" in answer.json["detail"]
