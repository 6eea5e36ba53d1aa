"""Hostile pages through the whole render path, judged by an HTML5 parser (checklist G1, G7)."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hostile_payloads import BODIES, Payload
from html_oracle import script_capable
from payload_mutation import mutated
from served_wikis import Site, otterwiki_app, site  # noqa: F401  fixtures

MUTATIONS = 3_000
SOAK_MUTATIONS = 100_000
CALL = "alert(1)"


@pytest.fixture
def renderer(otterwiki_app: Any, site: Site) -> Iterator[Any]:  # noqa: F811
    from otterwiki.server import app_renderer

    with otterwiki_app.test_request_context("/"):
        yield app_renderer


@pytest.mark.parametrize("payload", BODIES, ids=lambda payload: payload.name)
def test_g1_a_hostile_page_is_inert(renderer: Any, payload: Payload) -> None:
    html, toc, _ = renderer.markdown(payload.armed(CALL))
    assert script_capable(html) == []
    for _, heading, _, _, anchor in toc:
        assert script_capable(heading) == []
        assert not set(anchor) & set("\"'<>")


@pytest.mark.parametrize("payload", BODIES, ids=lambda payload: payload.name)
def test_g1_a_hostile_page_is_inert_in_a_preview_at_every_line(
    renderer: Any, payload: Payload
) -> None:
    text = payload.armed(CALL)
    for line in range(-1, text.count("\n") + 2):
        html, *_ = renderer.markdown(text, cursor=line)
        assert script_capable(html) == []


def test_g1_the_cursor_of_a_preview_ends_no_attribute(renderer: Any) -> None:
    text = 'a\n\n<a title="x\n<img src=x onerror=alert(1)>">y</a>\n'
    html, *_ = renderer.markdown(text, cursor=1)
    assert script_capable(html) == []


def test_g1_upstreams_own_cursor_ends_an_attribute(otterwiki_app: Any) -> None:  # noqa: F811
    """The guard is needed: without it the very same preview runs a script."""
    from otterwiki.renderer import OtterwikiRenderer

    text = 'a\n\n<a title="x\n<img src=x onerror=alert(1)>">y</a>\n'
    with otterwiki_app.test_request_context("/"):
        html, *_ = OtterwikiRenderer(config={}).markdown(text, cursor=1)
    assert script_capable(html) != []


def fuzz(renderer: Any, seeds: range) -> tuple[list[str], float]:
    """What could run a script, and how many payloads were judged per second."""
    found = []
    began = time.monotonic()
    for seed in seeds:
        text = mutated(seed)
        cursor = seed % 7 if seed % 5 == 0 else None
        try:
            html, *_ = renderer.markdown(text, cursor=cursor)
            problems = script_capable(html)
        except Exception as error:  # noqa: BLE001  a page that can't be shown is a finding too
            problems = [repr(error)]
        if problems:
            found.append(f"seed {seed}: {text!r} -> {problems}")
    return found, len(seeds) / (time.monotonic() - began)


def test_g7_mutated_payloads_leave_nothing_that_could_run(renderer: Any) -> None:
    found, _ = fuzz(renderer, range(MUTATIONS))
    assert not found, "\n".join(found[:10])


@pytest.mark.soak
def test_g7_a_hundred_thousand_mutated_payloads(renderer: Any) -> None:
    found, per_second = fuzz(renderer, range(SOAK_MUTATIONS))
    print(f"{SOAK_MUTATIONS} payloads, {per_second:.0f}/s, {len(found)} found")
    assert not found, "\n".join(found[:10])


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<p onclick=alert(1)>",
        '<a href="jav&#x09;ascript:alert(1)">',
        '<a href="&#x006a;avascript&colon;alert(1)">',
        '<img src="data:text/html,x">',
        "<svg><a xlink:href='javascript:1'>",
        "<math><mtext>x</mtext></math>",
        "<iframe srcdoc=x>",
        '<iframe src="https://www.youtube.com/embed/x" onload=alert(1)></iframe>',
        "<meta http-equiv=refresh content=0>",
        "<base href=//e.test>",
        "<form action=/x>",
        "<button formaction=/x>",
        "<p style='width:exp/**/ression(1)'>",
        "<p style='background:url(\\6a avascript:1)'>",
        "<button onclick='otterwiki.toggle_spoiler(this);alert(1)'>",
    ],
)
def test_g7_the_judge_sees(html: str) -> None:
    assert script_capable(html)


def test_contract_our_guards_go_with_the_pin() -> None:
    """Remove the math block's escaping and see to MathJax's settings once the pin is >= 2.26.2."""
    from importlib.metadata import version

    from otterwiki_engine import render_guards

    assert tuple(map(int, version("otterwiki").split(".")[:3])) < (2, 26, 2), (
        "Otterwiki escapes math blocks itself now: remove render_guards.block_code's escaping"
    )
    source = inspect.getsource(render_guards._upstream_block_code)
    assert '"\\\\[{}\\\\]".format(line)' in source
