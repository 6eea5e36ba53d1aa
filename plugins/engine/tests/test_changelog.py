"""The changelog: the same entries as Otterwiki's, made when somebody looks at them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from served_wikis import Site, both_kinds, otterwiki_app, site  # noqa: F401  fixtures
from small_wikis import ALICE, BOB
from untouched import untouched


@pytest.fixture
def upstream(otterwiki_app: Any) -> Any:  # noqa: F811
    """Otterwiki's module as it is without us."""
    import otterwiki.wiki

    return untouched(otterwiki.wiki)


def fill(site: Site, count: int) -> None:  # noqa: F811
    for number in range(count):
        author = ALICE if number % 2 else BOB
        changes = {f"page{number % 7}.md": f"# {number}\n".encode()}
        if number % 5 == 0:
            changes[f"page{number % 7}/file {number}.png"] = b"x"
        message = f"change {number}\n\nwith more"
        site.wiki.repository.commit(changes, base=None, author=author, message=message)


def revisions(html: str) -> list[str]:
    return re.findall(r'btn revision-small">([0-9a-f]+)<', html)


@pytest.mark.parametrize("external", [False, True])
@both_kinds
def test_entries_are_otterwikis(site: Site, upstream: Any, external: bool) -> None:  # noqa: F811
    from otterwiki.wiki import Changelog

    fill(site, 20)
    with site.app.test_request_context():
        theirs = upstream.Changelog().get(_external=external)
        ours = Changelog().get(_external=external)
        assert len(ours) == len(theirs) == 20
        for one, other in zip(ours, theirs, strict=True):
            assert one["files"] == other["files"]
            assert dict(one) == other
        assert ours[0]["revision"] == theirs[0]["revision"]
        assert ours[-1]["message"] == theirs[-1]["message"]
        assert [entry["revision"] for entry in ours[2:4]] == [e["revision"] for e in theirs[2:4]]
        with pytest.raises(IndexError):
            ours[20]
        with pytest.raises(KeyError):
            ours[0]["missing"]


def test_pages_of_the_changelog_are_otterwikis(
    site: Site,  # noqa: F811
    upstream: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from otterwiki.wiki import Changelog

    fill(site, 230)
    client = site.pick("red")
    get = Changelog.get
    pages = {"first": "/-/changelog"}
    html = client.get(pages["first"]).data.decode()
    for number, revision in re.findall(r'changelog/([0-9a-f]+)">(\d+)<', html):
        pages[revision] = f"/-/changelog/{number}"
    assert len(pages) == 4
    for path in pages.values():
        monkeypatch.setattr(Changelog, "get", get)
        ours = revisions(client.get(path).data.decode())
        monkeypatch.setattr(Changelog, "get", upstream.Changelog.get)
        assert ours == revisions(client.get(path).data.decode())
        assert 30 <= len(ours) <= 101


def test_only_the_entries_that_are_shown_are_made(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from otterwiki_engine import changelog

    described = []
    auto_url = changelog.auto_url

    def watched(filename: str, *args: Any, **kwargs: Any) -> Any:
        described.append(filename)
        return auto_url(filename, *args, **kwargs)

    monkeypatch.setattr(changelog, "auto_url", watched)
    fill(site, 150)
    site.pick("red").get("/-/changelog")
    assert len(described) <= 101 + 21


def test_h4_a_commit_shows_at_once_in_its_own_wiki_only(site: Site) -> None:  # noqa: F811
    for number in range(3):
        site.pick("red")
        site.put("red.md", f"# {number}\n")
        html = site.pick("red").get("/-/changelog").data.decode()
        assert len(revisions(html)) == number + 1
        assert revisions(html)[0] in site.head()
        assert "Blue" not in html
        assert "change home.md" in site.pick("blue").get("/-/changelog").data.decode()


def test_feeds_have_every_commit(site: Site) -> None:  # noqa: F811
    fill(site, 12)
    client = site.pick("red")
    assert client.get("/-/changelog/feed.rss").data.decode().count("<item>") == 12
    assert client.get("/-/changelog/feed.atom").data.decode().count("<entry>") == 12


def test_contract_upstream_asks_for_entries_so(upstream: Any) -> None:
    """Fails when Otterwiki comes to do with its list what ours can't."""
    source = Path(upstream.__file__).read_text("utf-8")
    source = source.partition("class Changelog:")[2].partition("class Page:")[0]
    assert "def get(self, _external=False):" in source
    used = set(re.findall(r"\blog(?:\[[^\]]*\]|\.\w+)?", source))
    assert used <= {"log", "log[0]", "log[commit_i]", "log.append"}
    assert set(re.findall(r"\bget\([^)]*\)", source)) == {
        "get(self, _external=False)",
        "get()",
        "get(_external=True)",
    }
