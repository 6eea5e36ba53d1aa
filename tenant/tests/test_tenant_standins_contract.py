"""What the tenant stand-ins rely on in Otterwiki and its extensions; fails when that changes."""

from __future__ import annotations

import inspect
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from flask import Config, Flask
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession

from otterwiki_engine.current import current_wiki
from otterwiki_engine.errors import NoWikiActive
from otterwiki_tenant import preferences, skeleton, startup
from otterwiki_tenant.current import active, active_or_none, wiki_context
from otterwiki_tenant.errors import NoSuchWiki, StartupRefused
from otterwiki_tenant.plugin import TenantPlugin
from otterwiki_tenant.preferences import FLAGS, IMAGES, OF_A_WIKI, TEXTS
from otterwiki_tenant.standins import WikiConfig, WikiSession
from otterwiki_tenant.testing import SmallFarm

#: Settings of Otterwiki that stay the farm's, with the reason.
_OF_THE_FARM = {
    "ADMIN_USER_EMAIL": "accounts",
    "ATTACHMENT_ACCESS": "access",
    "AUTH_HEADERS_EMAIL": "access",
    "AUTH_HEADERS_PERMISSIONS": "access",
    "AUTH_HEADERS_USERNAME": "access",
    "AUTH_METHOD": "access",
    "AUTH_ROLES_ADMIN": "access",
    "AUTH_ROLES_READ": "access",
    "AUTH_ROLES_UPLOAD": "access",
    "AUTH_ROLES_WRITE": "access",
    "AUTO_APPROVAL": "accounts",
    "DEBUG": "the server",
    "DISABLE_REGISTRATION": "accounts",
    "EMAIL_NEEDS_CONFIRMATION": "accounts",
    "GIT_ALLOW_EXTERNAL_SYMLINKS": "the server's files",
    "GIT_REMOTE_PULL_ENABLED": "the server's repository",
    "GIT_REMOTE_PULL_PRIVATE_KEY": "a secret",
    "GIT_REMOTE_PULL_PRIVATE_KEY_FILE": "the server's files",
    "GIT_REMOTE_PULL_URL": "the server's repository",
    "GIT_REMOTE_PULL_URL_SECURE": "the server's repository",
    "GIT_REMOTE_PUSH_ENABLED": "the server's repository",
    "GIT_REMOTE_PUSH_PRIVATE_KEY": "a secret",
    "GIT_REMOTE_PUSH_PRIVATE_KEY_FILE": "the server's files",
    "GIT_REMOTE_PUSH_URL": "the server's repository",
    "GIT_WEB_SERVER": "the server's repository",
    "HTML_EXTRA_BODY": "scripts in everybody's browser",
    "HTML_EXTRA_HEAD": "scripts in everybody's browser",
    "LOG_LEVEL": "the server",
    "LOG_LEVEL_WERKZEUG": "the server",
    "MAIL_DEFAULT_SENDER": "mail",
    "MAIL_PASSWORD": "mail",
    "MAIL_PORT": "mail",
    "MAIL_SERVER": "mail",
    "MAIL_USERNAME": "mail",
    "MAIL_USE_SSL": "mail",
    "MAIL_USE_TLS": "mail",
    "MAX_FORM_MEMORY_SIZE": "a limit",
    "MINIFY_HTML": "the server",
    "NOTIFY_ADMINS_ON_REGISTER": "accounts",
    "NOTIFY_USER_ON_APPROVAL": "accounts",
    "PASSWORD_MIN_LENGTH": "accounts",
    "READ_ACCESS": "access",
    "RENDERER_HTML_ALLOWLIST": "scripts in everybody's browser",
    "REPOSITORY": "the server's repository",
    "SECRET_KEY": "a secret; each wiki has its own, which is not a preference",
    "SECURITY_HEADERS": "the server",
    "SERVER_NAME": "the host decides which wiki it is",
    "SESSION_COOKIE_SAMESITE": "the server",
    "SQLALCHEMY_DATABASE_URI": "the server",
    "SQLALCHEMY_TRACK_MODIFICATIONS": "the server",
    "TESTING": "the server",
    "WRITE_ACCESS": "access",
    "WTF_CSRF_ENABLED": "the server",
    "WTF_CSRF_TIME_LIMIT": "the server",
}


def _upstream() -> Any:
    return sys.modules["otterwiki.server"]


def _declared_upstream() -> set[str]:
    """The names in Otterwiki's own ``app.config.update(...)``."""
    import ast

    source = ast.parse(Path(_upstream().__file__).read_text("utf-8"))
    for node in ast.walk(source):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "app.config.update":
            return {keyword.arg for keyword in node.keywords if keyword.arg}
    raise AssertionError("otterwiki.server declares its settings in another way now")


