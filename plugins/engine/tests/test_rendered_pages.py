"""Pages kept as they were rendered: right at once whatever changes, never another wiki's."""

from __future__ import annotations

import hashlib
import inspect
import multiprocessing
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served_wikis import Site, both_kinds, otterwiki_app, site  # noqa: F401  fixtures
from small_wikis import ALICE

from otterwiki_engine.repository import Repository


@pytest.fixture(autouse=True)
def _booted(otterwiki_app: Any) -> None:  # noqa: F811
    """Every test here looks at a running Otterwiki."""


@pytest.fixture(autouse=True)
def nothing_in_memory(otterwiki_app: Any) -> None:  # noqa: F811
    new_process()


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are really rendered, in order."""
    from otterwiki.renderer import OtterwikiRenderer

    texts = []
    upstream = OtterwikiRenderer.markdown

    def markdown(self: Any, text: str, *args: Any, **kwargs: Any) -> Any:
        texts.append(text)
        return upstream(self, text, *args, **kwargs)

    monkeypatch.setattr(OtterwikiRenderer, "markdown", markdown)
    return texts


@pytest.fixture
def plugin(otterwiki_app: Any) -> Iterator[Any]:  # noqa: F811
    """Registers a plugin of somebody else's, an object with hooks, until the test ends."""
    from otterwiki.plugins import plugin_manager

    registered = []

    def register(instance: Any) -> Any:
        plugin_manager.register(instance)
        registered.append(instance)
        return instance

    yield register
    for instance in registered:
        plugin_manager.unregister(instance)


def new_process() -> None:
    from otterwiki_engine import memory

    memory.forget()


def database(site: Site) -> Path:  # noqa: F811
    return site.wiki.repository.state_dir / "rendered.db"


def article(site: Site, path: str, name: str = "red") -> str:  # noqa: F811
    """The text of a page as it is shown."""
    response = site.pick(name).get(path)
    assert response.status_code == 200
    found = re.search(r'<article class="page">(.*?)</article>', response.data.decode(), re.DOTALL)
    assert found
    return found[1]


# ---------------------------------------------------------------------- what is kept


@both_kinds
def test_a_page_is_rendered_once(site: Site, rendered: list[str]) -> None:  # noqa: F811
    site.put("a.md", "# A\n\n*text* [[Other]]\n")
    first = article(site, "/a")
    assert article(site, "/a") == first
    new_process()
    assert article(site, "/a") == first
    assert rendered == ["# A\n\n*text* [[Other]]\n"]


@both_kinds
def test_a_saved_page_is_shown_at_once(site: Site, rendered: list[str]) -> None:  # noqa: F811
    for text in ("one", "two", "one", "three"):
        site.put("a.md", f"# A\n\n{text}\n")
        assert text in article(site, "/a")
    assert len(rendered) == 3  # the first text came back


def test_an_old_revision_is_shown_as_it_was(site: Site) -> None:  # noqa: F811
    old = site.put("a.md", "# A\n\nold text\n")
    site.put("a.md", "# A\n\nnew text\n")
    for _ in range(2):
        assert "new text" in article(site, "/a")
        assert "old text" in article(site, f"/a?revision={old}")


@pytest.mark.parametrize(
    ("setting", "values", "text", "seen"),
    [
        ("WIKILINK_STYLE", ["", "LINKTITLE"], "[[left|right]]", ['href="/right"', 'href="/left"']),
        (
            "OPEN_LINKS_IN_NEW_TAB",
            [False, True],
            "[x](https://example.org)",
            ['<a href="https://example.org">', "target"],
        ),
        ("RENDERER_HTML_ALLOWLIST", ["", "iframe"], "<iframe></iframe>", ["&lt;", "<iframe>"]),
    ],
)
def test_a_setting_counts_at_once(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    values: list[Any],
    text: str,
    seen: list[str],
) -> None:
    site.put("a.md", text + "\n")
    for _ in range(2):
        for value, expected in zip(values, seen, strict=True):
            monkeypatch.setitem(site.app.config, setting, value)
            assert expected in article(site, "/a")
            new_process()
            assert expected in article(site, "/a")


