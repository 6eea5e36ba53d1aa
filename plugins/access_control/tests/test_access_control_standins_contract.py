"""What access control relies on in Otterwiki; fails when that changes."""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path
from typing import Any

import pytest

from otterwiki_access_control import standins, template_rules
from otterwiki_access_control.farm_auth import FarmAuth, FarmUser
from otterwiki_access_control.plugin import AccessControlPlugin
from otterwiki_access_control.standins import UpstreamChanged
from otterwiki_engine.actor import Actor, Permission
from otterwiki_tenant import startup
from otterwiki_tenant.current import wiki_context
from otterwiki_tenant.testing import SmallFarm


def _auth() -> Any:
    return sys.modules["otterwiki.auth"]


def _asked_of_the_manager() -> set[str]:
    """The attributes of ``auth_manager`` that Otterwiki's modules name."""
    asked = set()
    for path in Path(_auth().__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("auth_manager"):
                asked.add(node.attr)
    return asked


def test_every_question_of_otterwiki_has_an_answer(small_farm: SmallFarm) -> None:
    asked = _asked_of_the_manager() - {"user_loader"}  # asked about with hasattr, at import
    assert {"has_permission", "get_author", "request_loader"} <= asked
    missing = {name for name in asked if not hasattr(FarmAuth, name)}
    assert missing == set()
    unneeded = {name for name in vars(FarmAuth) if not name.startswith("_")} - asked
    assert unneeded == set(), "nobody asks these any more"


def test_the_manager_is_looked_up_at_each_call(small_farm: SmallFarm) -> None:
    auth = _auth()
    assert type(auth.auth_manager) is FarmAuth
    assert not hasattr(FarmAuth, "user_loader"), "a session cookie must never name the user"
    assert auth.login_manager._user_callback is None
    assert auth.login_manager._request_callback is auth.request_load_proxy
    source = inspect.getsource(auth.has_permission)
    assert "auth_manager.has_permission(permission, user)" in source


def test_templates_ask_the_same_manager(small_farm: SmallFarm) -> None:
    templates = small_farm.app.jinja_env.globals
    assert templates["has_permission"] is _auth().has_permission
    assert templates["auth_supported_features"] == FarmAuth().supported_features()
    assert set(FarmAuth().supported_features()) == set(_auth().SimpleAuth().supported_features())


def test_users_have_what_otterwikis_pages_ask_of_them() -> None:
    upstream = _auth().ProxyHeaderAuth.User("x", "x@example.org", {"READ"})
    ours = FarmUser(Actor("did:plc:x", "x.test"), "x.test", "x@users.example.org")
    assert set(vars(upstream)) - {"permissions"} <= set(vars(ours))
    assert ours.get_id() == "did:plc:x"
    assert ours.is_authenticated
    assert not ours.is_anonymous


def test_the_guard_comes_before_everything_else(small_farm: SmallFarm) -> None:
    assert small_farm.app.before_request_funcs[None][0] is standins.check_request


def test_another_manager_than_expected_stops_the_start(small_farm: SmallFarm) -> None:
    with pytest.raises(UpstreamChanged, match="FarmAuth"):
        standins.install(small_farm.app)


def test_beside_a_single_wiki_nothing_is_replaced(
    small_farm: SmallFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(startup._state, "is_farm", False)
    AccessControlPlugin().setup(small_farm.app)  # would raise as above


def test_the_template_rules_still_fit(small_farm: SmallFarm) -> None:
    environment = small_farm.app.jinja_env
    for name in {rule.template for rule in template_rules.RULES}:
        assert environment.get_template(name)


def test_permissions_have_otterwikis_names(small_farm: SmallFarm) -> None:
    """What the modules ask for by a literal name is what an Actor can have."""
    asked = set()
    for path in Path(_auth().__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("has_permission"):
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant):
                    asked.add(first.value)
    assert asked == {permission.value for permission in Permission}


def test_i8_without_a_wiki_or_an_actor_the_answer_is_no(small_farm: SmallFarm) -> None:
    has_permission = _auth().has_permission
    assert not any(has_permission(permission.value, None) for permission in Permission)
    with wiki_context(small_farm.farm, "robert"):  # public, but nobody acts here
        assert not any(has_permission(permission.value, None) for permission in Permission)
    reader = Actor(wiki="robert", permissions=frozenset({Permission.READ}))
    with wiki_context(small_farm.farm, "robert", actor=reader):
        assert has_permission("read", None)
        assert not has_permission("WRITE", None)
        for name in ("", "__class__", "OWNER", "READ "):
            assert not has_permission(name, None)
