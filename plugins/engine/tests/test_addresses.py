"""Addresses are those Otterwiki builds, wherever and however they are asked for."""

from __future__ import annotations

from typing import Any

import pytest
from served_wikis import otterwiki_app  # noqa: F401  fixture
from werkzeug.routing import BuildError

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("index", {}),
    ("view", {"path": "a/b c"}),
    ("view", {"path": "ä&?#x"}),
    ("view", {"path": "a", "revision": "abc123"}),
    ("view", {"path": "a", "revision": None}),
    ("view", {"path": "a", "_anchor": "part"}),
    ("view", {"path": "a", "_anchor": None}),
    ("view", {"path": "a", "page": 1}),
    ("view", {"path": "a", "page": True}),
    ("view", {"path": "a", "page": "1"}),
    ("view", {"path": "a", "_external": True}),
    ("view", {"path": "a", "_external": False}),
    ("view", {"path": "a", "_external": True, "_scheme": "https"}),
    ("view", {"path": "a", "many": ["x", "y"]}),
    ("edit", {"path": "a", "revision": "abc123"}),
    ("edit", {"path": "a", "_anchor": "x", "_external": True}),
    ("static", {"filename": "css/otterwiki.css"}),
    ("search", {"query": "a/b"}),
    ("show_commit", {"revision": "abc123"}),
]
PLACES = [
    {"base_url": "http://localhost/"},
    {"base_url": "http://other.example:8080/"},
    {"base_url": "https://localhost/"},
    {"base_url": "http://localhost/below/"},
    {"base_url": "http://localhost/", "method": "POST"},
]


def test_they_are_otterwikis(otterwiki_app: Any) -> None:  # noqa: F811
    from otterwiki.helper import url_for

    from otterwiki_engine import addresses

    for _ in range(2):
        for place in PLACES:
            with otterwiki_app.test_request_context("/", **place):
                for endpoint, values in CALLS:
                    expected = addresses._upstream(endpoint, **values)
                    assert url_for(endpoint, **values) == expected, (place, endpoint, values)


def test_what_can_not_be_built_is_told_each_time(otterwiki_app: Any) -> None:  # noqa: F811
    from otterwiki.helper import url_for

    with otterwiki_app.test_request_context():
        for _ in range(2):
            with pytest.raises(BuildError):
                url_for("nowhere")
            with pytest.raises(BuildError):
                url_for("view")
    with pytest.raises(RuntimeError):
        url_for("index")


def test_templates_and_modules_hold_it(otterwiki_app: Any) -> None:  # noqa: F811
    import otterwiki.helper
    import otterwiki.pageindex
    import otterwiki.views
    import otterwiki.wiki

    from otterwiki_engine import addresses

    for module in (otterwiki.helper, otterwiki.pageindex, otterwiki.views, otterwiki.wiki):
        assert module.url_for is addresses.url_for
    assert otterwiki_app.jinja_env.globals["url_for"] is addresses.url_for
