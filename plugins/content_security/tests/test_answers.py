"""What a browser gets: the policy on every answer, and pages that need nothing it forbids."""

from __future__ import annotations

import io
from typing import Any

import pytest
from werkzeug.test import TestResponse

from otterwiki_content_security import responses
from otterwiki_content_security.policy import FILE_POLICY
from otterwiki_content_security.settings import Settings
from otterwiki_tenant.testing import SmallFarm

HEADER = "Content-Security-Policy"
EVERYTHING = """# Everything

Inline `$x^2$`.

```math
1
```

```mermaid
graph TD
  A-->B
```

```python
print("hello")
```

>! a spoiler

{{datatable
| a | b |
|---|---|
| 1 | 2 |
}}

{{PageIndex
|toggle=true
}}

{{Video
https://www.youtube.com/watch?v=dQw4w9WgXcQ
}}
"""
PAGES = (
    "/",
    "/Everything",
    "/Everything?edit",
    "/Everything/history",
    "/Everything/blame",
    "/Everything/source",
    "/Everything/rename",
    "/Everything/delete",
    "/Everything/attachments",
    "/Everything/diff/HEAD/HEAD",
    "/Missing",
    "/Missing?edit",
    "/-/about",
    "/-/admin",
    "/-/admin/content_and_editing",
    "/-/admin/sidebar_preferences",
    "/-/changelog",
    "/-/create",
    "/-/help",
    "/-/help/admin",
    "/-/help/plugins",
    "/-/help/syntax",
    "/-/housekeeping",
    "/-/search",
    "/-/search?query=spoiler",
    "/-/settings",
    "/-/syntax",
)


@pytest.fixture(scope="module")
def alice(small_farm: SmallFarm) -> Any:
    visitor = small_farm.visitor(small_farm.alice)
    saved = visitor.post("alice", "/Everything/save", {"content": EVERYTHING, "commit": "all"})
    assert saved.status_code == 302, saved.get_data(as_text=True)
    return visitor


@pytest.mark.parametrize("path", PAGES)
def test_g2_a_page_has_its_policy_and_keeps_it(alice: Any, seen: Any, path: str) -> None:
    first, second = (seen(alice.get("alice", path)) for _ in range(2))
    assert first.complaints() == []
    assert first.elements.find_all("script"), "no page at all"
    assert first.nonce != second.nonce
    assert len(first.nonce) == 24
    assert first.policy["default-src"] == ["'none'"]
    assert first.policy["script-src"][1:] == ["alice.robot.localhost:8000/static/mathjax/"]


