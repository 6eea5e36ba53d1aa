"""Links in both directions, what leads nowhere, the tree, tags and categories, search."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .rest_clients import Api, RestFarm

PAGES = {
    "Home": None,
    "a": "---\ncategory: science\ntags: [x, y]\n---\n# A\n\n[[b]] and [c](/c) and [[nowhere]]\n",
    "b": "---\ncategory: science\ntags: [x]\n---\n# B\n\nback to [[a]], ![](./missing.png), https://e.example/\n",
    "c": "---\ntags: [z]\n---\n# C\n\n## Deep\n\nphotosynthesis in green leaves\n",
    "c/d": "# D\n\nalone\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def wikis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestFarm]:
    """Both wikis hold pages of these names; Robert's link elsewhere."""
    farm = RestFarm(tmp_path_factory.mktemp("linked") / "home")
    for path, text in PAGES.items():
        if text is not None:
            farm.api("alice").make(path, text)
            farm.api("robert").make(path, f"# Other {path}\n\n[[roberts-secret]] chlorophyll\n")
    farm.api("robert").make("roberts-secret", "# Secret\n\n[[a]] photosynthesis canary-robert\n")
    yield farm
    farm.close()


@pytest.fixture
def api(wikis: RestFarm) -> Api:
    return wikis.api("alice")


def test_the_graph_has_pages_and_edges(api: Api) -> None:
    found = api.get("/links").json
    assert sorted(found["nodes"]) == ["Home", "a", "b", "c", "c/d"]
    edges = sorted((edge["source"], edge["target"]) for edge in found["edges"])
    assert edges == [("a", "b"), ("a", "c"), ("b", "a")]


def test_a_pages_links_go_both_ways(api: Api) -> None:
    found = api.get("/links/a").json
    assert found["path"] == "a"
    assert sorted(found["links_to"]) == ["b", "c", "nowhere"]
    assert (found["linked_from"], found["broken"]) == (["b"], ["nowhere"])
    assert api.get("/links/b").json["external"] == ["https://e.example/"]
    page = api.get("/pages/a").json
    assert (sorted(page["links_to"]), page["linked_from"]) == (["b", "c", "nowhere"], ["b"])
    assert api.get("/links/nowhere").status_code == 404


def test_links_that_lead_nowhere_are_listed(api: Api) -> None:
    found = api.get("/broken-links").json
    names = ("path", "line", "target", "kind")
    assert [tuple(one[name] for name in names) for one in found["broken_links"]] == [
        ("a", 7, "nowhere", "page"),
        ("b", 7, "b/missing.png", "attachment"),
    ]
    first = api.get("/broken-links?limit=1").json
    rest = api.get(f"/broken-links?cursor={first['next_cursor']}").json
    assert first["broken_links"] + rest["broken_links"] == found["broken_links"]
    assert (rest["next_cursor"], rest["total"]) == (None, 2)


def test_orphans_are_pages_nobody_links_to(api: Api) -> None:
    assert api.get("/orphans").json == {"orphans": ["c/d"], "total": 1, "next_cursor": None}


def test_the_tree_has_levels(api: Api) -> None:
    found = api.get("/outline").json
    assert [child["path"] for child in found["children"]] == ["Home", "a", "b", "c"]
    assert [child["path"] for child in found["children"][3]["children"]] == ["c/d"]
    assert api.get("/outline?depth=1").json["children"][3]["children"] == []
    assert api.get("/outline?depth=1").json["children"][3]["page_count"] == 1
    assert [child["path"] for child in api.get("/outline?prefix=c").json["children"]] == ["c/d"]
    assert api.get("/outline?prefix=none").status_code == 404


def test_tags_and_categories_are_counted(api: Api) -> None:
    assert api.get("/tags").json["tags"] == [
        {"name": "x", "pages": 2}, {"name": "y", "pages": 1}, {"name": "z", "pages": 1},
    ]  # fmt: skip
    assert api.get("/categories").json["categories"] == [{"name": "science", "pages": 2}]
    first = api.get("/tags?limit=2").json
    assert (first["total"], len(first["tags"])) == (3, 2)
    rest = api.get(f"/tags?cursor={first['next_cursor']}").json
    assert [one["name"] for one in rest["tags"]] == ["z"]
    assert api.get(f"/categories?cursor={first['next_cursor']}").status_code == 422


