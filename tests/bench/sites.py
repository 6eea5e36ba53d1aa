"""The three things a worker can serve. Imported and called inside a worker process only.

Each `open_*` function starts one application and returns a `Site`; what is compared with what is
explained in the package's docstring.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pluggy

from .browser import Browser, csrf_token
from .messages import BenchError, WorkerConfig

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_ADMIN = "admin@example.org"


@dataclass(frozen=True)
class Site:
    """A started application.

    `active()` makes the wiki the current one for code outside a request; `storage` is Otterwiki's
    storage object; `sign_in(browser, link)` leaves the browser signed in as who may do everything.
    """

    application: WSGIApplication
    active: Callable[[], AbstractContextManager[Any]]
    storage: Any
    sign_in: Callable[[Browser, str], None]


def open_site(config: WorkerConfig) -> Site:
    """Start the application of `config.side`. Raises BenchError if it is not what it should be."""
    match config.side:
        case "stock":
            return _open_otterwiki(plugins=frozenset())
        case "work_tree":
            return _open_otterwiki(plugins=frozenset({"engine"}))
        case "ours":
            return _open_farm(config)


def loaded_plugins() -> list[str]:
    """The names of the plugins the running Otterwiki has loaded from entry points, sorted."""
    from otterwiki.plugins import plugin_manager

    loaded = {plugin for plugin, _ in plugin_manager.list_plugin_distinfo()}
    return sorted(name for name, plugin in plugin_manager.list_name_plugin() if plugin in loaded)


def _open_otterwiki(*, plugins: frozenset[str]) -> Site:
    """An Otterwiki with these plugins and no others, set up by the worker's environment."""
    _allow_plugins(plugins)
    from otterwiki.server import app, storage

    names = loaded_plugins()
    if set(names) != plugins:
        raise BenchError(f"expected the plugins {sorted(plugins)}, Otterwiki has loaded {names}")
    if not plugins and type(storage).__module__ != "otterwiki.gitstorage":
        raise BenchError(f"the stock side runs on {type(storage)}")
    return Site(app, app.app_context, storage, _sign_in_administrator)


def _allow_plugins(allowed: frozenset[str]) -> None:
    """Block every other plugin of this environment before Otterwiki loads its entry points.

    Otterwiki loads them while `otterwiki.plugins` is being imported, so there is no plugin manager
    to call `set_blocked` on beforehand: the loading method itself does it here.
    """
    load = pluggy.PluginManager.load_setuptools_entrypoints

    def load_allowed(self: pluggy.PluginManager, group: str, name: str | None = None) -> int:
        if group != "otterwiki":
            return load(self, group, name)
        return sum(load(self, group, plugin) for plugin in sorted(allowed))

    pluggy.PluginManager.load_setuptools_entrypoints = load_allowed  # type: ignore[method-assign]


def _sign_in_administrator(browser: Browser, link: str) -> None:
    """Make an administrator with a random password and sign in by Otterwiki's login form."""
    from otterwiki.auth import SimpleAuth
    from otterwiki.server import app, db
    from werkzeug.security import generate_password_hash

    password = secrets.token_urlsafe()
    now = datetime.now(UTC)
    with app.app_context():
        user = SimpleAuth.User(
            name="Administrator",
            email=_ADMIN,
            password_hash=generate_password_hash(password),
            first_seen=now,
            last_seen=now,
            is_admin=True,
            is_approved=True,
            email_confirmed=True,
        )
        db.session.add(user)
        db.session.commit()
    token = csrf_token(browser.get("/-/login").text)
    answer = browser.post("/-/login", {"csrf_token": token, "email": _ADMIN, "password": password})
    if answer.status != 302:
        raise BenchError(f"stock sign-in answered {answer.status}")
    answer = browser.get("/-/admin/user_management")
    if answer.status != 200:
        raise BenchError(f"the administrator's pages answered {answer.status} after the sign-in")


def _open_farm(config: WorkerConfig) -> Site:
    """The farm as a web worker builds it, set up by the process environment."""
    from flask import request_started

    from otterwiki_robot.settings import read_settings
    from otterwiki_robot.wsgi import create_application
    from otterwiki_tenant.current import ActiveWiki, active, wiki_context

    application = create_application(read_settings())
    from otterwiki.server import app, storage

    slug = config.host.partition(".")[0]
    seen: list[ActiveWiki] = []

    def note(sender: object, **_: object) -> None:
        seen.append(active())
        request_started.disconnect(note, app)

    def enter() -> AbstractContextManager[Any]:
        # The farm object that serves the requests, so that both share what it has opened.
        return wiki_context(seen[0].farm, slug)

    request_started.connect(note, app, weak=False)
    return Site(application, enter, storage, _follow_login_link)


def _follow_login_link(browser: Browser, link: str) -> None:
    """Sign in by a one-time link (an absolute URL on the farm's root host)."""
    host, _, path = link.partition("://")[2].partition("/")
    answer = browser.get("/" + path, host=host)
    if answer.status not in (200, 302, 303) or not browser.cookies:
        raise BenchError(f"the login link answered {answer.status} and set {list(browser.cookies)}")
    answer = browser.get("/-/create")
    if answer.status != 200:
        raise BenchError(f"the owner's page answered {answer.status} after the sign-in")
