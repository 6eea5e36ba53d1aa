"""Rewriting templates at load time: by counted rules, loudly when upstream changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jinja2 import ChoiceLoader, DictLoader, Environment, FileSystemLoader, TemplateNotFound
from served_wikis import Site, otterwiki_app, site  # noqa: F401  fixtures

from otterwiki_engine.template_rewrite import RewritingLoader, TemplateChanged, TemplateRule
from otterwiki_engine.template_rules import BASE_FIELD, RULES


def environment(rules: list[TemplateRule], **templates: str) -> Environment:
    return Environment(loader=RewritingLoader(DictLoader(templates), rules), autoescape=True)


def test_literal_and_pattern_rules_apply_in_order() -> None:
    rules = [
        TemplateRule("page", "a.b", "{{ 1 + 1 }}", 2, "so"),
        TemplateRule("page", re.compile(r"<i( \w+)?>"), r"\g<0>!", 2, "so"),
    ]
    made = environment(rules, page="a.b<i>a.b<i x>axb", other="a.b")
    assert made.get_template("page").render() == "2<i>!2<i x>!axb"
    assert made.get_template("other").render() == "a.b"
    assert set(made.list_templates()) == {"page", "other"}
    with pytest.raises(TemplateNotFound):
        made.get_template("missing")


@pytest.mark.parametrize("source", ["", "x", "x x x"])
def test_another_count_is_an_error_that_says_why(source: str) -> None:
    made = environment([TemplateRule("page", "x", "y", 2, "the sky is blue")], page=source)
    with pytest.raises(TemplateChanged, match=r"page: expected 2 times 'x', found .*sky is blue"):
        made.get_template("page")


def test_check_names_every_rule_that_does_not_fit() -> None:
    rules = [
        TemplateRule("a", "x", "y", 1, "reason a"),
        TemplateRule("b", "x", "y", 1, "reason b"),
        TemplateRule("c", "x", "y", 1, "reason c"),
    ]
    made = environment(rules, a="", b="x")
    assert isinstance(made.loader, RewritingLoader)
    with pytest.raises(TemplateChanged) as caught:
        made.loader.check(made)
    assert "reason a" in str(caught.value)
    assert "template c: it does not exist" in str(caught.value)
    assert "reason b" not in str(caught.value)


def test_a_rule_added_twice_applies_once() -> None:
    rule = TemplateRule("page", re.compile("x"), r"\g<0>+", 1, "so")
    made = environment([rule], page="x")
    assert isinstance(made.loader, RewritingLoader)
    made.loader.add([rule, TemplateRule("page", re.compile("x"), r"\g<0>+", 1, "so")])
    assert made.get_template("page").render() == "x+"


class Shout:
    """A transform for tests: exclamation marks; it wants an x in each template of upstream."""

    def apply(self, template: str, source: str) -> str:
        return source + f" {template}!"

    def problems(self, untouched: Mapping[str, str], rewritten: Mapping[str, str]) -> list[str]:
        assert all(rewritten[name].endswith(f" {name}!") for name in untouched)
        return [f"{name} has no x" for name, source in untouched.items() if "x" not in source]


def test_a_transform_sees_every_template_after_the_rules() -> None:
    made = environment([TemplateRule("page", "x", "y", 1, "so")], page="x", other="x")
    assert isinstance(made.loader, RewritingLoader)
    shout = Shout()
    made.loader.add([], [shout])
    made.loader.add([], [shout])
    made.loader.check(made)
    assert made.get_template("page").render() == "y page!"
    assert made.get_template("other").render() == "x other!"


def test_a_transform_is_asked_about_upstreams_templates_only(tmp_path: Path) -> None:
    (tmp_path / "theirs.html").write_text("x")
    templates = ChoiceLoader([FileSystemLoader(tmp_path), DictLoader({"plugin.html": "no"})])
    loader = RewritingLoader(templates, transforms=[Shout()], upstream=tmp_path)
    made = Environment(loader=loader, autoescape=True)
    loader.check(made)
    assert made.get_template("plugin.html").render() == "no plugin.html!"
    (tmp_path / "theirs.html").write_text("changed")
    with pytest.raises(TemplateChanged, match=r"theirs\.html has no x"):
        loader.check(made)
    everywhere = RewritingLoader(templates, transforms=[Shout()])
    with pytest.raises(TemplateChanged, match=r"plugin\.html has no x"):
        everywhere.check(made)


# ---------------------------------------------------------------------- the engine's own rules


def test_contract_every_rule_fits_upstreams_templates(otterwiki_app: Any) -> None:  # noqa: F811
    """Fails when upstream changes a template the engine rewrites."""
    loader = otterwiki_app.jinja_env.loader
    assert isinstance(loader, RewritingLoader)
    loader.check(otterwiki_app.jinja_env)
    for rule in RULES:
        source, _, _ = loader.get_source(otterwiki_app.jinja_env, rule.template)
        for wanted in rule.replacement.split(r"\g<0>"):
            assert not wanted or source.count(wanted) == rule.count
        assert rule.reason


@pytest.mark.parametrize("policy", ["REQUIRED", "OPTIONAL", "DISABLED"])
def test_each_editor_form_says_its_base(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    policy: str,
) -> None:
    monkeypatch.setitem(site.app.config, "COMMIT_MESSAGE", policy)
    site.put("home.md", "# Home\n")
    html = site.pick("red").get("/home?edit").data.decode()
    field = f'<input type="hidden" name="base" value="{site.head()}">'
    assert html.count('id="saveform"') == html.count(field) == 1
    assert BASE_FIELD not in html


def test_i7_a_page_name_is_no_script_in_the_create_and_rename_forms(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stored cross-site scripting of 2.26.1: the prefix buttons put a name into onclick."""
    monkeypatch.setitem(site.app.config, "RETAIN_PAGE_NAME_CASE", True)
    client = site.pick("red")
    site.put("x');alert(1);('.md", "# evil\n")
    site.put("x');alert(1);('/page.md", "# evil\n")
    site.put("home.md", "# Home\n")
    assert client.get("/x');alert(1);('/page").status_code == 200
    for url, field in (("/-/create", "pagename"), ("/home/rename", "new_pagename")):
        html = client.get(url).data.decode()
        buttons = re.findall(r'onclick="return otterwiki.toggle_pagename_prefix\(([^"]*)\)"', html)
        assert buttons, url
        for arguments in buttons:
            assert "alert(1)" in arguments
            assert re.fullmatch(rf"'{field}','[^'\"<>]*'", arguments), arguments
            assert "&#39;" not in arguments