def test_names_of_any_length_can_be_read_on_from(wikis: RestFarm) -> None:
    """No cursor is longer than what is taken back."""
    robert = wikis.api("robert")
    names = ["\U0001f9a6" * 3_000 + end for end in "ab"]
    for number, name in enumerate(names):
        front = f"---\ncategory: {name[number:]}\n---\n"
        robert.make(f"long-{number}", f"{front}# Long\n\n" + f"[[{name}]]\n")
    for address, field in (("/categories", "categories"), ("/broken-links", "broken_links")):
        everything = robert.get(address).json[field]
        seen, cursor = [], ""
        while cursor is not None:
            part = robert.get(f"{address}?limit=1{cursor}")
            assert part.status_code == 200, part.text
            seen += part.json[field]
            cursor = f"&cursor={part.json['next_cursor']}" if part.json["next_cursor"] else None
        assert seen == everything
    (category,) = robert.get("/categories").json["categories"]
    assert category == {"name": "\U0001f9a6" * 100, "pages": 2}
    assert robert.get(f"/pages?category={category['name']}").json["total"] == 2
    for number in range(2):
        robert.delete(f"/pages/long-{number}", headers={"If-Match": "*"})


def test_a_search_is_ranked_and_shows_where(api: Api) -> None:
    found = api.get("/search?q=green photosynthesis").json
    assert (found["query"], found["mode"], found["total"]) == ("green photosynthesis", "text", 1)
    (page,) = found["results"]
    assert (page["path"], page["name"], page["title"]) == ("c", "c", "C")
    assert "**" in page["snippet"]
    assert isinstance(page["score"], float)
    assert api.get("/search?q=photosynthesis&prefix=a").json["results"] == []
    assert api.get("/search?q=back&tag=x&category=science").json["total"] == 1


def test_results_go_on_with_their_cursor(api: Api) -> None:
    everything = api.get("/search?q=A B C D").json
    assert everything["total"] >= 3
    seen, cursor = [], ""
    while cursor is not None:
        part = api.get(f"/search?q=A B C D&limit=2{cursor}").json
        seen += [one["path"] for one in part["results"]]
        cursor = f"&cursor={part['next_cursor']}" if part["next_cursor"] else None
    assert seen == [one["path"] for one in everything["results"]]
    first = api.get("/search?q=A B C D&limit=2").json["next_cursor"]
    assert api.get(f"/search?q=other&cursor={first}").status_code == 422


def test_failure_4_and_h3_nothing_of_one_wiki_is_in_an_answer_of_the_other(
    wikis: RestFarm,
) -> None:
    """Links, names, counts, search results: asked of each wiki after the other was written to."""
    alice, robert = wikis.api("alice"), wikis.api("robert")
    robert.post("/pages/a/edit", {"action": "append", "text": "[[c]] unheard-of-word\n"})
    assert ("a", "c") in {
        (edge["source"], edge["target"]) for edge in robert.get("/links").json["edges"]
    }
    for address in (
        "/links", "/links/a", "/pages", "/pages/a", "/broken-links", "/orphans", "/outline",
        "/tags", "/categories", "/search?q=photosynthesis", "/search?q=canary", "/changelog",
        "/pages/a/history", "/outline/a", "/pages/a/attachments",
    ):  # fmt: skip
        answer = alice.get(address)
        assert answer.status_code == 200
        for word in ("roberts-secret", "canary-robert", "Other ", "chlorophyll"):
            assert word not in answer.text, address
    assert alice.get("/search?q=unheard-of-word").json["total"] == 0
    assert alice.get("/search?q=chlorophyll").json["total"] == 0
    assert robert.get("/search?q=chlorophyll").json["total"] >= 4
    assert robert.get("/links/a").json["linked_from"] == ["roberts-secret"]
    assert alice.get("/links/a").json["linked_from"] == ["b"]
    assert alice.get("/pages/roberts-secret").status_code == 404
    cursor = robert.get("/pages?limit=1").json["next_cursor"]
    assert "roberts" not in alice.get(f"/pages?limit=1&cursor={cursor}").text


def test_failure_10_requests_of_two_wikis_at_once_never_mix(wikis: RestFarm) -> None:
    import threading

    problems: list[str] = []

    def ask(wiki: str, own: str, others: str) -> None:
        api = wikis.api(wiki)
        for _ in range(25):
            for address in ("/pages/a", "/links/a", "/pages/Home"):
                answer = api.get(address)
                if answer.status_code != 200 or others in answer.text:
                    problems.append(f"{wiki} {address}: {answer.text[:200]}")
            if f"canary-{own}" not in api.text("Home"):
                problems.append(f"{wiki}: not its own home page")

    threads = [
        threading.Thread(target=ask, args=arguments)
        for arguments in (
            ("alice", "alice", "canary-robert"),
            ("robert", "robert", "canary-alice"),
        ) * 2
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