def test_every_setting_of_otterwiki_is_a_wikis_or_the_farms(shared_farm: SmallFarm) -> None:
    declared = _declared_upstream()
    assert declared - OF_A_WIKI - set(_OF_THE_FARM) == set(), "decide whose these are"
    assert OF_A_WIKI - declared == set(), "these are gone upstream"
    assert set(_OF_THE_FARM) - declared == set(), "these are gone upstream"
    assert OF_A_WIKI & set(_OF_THE_FARM) == set()


@pytest.mark.parametrize("value", ["True", "true", "yes", "False", "no", "", "1", "on", "text"])
def test_rows_are_converted_as_otterwiki_does(small_farm: SmallFarm, value: str) -> None:
    """Otterwiki's own update_app_config, run in a wiki, writes what we read from its rows."""
    server = _upstream()
    with small_farm.app.app_context(), wiki_context(small_farm.farm, "alice"):
        for name in OF_A_WIKI:
            server.db.session.add(server.Preferences(name=name, value=value))
        server.db.session.commit()
    with wiki_context(small_farm.farm, "alice") as entered:
        server.update_app_config()
        written = dict(entered.written)
        read = dict(entered.opened.database.settings())
    for name in IMAGES:  # the one thing we read otherwise: only what may be a picture's address
        assert read.pop(name) == ""
        del written[name]
    assert read == written
    assert set(read) == (FLAGS | TEXTS) - IMAGES
    with wiki_context(small_farm.farm, "robert") as entered:
        assert dict(entered.opened.database.settings()) == {}
        assert entered.written == {}


def test_rows_of_the_farms_settings_have_no_say(small_farm: SmallFarm) -> None:
    server, config = _upstream(), small_farm.app.config
    names = ["SECRET_KEY", "SERVER_NAME", "READ_ACCESS", "HTML_EXTRA_HEAD", "MAIL_SERVER"]
    before = {name: config[name] for name in names}
    with small_farm.app.app_context(), wiki_context(small_farm.farm, "alice") as entered:
        own_key = config["SECRET_KEY"]
        for name in names:
            server.db.session.add(server.Preferences(name=name, value="evil.example"))
        server.db.session.commit()
        server.update_app_config()
        assert entered.written == {}
        assert config["SECRET_KEY"] == own_key
        assert {name: config[name] for name in names[1:]} == {n: before[n] for n in names[1:]}
    assert {name: config[name] for name in names} == before


def test_the_objects_are_what_the_stand_ins_replace(shared_farm: SmallFarm) -> None:
    server = _upstream()
    assert type(server.app) is Flask
    assert type(server.db) is SQLAlchemy
    assert type(server.app.config) is WikiConfig
    assert server.app_renderer.env["config"] is server.app.config
    assert server.app.jinja_env.globals["config"] is server.app.config
    assert isinstance(server.db.session.session_factory(), WikiSession)
    assert list(inspect.signature(FlaskSession.get_bind).parameters)[:4] == [
        "self",
        "mapper",
        "clause",
        "bind",
    ]


def test_every_way_of_reading_the_configuration_is_covered() -> None:
    """Whatever dict and Config offer is either replaced or a way of writing at start-up."""
    inherited_on_purpose = {
        "clear": "nobody empties the configuration",
        "from_envvar": "start-up",
        "from_file": "start-up",
        "from_mapping": "writes by item",
        "from_object": "writes by item",
        "from_prefixed_env": "writes by item",
        "from_pyfile": "start-up",
        "fromkeys": "makes another dictionary",
        "get_namespace": "reads by items()",
        "popitem": "nobody takes an arbitrary setting",
    }
    offered = {name for name in dir(Config) if not name.startswith("_")}
    replaced = {name for name in vars(WikiConfig) if not name.startswith("_")}
    assert offered - replaced == set(inherited_on_purpose)


def test_the_configuration_means_the_active_wiki(shared_farm: SmallFarm) -> None:
    config = shared_farm.app.config
    with wiki_context(shared_farm.farm, "alice"):
        assert config["SITE_NAME"] == config.get("SITE_NAME") == "alice"
        config["SITE_NAME"] = "Written"
        config["PLUGIN_STATE"] = {"wiki": "alice"}
        assert config["SITE_NAME"] == dict(config)["SITE_NAME"] == "Written"
        assert "PLUGIN_STATE" in config
        assert "PLUGIN_STATE" in list(config)
        assert ("SITE_NAME", "Written") in config.items()
        assert config.get_namespace("PLUGIN_") == {"state": {"wiki": "alice"}}
        assert config.setdefault("PLUGIN_STATE", None) == {"wiki": "alice"}
        assert {**config}["SITE_NAME"] == config.copy()["SITE_NAME"] == "Written"
        assert len(config) == len(config.keys()) == len(config.values())
        assert config.pop("PLUGIN_STATE") == {"wiki": "alice"}
        assert config.pop("PLUGIN_STATE", 17) == 17
        with wiki_context(shared_farm.farm, "robert"):
            assert config["SITE_NAME"] == "robert"
            assert "PLUGIN_STATE" not in config
        assert config["SITE_NAME"] == "Written"
    assert config["SITE_NAME"] == "An Otter Wiki"
    assert "PLUGIN_STATE" not in config
    with wiki_context(shared_farm.farm, "alice"):
        assert config["SITE_NAME"] == "alice", "what was written belonged to that one request"