def test_g2_what_a_page_can_hold_is_all_there(alice: Any, seen: Any) -> None:
    page = seen(alice.get("alice", "/Everything"))
    actions = [e["data-wiki-click"] for e in page.elements.select("article [data-wiki-click]")]
    assert actions == ["copy-code", "toggle-spoiler"]
    (switch,) = page.elements.select("article [data-wiki-change]")
    assert switch["data-wiki-change"] == "toggle-page-headings"
    tables = [s for s in page.elements.find_all("script") if "simpleDatatables" in s.text]
    assert len(tables) == 1
    assert tables[0]["nonce"] == page.nonce


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/-/nothing/here", 404), ("POST", "/Everything/save", 400), ("PUT", "/", 405)],
)
def test_g2_error_pages_too(alice: Any, seen: Any, method: str, path: str, status: int) -> None:
    answer: TestResponse = alice.client.open(
        path,
        method=method,
        base_url="http://alice.robot.localhost:8000",
        headers={"Origin": "http://alice.robot.localhost:8000", "Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == status
    assert answer.headers[HEADER].startswith("default-src 'none'")
    assert seen(answer).complaints() == []


@pytest.mark.parametrize(
    "path",
    [
        "/-/changelog/feed.rss",
        "/-/plugin-static.css",
        "/static/js/otterwiki.js",
        "/-/content-security/actions.js",
        "/robots.txt",
        "/Everything/source?raw",
    ],
)
def test_g2_answers_that_are_no_pages(alice: Any, path: str) -> None:
    answer = alice.get("alice", path)
    assert answer.status_code == 200
    assert answer.mimetype != "text/html"
    assert answer.headers.getlist(HEADER) == [FILE_POLICY]


def test_g3_the_sandbox_of_an_attachment_stays(alice: Any) -> None:
    sent = alice.post(
        "alice",
        "/Everything/attachments",
        {"file": (io.BytesIO(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "a.svg")},
        content_type="multipart/form-data",
    )
    assert sent.status_code == 302
    (policy,) = alice.get("alice", "/Everything/a.svg").headers.getlist(HEADER)
    assert policy.startswith("sandbox; default-src 'none'")


def test_g2_a_page_text_cannot_name_an_action(alice: Any, seen: Any, small_farm: SmallFarm) -> None:
    hostile = (
        '<div data-wiki-click="toggle-dark-mode">x</div>\n\n'
        'inline <span data-wiki-click="editor.undo">y</span> <script nonce="x">z</script>\n'
    )
    saved = alice.post("alice", "/Hostile/save", {"content": hostile, "commit": "x"})
    assert saved.status_code == 302
    page = seen(alice.get("alice", "/Hostile"))
    assert page.complaints() == []
    assert page.elements.select("article [data-wiki-click]") == []
    assert "data-wiki-click" in page.elements.select_one("article").text


def test_g1_a_page_name_is_data_in_the_prefix_buttons(alice: Any, seen: Any) -> None:
    """Stored cross-site scripting of 2.26.1: page names stood in an onclick attribute."""
    name = """x');alert(1);("<b>&amp;"""
    for path in (f"/{name}", f"/{name}/page"):
        alice.post("alice", path + "/save", {"content": "# x\n", "commit": "x"})
    assert alice.get("alice", f"/{name}/page").status_code == 200  # the prefixes come from visits
    for path, field in (("/-/create", "pagename"), ("/Everything/rename", "new_pagename")):
        page = seen(alice.get("alice", path))
        buttons = page.elements.select('[data-wiki-click="toggle-prefix"]')
        assert name in [button["data-wiki-prefix"] for button in buttons]
        assert {button["data-wiki-field"] for button in buttons} == {field}
        assert page.complaints() == []


def test_h4_a_nonce_is_for_one_answer_of_one_wiki(small_farm: SmallFarm, seen: Any) -> None:
    visitor = small_farm.visitor(small_farm.robert)
    nonces = {seen(visitor.get("robert", "/")).nonce for _ in range(20)}
    assert len(nonces) == 20
    assert seen(visitor.get("robert", "/")).policy["script-src"][1].startswith("robert.")


def test_report_only_is_a_header_of_its_own(small_farm: SmallFarm) -> None:
    add_header = responses.set_policy(Settings(report_only=True))
    app = small_farm.app
    with app.test_request_context("/", base_url="http://wiki.test"):
        answer = add_header(app.response_class("<p>", mimetype="text/html"))
        assert HEADER not in answer.headers
        assert responses.csp_nonce() in answer.headers[f"{HEADER}-Report-Only"]


@pytest.mark.parametrize("host", ["[::1]:8000", "a;script-src *", "a b"])
def test_a_host_that_no_policy_can_name_is_left_out(small_farm: SmallFarm, host: str) -> None:
    add_header = responses.set_policy(Settings())
    app = small_farm.app
    with app.test_request_context("/", environ_overrides={"HTTP_HOST": host}):
        answer = add_header(app.response_class("<p>", mimetype="text/html"))
        assert f"script-src 'nonce-{responses.csp_nonce()}'; " in answer.headers[HEADER]


def test_a_script_made_in_python_gets_the_nonce_in_its_own_tag_only(small_farm: SmallFarm) -> None:
    with small_farm.app.app_context():
        nonce = responses.csp_nonce()
        made = responses.with_nonce('<script type="text/javascript">x="<script>"</script>')
        assert made == f'<script nonce="{nonce}">x="<script>"</script>'
        for other in ("", None, "<b>", ' <script type="text/javascript">'):
            assert responses.with_nonce(other) == (other or "")
