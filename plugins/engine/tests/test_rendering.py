"""Renderers and renderer plugins that threads can share (checklist H4)."""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from served_wikis import Site, otterwiki_app, site  # noqa: F401  fixtures

RENDERS = 250


@pytest.fixture(autouse=True)
def _booted(otterwiki_app: Any) -> None:  # noqa: F811
    """Every test here looks at a running Otterwiki."""


@pytest.fixture
def busy_threads() -> Iterator[None]:
    """Let threads take turns as often as Python can, so that a race does not wait for luck."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def document(name: str) -> str:
    parts = [f"# {name} title\n\n[[{name} link]] and ![](./{name}.png)\n"]
    parts += [f"## {name} heading {number}\n\n*text* `code` {name}\n" for number in range(6)]
    return "\n".join(parts)


def render_in_two_threads(
    render: Callable[[str, str], Any], *, stop_at_first: bool = False
) -> dict[str, int]:
    """What went wrong when two threads rendered a document of their own over and over."""
    wrong = {"toc": 0, "url": 0, "exception": 0}
    together = threading.Barrier(2)

    def work(name: str, other: str) -> None:
        expected = [f"{name} title", *(f"{name} heading {number}" for number in range(6))]
        together.wait()
        for _ in range(RENDERS):
            if stop_at_first and sum(wrong.values()):
                return
            try:
                html, toc, _ = render(document(name), f"/{name}")
            except Exception:  # noqa: BLE001  counted
                wrong["exception"] += 1
                continue
            wrong["toc"] += [heading[3] for heading in toc] != expected
            wrong["url"] += f'src="/{name}/./{name}.png"' not in html or f"/{other}/" in html

    threads = [
        threading.Thread(target=work, args=names) for names in (("red", "blue"), ("blue", "red"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def test_h4_two_threads_share_the_renderer_without_mixing(busy_threads: None) -> None:
    from otterwiki.server import app_renderer

    wrong = render_in_two_threads(lambda text, url: app_renderer.markdown(text, page_url=url))
    assert wrong == {"toc": 0, "url": 0, "exception": 0}


def test_the_same_test_fails_on_otterwikis_own_renderer(busy_threads: None) -> None:
    from otterwiki.renderer import OtterwikiRenderer

    renderer = OtterwikiRenderer(config={})
    wrong = render_in_two_threads(
        lambda text, url: renderer.markdown(text, page_url=url), stop_at_first=True
    )
    assert sum(wrong.values()) > 0


def test_contract_the_renderer_is_called_as_upstreams_is() -> None:
    """Fails when upstream changes how a renderer is made or called, or adds methods."""
    from otterwiki.renderer import OtterwikiRenderer

    from otterwiki_engine.rendering import PerThreadRenderer

    theirs, ours = (
        inspect.signature(kind.markdown) for kind in (OtterwikiRenderer, PerThreadRenderer)
    )
    assert list(theirs.parameters.values()) == [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in ours.parameters.values()
    ]
    assert list(inspect.signature(OtterwikiRenderer).parameters) == ["config"]
    assert {name for name in vars(OtterwikiRenderer) if not name.startswith("__")} == {"markdown"}
    assert set(vars(OtterwikiRenderer(config={}))) == {
        "block_parser",
        "contentlines",
        "env",
        "htmlcursor",
        "inline_parser",
        "lastword",
        "md_renderer",
        "mistune",
        "requires_datatables",
        "requires_mathjax",
        "requires_mermaid",
    }


def test_contract_the_converted_objects_are_the_ones_everybody_holds() -> None:
    import otterwiki.helper
    import otterwiki.pluginmgmt
    import otterwiki.server
    import otterwiki.views
    import otterwiki.wiki

    from otterwiki_engine.rendering import PerThreadRenderer

    assert otterwiki.wiki.app_renderer is otterwiki.server.app_renderer
    assert otterwiki.helper.app_renderer is otterwiki.server.app_renderer
    assert otterwiki.views.render is otterwiki.pluginmgmt.render
    assert type(otterwiki.server.app_renderer) is PerThreadRenderer
    assert type(otterwiki.views.render) is PerThreadRenderer


def test_output_equals_upstreams() -> None:
    from otterwiki.renderer import OtterwikiRenderer
    from otterwiki.server import app, app_renderer

    text = document("same") + "\n```mermaid\na\n```\n\n$x$ [^1]\n\n[^1]: foot\n"
    for _ in range(2):
        ours = app_renderer.markdown(text, cursor=3, page_url="/same")
        assert ours == OtterwikiRenderer(config=app.config).markdown(
            text, cursor=3, page_url="/same"
        )
    assert ours[2]["requires_mermaid"]
    assert not app_renderer.requires_mermaid


def test_a_render_within_a_render_leaves_the_outer_one_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import otterwiki.renderer
    from otterwiki.server import app_renderer

    inner = []
    upstream = otterwiki.renderer.OtterwikiMdRenderer.image

    def image(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not inner:
            inner.append(None)
            inner.append(app_renderer.markdown(document("inner"), page_url="/inner"))
        return upstream(self, *args, **kwargs)

    monkeypatch.setattr(otterwiki.renderer.OtterwikiMdRenderer, "image", image)
    html, toc, _ = app_renderer.markdown(document("outer"), page_url="/outer")
    assert [heading[3] for heading in toc][:2] == ["outer title", "outer heading 0"]
    assert len(toc) == 7
    assert 'src="/outer/./outer.png"' in html
    assert "inner" not in html
    assert [heading[3] for heading in inner[1][1]][:2] == ["inner title", "inner heading 0"]


def test_headings_are_those_of_a_whole_render_and_disturb_nothing() -> None:
    from otterwiki.plugins import plugin_manager
    from otterwiki.server import app_renderer

    from otterwiki_engine.rendering import last_rendered

    table = "{{DataTable\n| a |\n|---|\n| 1 |\n}}\n"
    text = document("page") + '\n```python\n# not a heading\nprint("x")\n```\n\n## Last *one*\n'
    whole = app_renderer.markdown(text + table)
    script = "".join(filter(None, plugin_manager.hook.renderer_javascript()))
    before = last_rendered()
    assert app_renderer.headings(text) == whole[1]
    assert "".join(filter(None, plugin_manager.hook.renderer_javascript())) == script
    assert script.count("new simpleDatatables.DataTable(") == 1
    assert last_rendered() is before
    assert "print" in app_renderer.markdown(text)[0]


def test_a_renderer_that_raised_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    import otterwiki.renderer
    from otterwiki.server import app_renderer

    with monkeypatch.context() as patch:
        patch.setattr(otterwiki.renderer.OtterwikiMdRenderer, "heading", None)
        with pytest.raises(TypeError):
            app_renderer.markdown("# x\n", page_url="/left-behind")
    html, toc, _ = app_renderer.markdown("![](./a.png)\n\n# y\n")
    assert "left-behind" not in html
    assert [heading[3] for heading in toc] == ["y"]


def test_h4_the_allowlist_of_the_moment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    from otterwiki.server import app, app_renderer

    text = "<marquee>x</marquee>\n"
    monkeypatch.setitem(app.config, "RENDERER_HTML_ALLOWLIST", "")
    assert "<marquee>" not in app_renderer.markdown(text)[0]
    monkeypatch.setitem(app.config, "RENDERER_HTML_ALLOWLIST", "marquee")
    assert "<marquee>" in app_renderer.markdown(text)[0]
    monkeypatch.setitem(app.config, "RENDERER_HTML_ALLOWLIST", "")
    assert "<marquee>" not in app_renderer.markdown(text)[0]


def test_free_renderers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from otterwiki.server import app, app_renderer

    from otterwiki_engine import rendering

    for number in range(30):
        monkeypatch.setitem(app.config, "RENDERER_HTML_ALLOWLIST", f"x{number}")
        app_renderer.markdown("x")
    free = rendering._free.by_settings
    assert len(free) <= rendering._KEPT_SETTINGS
    assert all(len(renderers) <= rendering._KEPT_NESTED for renderers in free.values())


# ---------------------------------------------------------------------- renderer plugins


def test_contract_every_stateful_plugin_is_converted() -> None:
    """Fails when upstream's plugins move, or begin to keep state where it can't be converted."""
    import otterwiki.renderer_embeddings
    import otterwiki.renderer_plugins

    from otterwiki_engine import render_state
    from otterwiki_engine.rendering import plugins_with_state

    names = {type(plugin).__name__ for plugin in plugins_with_state()}
    assert {"DatatableEmbedding", "AttachmentListEmbedding", "PageIndexEmbedding"} <= names
    assert {"IncludeEmbedding", "ImageFrameEmbedding", "mistunePluginWikiLink"} <= names
    for module in (otterwiki.renderer_embeddings, otterwiki.renderer_plugins):
        for name, value in vars(module).items():
            if isinstance(value, type) and value.__module__ == module.__name__:
                assert name in names or name == "EmbeddingArgs", f"{name} is not converted"
    for plugin in plugins_with_state():
        assert id(plugin) in render_state._converted


def test_h4_what_a_plugin_remembers_is_seen_by_its_thread_only() -> None:
    from otterwiki.plugins import plugin_manager

    from otterwiki_engine.rendering import plugins_with_state

    embedding = next(p for p in plugins_with_state() if type(p).__name__ == "DatatableEmbedding")
    assert plugin_manager.is_registered(embedding)
    embedding.page, embedding.datatables = "mine", {"mine": {}}
    seen = {}

    def look() -> None:
        seen["page"] = getattr(embedding, "page", None)
        embedding.page = "theirs"
        seen["own"] = embedding.page

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == {"page": None, "own": "theirs"}
    assert embedding.page == "mine"


def test_h4_nothing_is_left_for_the_next_request() -> None:
    from otterwiki.server import app_renderer

    from otterwiki_engine.render_state import forget_render_state
    from otterwiki_engine.rendering import last_rendered, plugins_with_state

    for plugin in plugins_with_state():
        plugin.page = plugin.preview = "secret"
    app_renderer.markdown("# secret\n\n[[secret]] $x$ ==y==\n")
    assert last_rendered() is not None
    forget_render_state()
    assert last_rendered() is None
    for plugin in plugins_with_state():
        assert not hasattr(plugin, "page")
        assert "secret" not in repr(vars(plugin))
    html = app_renderer.markdown("[[after]] $x$ ==y==\n")[0]
    assert "<mark>y</mark>" in html
    assert "\\(x\\)" in html


def test_an_attribute_assigned_later_hides_what_the_class_has() -> None:
    from otterwiki_engine.render_state import forget_render_state, keep_per_thread

    class Plugin:
        shared = "class"

        def __init__(self) -> None:
            self.made = "before"

    plugin, other = Plugin(), Plugin()
    keep_per_thread(plugin)
    keep_per_thread(plugin)
    assert type(plugin).__mro__.count(Plugin) == 1
    assert isinstance(plugin, Plugin)
    plugin.shared = plugin.made = "now"
    assert (plugin.shared, plugin.made) == ("now", "now")
    assert (other.shared, other.made, Plugin.shared) == ("class", "before", "class")
    del plugin.made
    assert plugin.made == "before"
    forget_render_state()
    assert (plugin.shared, plugin.made) == ("class", "before")
    with pytest.raises(AttributeError):
        _ = plugin.never  # type: ignore[attr-defined]


def test_h4_no_request_sees_the_page_of_the_one_before(site: Site) -> None:  # noqa: F811
    """A table of contents, tables and attachments of one wiki never show up in the other."""
    site.put("red.md", "# Red\n\n{{Attachments}}\n\n{{DataTable\n| r |\n|---|\n| 1 |\n}}\n")
    site.put("red/secret.txt", "red")
    red = site.pick("red").get("/red").data.decode()
    assert "secret.txt" in red
    assert "new simpleDatatables.DataTable(" in red
    blue = site.pick("blue").get("/home").data.decode()
    assert "Blue Heading" in blue
    assert "secret" not in blue
    assert "new simpleDatatables.DataTable(" not in blue
    preview = site.pick("blue").post("/x/preview", data={"content": "{{Attachments}}"})
    assert "secret" not in preview.data.decode()
