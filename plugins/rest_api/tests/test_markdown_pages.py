"""`/{page}.md` and `/llms.txt`: for whoever may read the wiki."""

from __future__ import annotations

import pytest

from otterwiki_tenant import people
from otterwiki_tenant.people import By
from otterwiki_tenant.testing import base_url

from .rest_clients import RestFarm

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
TEXT = "---\ntags: [x]\n---\n# Möbius\r\n\nOne [[Home]].\n"


@pytest.fixture
def farm_with_pages(shared: RestFarm) -> RestFarm:
    for wiki in ("alice", "robert"):
        api = shared.api(wiki)
        if api.get("/pages/topics/m%C3%B6bius").status_code == 404:
            api.make("topics/m%C3%B6bius", TEXT)
            api.make("topics", "# Topics\n")
    return shared


def test_a_public_page_is_markdown_for_anybody(farm_with_pages: RestFarm) -> None:
    api = farm_with_pages.api("robert", anonymous=True)
    answer = api.get("/topics/m%C3%B6bius.md", prefix="")
    assert (answer.status_code, answer.mimetype) == (200, "text/markdown")
    assert answer.content_type == "text/markdown; charset=utf-8"
    assert answer.data == TEXT.encode()
    again = api.get(
        "/topics/m%C3%B6bius.md", prefix="", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status_code == 304
    assert api.send("HEAD", "/topics/m%C3%B6bius.md", prefix="").status_code == 200
    typed = {**HTML, "Sec-Fetch-Site": "none"}
    assert api.get("/Home.md", prefix="", headers=typed).mimetype == "text/markdown"
    elsewhere = {**HTML, "Sec-Fetch-Site": "cross-site"}
    assert api.get("/Home.md", prefix="", headers=elsewhere).mimetype == "text/markdown"


def test_old_versions_have_addresses_too(farm_with_pages: RestFarm) -> None:
    api = farm_with_pages.api("robert")
    old = api.make("aging", "# Young\n")
    api.put("/pages/aging", {"content": "# Old\n", "revision": old})
    assert api.get(f"/aging.md?revision={old}", prefix="").data == b"# Young\n"
    assert api.get("/aging.md", prefix="").data == b"# Old\n"


def test_a_link_in_a_page_goes_on_opening_the_page(farm_with_pages: RestFarm) -> None:
    """Wikis that came from elsewhere link to Other.md; people expect the page."""
    api = farm_with_pages.api("robert", anonymous=True)
    for followed in (
        {"Sec-Fetch-Site": "same-origin"},
        {"Referer": base_url("robert") + "/Home"},  # where browsers say nothing else: plain http
    ):
        answer = api.get("/Home.md", prefix="", headers={**HTML, **followed})
        assert (answer.status_code, answer.mimetype) == (200, "text/html")
    fetched = {"Accept": "*/*", "Sec-Fetch-Site": "same-origin"}
    assert api.get("/Home.md", prefix="", headers=fetched).mimetype == "text/markdown"
    editor = api.get("/Home.md?edit", prefix="", headers={"Accept": "*/*"})
    assert editor.mimetype != "text/markdown"


def test_what_is_no_page_is_left_to_otterwiki(farm_with_pages: RestFarm) -> None:
    api = farm_with_pages.api("robert", anonymous=True)
    for address in ("/nothing.md", "/a/../b.md", "/Home/history.md", "/.git/config.md"):
        answer = api.get(address, prefix="")
        assert answer.status_code in (404, 302), (address, answer.status_code)
        assert answer.mimetype != "text/markdown"
    assert api.send("POST", "/Home.md", prefix="").status_code in (400, 403)


def test_c3_a_private_wiki_is_for_its_readers(farm_with_pages: RestFarm) -> None:
    anonymous = farm_with_pages.api("alice", anonymous=True)
    for address in ("/Home.md", "/llms.txt"):
        answer = anonymous.get(address, prefix="")
        assert answer.status_code == 302
        assert "canary" not in answer.text
        stranger = farm_with_pages.api("alice", farm_with_pages.tokens["robert"])
        assert stranger.get(address, prefix="").status_code == 401
    reader = farm_with_pages.api("alice")
    assert "canary-alice" in reader.get("/Home.md", prefix="").text
    assert reader.get("/llms.txt", prefix="").text.startswith("# ")


def test_c7_what_was_public_is_private_at_the_next_request(farm: RestFarm) -> None:
    farm.api("robert").make("open", "# Open\n")
    anonymous = farm.api("robert", anonymous=True)
    etag = anonymous.get("/open.md", prefix="").headers["ETag"]
    people.set_public(farm.farm, "robert", False, By(farm.robert.did, None))
    for address in ("/open.md", "/llms.txt"):
        answer = anonymous.get(address, prefix="", headers={"If-None-Match": etag})
        assert answer.status_code == 302
    assert anonymous.get("/pages/open", headers={"If-None-Match": etag}).status_code == 401


def test_llms_txt_lists_pages_by_section(farm: RestFarm) -> None:
    api = farm.api("robert")
    api.make("zebra", "# A [striped] horse\n")
    api.make("topics", "# Topics\n")
    api.make("topics/m%C3%B6bius", "# Möbius\n")
    people.describe_wiki(
        farm.farm, "robert", "Robert's notes", "All about\nstripes".replace("\n", " "),
        By(farm.robert.did, None),
    )  # fmt: skip
    answer = farm.api("robert", anonymous=True).get("/llms.txt", prefix="")
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    lines = answer.text.splitlines()
    assert lines[:3] == ["# Robert's notes", "", "> All about stripes"]
    assert "4 pages." in lines[4]
    home = base_url("robert")
    listed = [line for line in lines if line.startswith(("- ", "## "))]
    assert listed == [
        "## Pages",
        f"- [Home]({home}/Home.md): Home of robert",
        f"- [zebra]({home}/zebra.md): A \\[striped\\] horse",
        "## topics",
        f"- [topics]({home}/topics.md): Topics",
        f"- [topics/möbius]({home}/topics/m%C3%B6bius.md): Möbius",
    ]
    for line in listed:
        if "](" in line:
            path = line.partition("](")[2].partition(")")[0].removeprefix(home)
            assert farm.api("robert", anonymous=True).get(path, prefix="").status_code == 200


def test_llms_txt_is_bounded(farm: RestFarm, monkeypatch: pytest.MonkeyPatch) -> None:
    from otterwiki_rest_api import llms

    monkeypatch.setattr(llms, "MOST_PAGES", 2)
    api = farm.api("robert")
    for name in "abc":
        api.make(name, f"# {name}\n")
    text = api.get("/llms.txt", prefix="").text
    assert text.count("\n- ") == 2
    assert f"2 more pages: {base_url('robert')}/api/v1/pages" in text