def test_each_wiki_has_its_own_secret_key(small_farm: SmallFarm) -> None:
    app, found = small_farm.app, {small_farm.app.secret_key}
    for slug in ("alice", "robert"):
        with wiki_context(small_farm.farm, slug):
            assert app.secret_key == app.config["SECRET_KEY"]
            found.add(app.secret_key)
    small_farm.farm.delete_wiki("alice")
    small_farm.make_wiki(small_farm.alice, is_public=False)
    with wiki_context(small_farm.farm, "alice"):
        found.add(app.secret_key)
    assert len(found) == 4
    assert all(isinstance(key, str) and len(key) == 64 for key in found)


def test_no_wiki_active_is_an_error_never_a_default(shared_farm: SmallFarm) -> None:
    server = _upstream()
    assert active_or_none() is None
    with pytest.raises(NoWikiActive):
        active()
    with pytest.raises(NoWikiActive):
        current_wiki()
    with shared_farm.app.app_context(), pytest.raises(NoWikiActive):
        server.Preferences.query.all()
    with shared_farm.app.app_context(), pytest.raises(NoWikiActive):
        server.storage.list()
    with pytest.raises(NoSuchWiki), wiki_context(shared_farm.farm, "nobody"):
        pass


def test_a_thread_started_by_a_request_has_no_wiki(shared_farm: SmallFarm) -> None:
    found: list[object] = []
    with wiki_context(shared_farm.farm, "alice"):
        thread = threading.Thread(target=lambda: found.append(active_or_none()))
        thread.start()
        thread.join(30)
    assert found == [None]


def test_an_error_leaves_no_wiki_active(shared_farm: SmallFarm) -> None:
    with pytest.raises(ZeroDivisionError), wiki_context(shared_farm.farm, "alice"):
        raise ZeroDivisionError
    assert active_or_none() is None


def test_the_farms_settings_win_over_the_environment(
    shared_farm: SmallFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    decided = frozenset(skeleton.settings(shared_farm.farm, Path("x")))
    assert {"DEBUG", "SECRET_KEY", "AUTH_METHOD", "REPOSITORY"} <= decided
    monkeypatch.setenv("DEBUG", "1")
    monkeypatch.setenv("SITE_LANG", "fr")
    with startup._environment(Path("settings.py"), decided):
        assert "DEBUG" not in os.environ
        assert os.environ["OTTERWIKI_SETTINGS"] == "settings.py"
        assert os.environ["SITE_LANG"] == "fr"
    assert os.environ["DEBUG"] == "1"
    assert "OTTERWIKI_SETTINGS" not in os.environ
    for name, value in skeleton.settings(shared_farm.farm, Path("x")).items():
        # These are of the farm that was loaded first in this process.
        if name not in ("REPOSITORY", "SECRET_KEY", "GIT_HTTP_RUN_FOLDER"):
            assert shared_farm.app.config[name] == value, name


def test_the_settings_file_is_private(shared_farm: SmallFarm) -> None:
    path = skeleton.prepare(shared_farm.farm)
    assert path.stat().st_mode & 0o777 == 0o600
    values: dict[str, object] = {}
    exec(compile(path.read_text(), str(path), "exec"), values)
    assert values["REPOSITORY"] == str(shared_farm.farm.layout.run / "skeleton")
    assert skeleton.prepare(shared_farm.farm) == path


def test_otterwiki_loaded_as_a_single_wiki_is_refused(
    shared_farm: SmallFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(startup._state, "is_farm", False)
    with pytest.raises(StartupRefused, match="single wiki"):
        startup.load(shared_farm.farm)


def test_beside_a_single_wiki_nothing_is_replaced(
    shared_farm: SmallFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = _upstream()
    with pytest.raises(StartupRefused, match="WikiConfig"):
        TenantPlugin().setup(server.app, server.db)
    monkeypatch.setitem(startup._state, "is_farm", False)
    TenantPlugin().setup(server.app, server.db)


def test_names_of_a_wiki_are_text_or_flag() -> None:
    assert preferences.OF_A_WIKI == TEXTS | FLAGS
    assert set() == TEXTS & FLAGS
    assert preferences.settings_of([("HIDE_LOGO", None), ("SITE_LOGO", None)]) == {
        "HIDE_LOGO": False,
        "SITE_LOGO": "",
    }
