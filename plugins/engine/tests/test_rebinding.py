"""Replacing an object in every Otterwiki module that holds it by name."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from otterwiki_engine.rebinding import NothingToRebind, otterwiki_modules, rebind


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """Two modules of Otterwiki and one that only has a similar name."""
    made = {}
    for name in ("otterwiki.made_up", "otterwiki.deep.made_up", "otterwiki_other"):
        made[name] = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, made[name])
    return made


def test_every_holder_is_rebound_whatever_the_name(modules: dict[str, ModuleType]) -> None:
    original, replacement, equal = [1], [2], [1]
    first, second, foreign = modules.values()
    first.thing = original  # type: ignore[attr-defined]
    second.renamed = original  # type: ignore[attr-defined]
    second.equal = equal  # type: ignore[attr-defined]
    foreign.thing = original  # type: ignore[attr-defined]
    assert rebind(original, replacement) == (
        "otterwiki.deep.made_up.renamed",
        "otterwiki.made_up.thing",
    )
    assert first.thing is replacement  # type: ignore[attr-defined]
    assert second.renamed is replacement  # type: ignore[attr-defined]
    assert second.equal is equal  # type: ignore[attr-defined]
    assert foreign.thing is original  # type: ignore[attr-defined]


def test_an_object_nobody_holds_is_an_error() -> None:
    with pytest.raises(NothingToRebind):
        rebind(object(), 1)


def test_only_modules_of_otterwiki_are_looked_at(modules: dict[str, ModuleType]) -> None:
    names = {module.__name__ for module in otterwiki_modules()}
    assert "otterwiki.made_up" in names
    assert "otterwiki_other" not in names
    assert not any(name.startswith("otterwiki_engine") for name in names)
