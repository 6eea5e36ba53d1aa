"""Searching by meaning, where a plugin does: a provider of the test's own, on two wikis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otterwiki_engine import hooks

from .rest_clients import RestFarm
from .search_provider import Provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    hooks.manager.register(made)
    yield made
    hooks.manager.unregister(made)


def test_without_a_plugin_it_says_so(shared: RestFarm) -> None:
    api = shared.api("alice")
    for answer in (
        api.get("/semantic-search?q=something near"),
        api.post("/reindex"),
        api.get("/reindex/status"),
    ):
        assert (answer.status_code, answer.json["code"]) == (503, "no_semantic_search")
        assert "/api/v1/search" in answer.json["detail"]
    assert api.get("/semantic-search").status_code == 422
    assert api.get("/semantic-search?q=x&n=51").status_code == 422
    unknown = api.get("/search?q=x&mode=semantic")
    assert (unknown.status_code, unknown.json["errors"][0]["field"]) == (422, "mode")
    assert "There is: text." in unknown.json["detail"]


def test_h3_a_plugin_answers_for_the_wiki_that_was_asked(
    shared: RestFarm, provider: Provider
) -> None:
    for wiki in ("alice", "robert"):
        found = (
            shared.api(wiki).get("/semantic-search?q=something near&n=7&max_chunks_per_page=1").json
        )
        assert (found["query"], found["total"]) == ("something near", 1)
        (passage,) = found["results"]
        assert (passage["name"], passage["path"], passage["line"]) == ("Home", "Home", 5)
        assert passage["text"] == f"near {wiki}"
        assert passage["distance"] == 0.25
        assert (passage["section"], passage["section_path"]) == ("Home > Part", ["Home", "Part"])
        assert provider.asked[-1].limit == 7
        also = shared.api(wiki).get("/search?q=something near&mode=semantic").json
        assert (also["mode"], also["total"]) == ("semantic", 1)


def test_passages_say_which_of_the_page_they_are(shared: RestFarm, provider: Provider) -> None:
    api = shared.api("alice")
    found = api.get("/semantic-search?q=near").json["results"]
    assert provider.asked[-1].max_chunks_per_page == 2  # where nobody says how many
    names = ("path", "chunk_index", "total_chunks", "page_word_count")
    assert [tuple(passage[name] for name in names) for passage in found] == [
        ("Home", 0, 2, 640), ("Home", None, None, None),
    ]  # fmt: skip
    for wrong in (0, 6, "x"):
        assert api.get(f"/semantic-search?q=x&max_chunks_per_page={wrong}").status_code == 422
    api.get("/search?q=near&mode=semantic")
    assert provider.asked[-1].max_chunks_per_page is None


def test_indexing_is_begun_once_for_each_wiki(shared: RestFarm, provider: Provider) -> None:
    api, other = shared.api("alice"), shared.api("robert")
    assert api.get("/reindex/status").json == {"status": "idle", "pages": 3}
    begun = api.post("/reindex")
    assert (begun.status_code, begun.json) == (202, {"status": "started"})
    again = api.post("/reindex")
    assert (again.status_code, again.json["code"]) == (409, "in_progress")
    assert api.get("/reindex/status").json["status"] == "in_progress"
    assert other.get("/reindex/status").json["status"] == "idle"
    assert shared.api("robert", anonymous=True).get("/reindex/status").status_code == 200