def test_h4_wikis_with_the_same_page_share_nothing(
    site: Site,  # noqa: F811
    rendered: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "# Same\n\n[[left|right]] ![](./picture.png)\n"
    for name in ("red", "blue"):
        site.pick(name)
        site.put("same.md", text)
    monkeypatch.setitem(site.app.config, "WIKILINK_STYLE", "LINKTITLE")
    assert 'href="/left"' in article(site, "/same", "red")
    monkeypatch.setitem(site.app.config, "WIKILINK_STYLE", "")
    assert 'href="/right"' in article(site, "/same", "blue")
    assert 'href="/right"' in article(site, "/same", "red")
    assert len(rendered) == 3
    site.pick("blue")
    with sqlite3.connect(database(site)) as connection:
        assert connection.execute("SELECT count(*) FROM pages").fetchone() == (1,)


def test_an_address_that_is_the_pages_own_is_not_taken_for_anothers(
    site: Site,  # noqa: F811
    rendered: list[str],
) -> None:
    text = "![picture](./picture.png)\n"
    for path in ("a.md", "b/c.md"):
        site.put(path, text)
    for _ in range(2):
        assert 'src="/a/./picture.png"' in article(site, "/a")
        assert 'src="/b/c/./picture.png"' in article(site, "/b/c")
        assert len(rendered) == 2
    new_process()
    assert 'src="/a/./picture.png"' in article(site, "/a")
    assert 'src="/b/c/./picture.png"' in article(site, "/b/c")


def test_the_same_text_without_addresses_is_rendered_once_for_all_pages(
    site: Site,  # noqa: F811
    rendered: list[str],
) -> None:
    for path in ("a.md", "b/c.md"):
        site.put(path, "# Same [[Home]]\n")
    assert article(site, "/a") == article(site, "/b/c")
    assert len(rendered) == 1


# ---------------------------------------------------------------------- what is not kept


@pytest.mark.parametrize(
    ("embedding", "seen"),
    [("{{include|src=/b}}", "text of b"), ("{{PageIndex}}", 'href="/A/C"')],
)
def test_what_a_page_embeds_is_never_old(
    site: Site,  # noqa: F811
    embedding: str,
    seen: str,
) -> None:
    site.put("a.md", f"# A\n\n{embedding}\n")
    site.put("b.md", "# B\n\nwas something else\n")
    site.put("a/d.md", "# D\n")
    assert seen not in article(site, "/a")
    site.put("b.md", "# B\n\ntext of b\n")
    site.put("a/c.md", "# C\n")
    assert seen in article(site, "/a")
    site.put("b.md", "# B\n\n")
    site.put("a/c.md", None)
    assert seen not in article(site, "/a")


def test_attachments_that_a_page_lists_are_never_old(site: Site) -> None:  # noqa: F811
    site.put("a.md", "# A\n\n{{AttachmentList}}\n")
    for name in ("one.txt", "two.txt"):
        assert name not in article(site, "/a")
        site.put(f"a/{name}", "content")
        assert name in article(site, "/a")


def test_code_that_looks_like_an_embedding_is_kept(
    site: Site,  # noqa: F811
    rendered: list[str],
) -> None:
    site.put("a.md", "# A\n\n```\n{{ template }}\n```\n\nand `{{x}}` in a line\n")
    assert article(site, "/a") == article(site, "/a")
    assert len(rendered) == 1


def test_tables_of_an_embedding_keep_their_script(site: Site) -> None:  # noqa: F811
    site.put("a.md", "# A\n\n{{datatable\n| x | y |\n|---|---|\n| 1 | 2 |\n}}\n")
    site.put("b.md", "# B\n\nplain\n")
    client = site.pick("red")
    for _ in range(2):
        assert "simpleDatatables.DataTable(" in client.get("/a").data.decode()
        assert "simpleDatatables.DataTable(" not in client.get("/b").data.decode()


def test_where_another_plugin_takes_part_nothing_is_kept(
    site: Site,  # noqa: F811
    rendered: list[str],
    plugin: Any,
) -> None:
    from otterwiki.plugins import hookimpl

    class Counting:
        views = 0

        @hookimpl
        def renderer_html_postprocess(self, html: str) -> str:
            self.views += 1
            return f"<p>view {self.views}</p>{html}"

    site.put("a.md", "# A\n")
    assert "view" not in article(site, "/a")
    counting = plugin(Counting())
    for number in range(1, 4):
        assert f"view {number}" in article(site, "/a")
    assert len(rendered) == 4
    from otterwiki.plugins import plugin_manager

    plugin_manager.unregister(counting)
    assert "view" not in article(site, "/a")
    plugin_manager.register(counting)


def test_hooks_before_and_after_rendering_are_called_at_each_view(
    site: Site,  # noqa: F811
    rendered: list[str],
    plugin: Any,
) -> None:
    from otterwiki.plugins import hookimpl

    class Watching:
        def __init__(self) -> None:
            self.seen: list[str] = []

        @hookimpl
        def page_render_context(self, page: Any, preview: bool) -> None:
            self.seen.append(f"{page.pagepath} {preview}")

        @hookimpl
        def page_view_htmlcontent_postprocess(self, html: str, page: Any) -> str:
            return html.replace("who", f"visitor {len(self.seen)} of {page.pagename}")

    plugin(Watching())
    site.put("a.md", "who\n")
    for number in range(1, 4):
        assert f"visitor {number} of A" in article(site, "/a")
    assert len(rendered) == 1


def test_what_was_left_out_for_lack_of_time_is_tried_again(
    site: Site,  # noqa: F811
    rendered: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from otterwiki_engine import render_budget, rendered_pages

    site.put("a.md", "```python\nx = 1\n```\n")
    with monkeypatch.context() as patch:
        patch.setattr(render_budget, "HIGHLIGHT_SECONDS", -1.0)
        assert '<span class="' not in article(site, "/a")
    assert '<span class="' not in article(site, "/a")  # for some minutes
    assert len(rendered) == 1
    monkeypatch.setattr(rendered_pages.time, "monotonic", lambda: 1e12)
    assert '<span class="' in article(site, "/a")
    assert not database(site).exists() or len(rendered) == 2


def test_a_page_shown_as_source_is_not_kept(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from otterwiki_engine import render_budget

    site.put("a.md", "# A\n\nshown as source, and {{ kept }} out of the memory of slow texts\n")
    with monkeypatch.context() as patch:
        patch.setattr(render_budget, "PARSE_SECONDS", -1.0)
        assert render_budget.TOO_SLOW_NOTICE in article(site, "/a")
    assert render_budget.TOO_SLOW_NOTICE not in article(site, "/a")


def test_a_preview_is_not_kept_for_a_page(site: Site, rendered: list[str]) -> None:  # noqa: F811
    from otterwiki.server import app_renderer

    with site.app.test_request_context():
        app_renderer.markdown("# A\n\ntext\n", cursor=2, page_url="/a")
    site.put("a.md", "# A\n\ntext\n")
    assert "cursor" not in article(site, "/a")
    assert len(rendered) == 2


def test_what_is_given_out_may_be_changed(site: Site) -> None:  # noqa: F811
    from otterwiki.server import app_renderer

    with site.app.test_request_context():
        _, toc, requirements = app_renderer.markdown("# A\n")
        toc.clear()
        requirements.clear()
        _, toc, requirements = app_renderer.markdown("# A\n")
    assert [heading[3] for heading in toc] == ["A"]
    assert requirements["requires_datatables"] is True


# ---------------------------------------------------------------------- the file


@pytest.mark.parametrize(
    "damage",
    ["delete", "empty", "garbage", "truncated", "foreign", "content", "digest", "swapped", "types"],
)
def test_i8_a_damaged_file_costs_nothing_but_time(
    site: Site,  # noqa: F811
    rendered: list[str],
    damage: str,
) -> None:
    site.put("a.md", "# A\n\ntext of a\n")
    site.put("b.md", "# B\n\ntext of b\n")
    pages = {path: article(site, path) for path in ("/a", "/b")}
    new_process()
    path = database(site)
    if damage == "delete":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "garbage":
        path.write_bytes(b"x" * 9000)
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        statement = {
            "foreign": "ALTER TABLE pages RENAME COLUMN content TO other",
            "content": "UPDATE pages SET content = content || x'00'",
            "digest": "UPDATE pages SET digest = zeroblob(16)",
            "swapped": "UPDATE pages SET (content, digest) = (SELECT content, digest FROM copy"
            " WHERE copy.blob_id <> pages.blob_id)",
            "types": "UPDATE pages SET content = 7, url = 7.5",
        }[damage]
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TEMPORARY TABLE copy AS SELECT * FROM pages")
            connection.execute(statement)
        connection.close()
    before = len(rendered)
    for _ in range(2):
        assert {path: article(site, path) for path in pages} == pages
        new_process()
    assert len(rendered) == before + 2


def test_the_file_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    from otterwiki_engine import rendered_pages

    monkeypatch.setattr(rendered_pages, "_SPARE_ROWS", 3)
    for number in range(12):
        site.put("a.md", f"# A{number}\n")
        article(site, "/a")
    with sqlite3.connect(database(site)) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM pages").fetchone()
    assert rows <= len(site.wiki.repository.snapshot().entries) + 3


def test_memory_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    from otterwiki_engine import rendered_pages, sized_cache

    monkeypatch.setattr(rendered_pages, "kept", sized_cache.SizedCache(40_000))
    for number in range(30):
        site.put("a.md", f"# A{number}\n\n" + "text " * 1000)
        article(site, "/a")
    assert 0 < len(rendered_pages.kept) < 10
    assert rendered_pages.kept.used_bytes <= 40_000


def _commit(git_dir: Path, state_dir: Path, work_tree: Path | None, text: str) -> None:
    repository = Repository(git_dir, work_tree=work_tree, state_dir=state_dir)
    repository.commit({"a.md": text.encode()}, base=None, author=ALICE, message="elsewhere")
    repository.close()


@both_kinds
def test_a_page_saved_by_another_process_is_shown_at_once(site: Site) -> None:  # noqa: F811
    repository = site.wiki.repository
    work_tree = repository.work_tree.root if repository.work_tree else None
    context = multiprocessing.get_context("spawn")
    site.put("a.md", "# A\n\nfirst\n")
    assert "first" in article(site, "/a")
    for text in ("second", "third"):
        arguments = (repository.git_dir, repository.state_dir, work_tree, f"# A\n\n{text}\n")
        process = context.Process(target=_commit, args=arguments)
        process.start()
        process.join(60)
        assert process.exitcode == 0
        assert text in article(site, "/a")


# ---------------------------------------------------------------------- contracts


def test_contract_upstream_reads_no_other_setting_while_rendering() -> None:
    import otterwiki.renderer
    import otterwiki.renderer_plugins

    from otterwiki_engine.rendered_pages import SETTINGS

    found = set()
    for module in (otterwiki.renderer, otterwiki.renderer_plugins):
        source = inspect.getsource(module)
        found |= set(re.findall(r"""\bget\(\s*['"]([A-Z][A-Z_]+)['"]""", source))
        assert "app.config" not in source
        assert "storage" not in source
        assert "current_user" not in source
    assert found - {"PAGE_URL"} == set(SETTINGS)


def test_contract_these_hooks_decide_what_a_text_is_rendered_to() -> None:
    from otterwiki.plugins import OtterWikiPluginSpec

    from otterwiki_engine.rendered_pages import DECIDING_HOOKS

    specified = {name for name in vars(OtterWikiPluginSpec) if name.startswith("renderer_")}
    assert set(DECIDING_HOOKS) == specified - {"renderer_javascript"}


def test_contract_upstreams_own_preprocessing_changes_no_text() -> None:
    from otterwiki.plugins import plugin_manager

    implementations = plugin_manager.hook.renderer_markdown_preprocess.get_hookimpls()
    assert [found.function("# {{ x }}\n") for found in implementations] == ["# {{ x }}\n"]


#: All that a page can hold, and the digest of what it looked like when this was written down.
EVERYTHING = (Path(__file__).parent / "everything.md").read_text("utf-8")
LOOKS = "1063fba174086874"


def test_what_pages_look_like_changes_with_the_layout_version() -> None:
    """Pages are kept in files: when this fails, raise render_budget.LAYOUT_VERSION with it."""
    from otterwiki.server import app_renderer

    from otterwiki_engine.render_budget import LAYOUT_VERSION

    html, toc, requirements = app_renderer.markdown(EVERYTHING, page_url="/a")
    looks = repr((LAYOUT_VERSION, html, toc, requirements)).encode()
    assert hashlib.sha256(looks).hexdigest()[:16] == LOOKS
