"""The rewriting of templates, and the inventory of what upstream wrote."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from otterwiki_content_security import standins
from otterwiki_content_security.handlers import EDITOR_COMMANDS, HANDLERS, Handler
from otterwiki_content_security.markup import SCRIPT_ELEMENTS, MarkupTransform
from otterwiki_content_security.responses import SCRIPT_OF_PLUGINS
from otterwiki_engine.template_rewrite import RewritingLoader, TemplateChanged
from otterwiki_tenant.testing import SmallFarm

ACTIONS = (Path(standins.__file__).parent / "static" / "actions.js").read_text("utf-8")
IN_CODE = ("copy-code",)  # made in Python only, no template holds it
transform = MarkupTransform()


def _loader(small_farm: SmallFarm) -> RewritingLoader:
    loader = small_farm.app.jinja_env.loader
    assert isinstance(loader, RewritingLoader)
    return loader


def _python_of_otterwiki() -> str:
    folder = Path(str(sys.modules["otterwiki"].__file__)).parent
    return "\n".join(path.read_text("utf-8") for path in sorted(folder.glob("*.py")))


# ---------------------------------------------------------------------------- what is replaced


def test_the_numbers_somebody_looked_at() -> None:
    assert sum(handler.count for handler in HANDLERS) == 69
    assert len({(handler.event, handler.code) for handler in HANDLERS}) == len(HANDLERS) == 65
    assert SCRIPT_ELEMENTS == 17


def test_g2_contract_every_handler_of_otterwiki_is_listed(small_farm: SmallFarm) -> None:
    """Fails when upstream adds, changes or drops an inline handler or script."""
    loader = _loader(small_farm)
    untouched = loader._upstream_sources(small_farm.app.jinja_env)
    assert len(untouched) > 50
    rewritten = {n: loader.get_source(small_farm.app.jinja_env, n)[0] for n in untouched}
    assert transform.problems(untouched, rewritten) == []
    handler = '<a onclick="halfmoon.toggleSidebar()">'
    for broken in (
        {**untouched, "new.html": '<a onclick="surprise()">'},
        {**untouched, "new.html": handler},
        {**untouched, "new.html": "<script>"},
        {name: source for name, source in untouched.items() if name != "search.html"},
    ):
        assert len(transform.problems(broken, rewritten)) == 1
    for left in ('<a onclick="surprise()">', "<a href='javascript:x()'>", "<a onclick = 'x'>"):
        (problem,) = transform.problems(untouched, {**rewritten, "new.html": left})
        assert "new.html" in problem
    assert loader._transforms


def test_a_changed_template_stops_the_start(small_farm: SmallFarm) -> None:
    class Grumbling(MarkupTransform):
        def problems(self, untouched: Any, rewritten: Any) -> list[str]:
            assert untouched.keys() == rewritten.keys()
            return ["upstream changed"]

    loader = RewritingLoader(_loader(small_farm)._loader, transforms=[Grumbling()])
    with pytest.raises(TemplateChanged, match="upstream changed"):
        loader.check(small_farm.app.jinja_env)


def test_g2_contract_what_otterwikis_python_writes_is_replaced(small_farm: SmallFarm) -> None:
    """Fails when upstream's Python writes a handler or script that nobody looked at."""
    source = _python_of_otterwiki()
    handlers = re.findall(r"""\son[a-z]+=["'][^"']""", source)
    assert len(handlers) == 3
    for known in (standins._COPY, standins._SPOILER, standins._HEADINGS):
        assert source.count(known.strip()) == 1
    scripts = re.findall(r"<script[^>]*>\{?", source)
    assert scripts.count(SCRIPT_OF_PLUGINS.replace('"', '\\"') + "{") == 3
    assert [s for s in scripts if s[-1] == "{"] == ['<script type=\\"text/javascript\\">{'] * 3


def test_engines_own_templates_hold_no_handler(small_farm: SmallFarm) -> None:
    environment = small_farm.app.jinja_env
    for name in _loader(small_farm).list_templates():
        source, _, _ = _loader(small_farm).get_source(environment, name)
        assert transform.problems({}, {name: source})[len(HANDLERS) + 1 :] == []


# -------------------------------------------------------------------------------- how it is done


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<script>", '<script nonce="{{ csp_nonce() }}">'),
        ('<SCRIPT src="x">', '<SCRIPT nonce="{{ csp_nonce() }}" src="x">'),
        ('<script nonce="{{ csp_nonce() }}">', '<script nonce="{{ csp_nonce() }}">'),
        ('<a onclick="halfmoon.toggleDarkMode()">', '<a data-wiki-click="toggle-dark-mode">'),
        ("<a ONCLICK='cloneRow(this);'>", '<a data-wiki-click="clone-row">'),
        ('<a onclick="somethingElse()">', '<a onclick="somethingElse()">'),
        ('<b data-set-mode-onload="true">', '<b data-set-mode-onload="true">'),
        ("<noscript>", "<noscript>"),
        ("x.onclick = y;", "x.onclick = y;"),
    ],
)
def test_one_element(before: str, after: str) -> None:
    assert transform.apply("any.html", before) == after


def test_what_stands_in_braces_may_hold_quotes() -> None:
    before = (
        """<b onclick="navigator.clipboard.writeText('{{url_for("dotgit", _external=True)}}')">"""
    )
    expected = (
        """<b data-wiki-click="copy-text" data-wiki-text="{{url_for('dotgit', _external=True)}}">"""
    )
    assert transform.apply("settings.html", before) == expected


# ------------------------------------------------------------------------------------ the actions


def _named_in_script() -> set[str]:
    table = ACTIONS.partition("const ACTIONS = {")[2].partition("\n  };")[0]
    names = set(re.findall(r'^    "([a-zA-Z_.-]+)":', table, re.MULTILINE))
    listed = ACTIONS.partition("const EDITOR_COMMANDS = [")[2].partition("]")[0]
    commands = re.findall(r'"(\w+)"', listed)
    assert commands == list(EDITOR_COMMANDS)
    return names | {f"editor.{command}" for command in commands}


def test_every_action_is_in_both_tables() -> None:
    assert _named_in_script() == {handler.action for handler in HANDLERS} | set(IN_CODE)


def test_g2_no_text_becomes_code() -> None:
    for way in ("eval", "Function(", "innerHTML", "setTimeout", "document.write", "insertAdjacent"):
        assert way not in ACTIONS


def test_g2_inside_a_page_only_harmless_actions_work() -> None:
    listed = re.search(r"IN_PAGES = new Set\(\[(.*?)\]\)", ACTIONS)
    assert listed is not None
    harmless = set(re.findall(r'"([^"]+)"', listed[1]))
    assert harmless == {"copy-code", "toggle-spoiler", "toggle-page-headings"}


def test_arguments_are_plain_attributes() -> None:
    for handler in HANDLERS:
        assert isinstance(handler, Handler)
        assert re.fullmatch(r'(data-wiki-[a-z]+="[^"]*" ?)+', handler.attributes)
        assert "|safe" not in handler.attributes
