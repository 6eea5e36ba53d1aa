"""Requests that were let in, and whose body comes when their sender may not write any more.

The body does at its first read what happened meanwhile (checklist A17, H6).
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

import pytest

from otterwiki_tenant import people, token_store, wiki_tokens
from otterwiki_tenant.access import Role
from otterwiki_tenant.audit import OPERATOR, By
from otterwiki_tenant.current import wiki_context
from otterwiki_tenant.testing import SmallFarm, base_url


class _SlowBody(BytesIO):
    """A body during whose first read something happens."""

    def __init__(self, content: bytes, meanwhile: Callable[[], object]) -> None:
        super().__init__(content)
        self._meanwhile: Callable[[], object] | None = meanwhile

    def _happen(self) -> None:
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            meanwhile()

    def read(self, size: int | None = -1) -> bytes:
        self._happen()
        return super().read(size)

    def readinto(self, buffer: object) -> int:
        self._happen()
        return super().readinto(buffer)  # type: ignore[arg-type]


@pytest.fixture
def farm(tmp_path: Path) -> SmallFarm:
    return SmallFarm(tmp_path / "home")


def _pages(farm: SmallFarm, slug: str) -> str:
    with wiki_context(farm.farm, slug) as entered:
        return " ".join(entered.wiki.repository.snapshot().files())


def _save(
    farm: SmallFarm, who: str, meanwhile: Callable[[], object], *, path: str = "/Late/save"
) -> int:
    person = {"edith": farm.edith, "alice": farm.alice}.get(who)
    visitor = farm.visitor(person)
    form = {"content": "# Late\n", "commit": "late"}
    options: dict[str, object] = {}
    if person is None:
        options["headers"] = {"Authorization": f"Bearer {farm.tokens['alice']}"}
    else:
        page = visitor.get("alice", "/-/create").get_data(as_text=True)
        form["csrf_token"] = page.split('name="csrf_token" value="')[1].split('"')[0]
    body = urlencode(form).encode()
    answer = visitor.client.post(
        path,
        base_url=base_url("alice"),
        input_stream=_SlowBody(body, meanwhile),
        content_length=len(body),
        content_type="application/x-www-form-urlencoded",
        **options,
    )
    return answer.status_code


def test_the_body_alone_changes_nothing_about_a_save(farm: SmallFarm) -> None:
    assert _save(farm, "edith", lambda: None) == 302
    assert "Late.md" in _pages(farm, "alice")
    assert _save(farm, "token", lambda: None, path="/Later/save") == 302
    assert "Later.md" in _pages(farm, "alice")


@pytest.mark.parametrize("change", ["revoked", "viewer", "signed out", "suspended", "closed"])
def test_a17_who_loses_the_right_meanwhile_saves_nothing(farm: SmallFarm, change: str) -> None:
    owner, edith = By(farm.alice.did), farm.edith.did
    changes: dict[str, Callable[[], object]] = {
        "revoked": lambda: people.revoke(farm.farm, "alice", edith, owner),
        "viewer": lambda: people.grant(farm.farm, "alice", edith, Role.VIEWER, owner),
        "signed out": lambda: farm.farm.sign_out_everywhere(By(edith)),
        "suspended": lambda: people.suspend_user(farm.farm, edith),
        "closed": lambda: people.suspend_wiki(farm.farm, "alice"),
    }
    assert _save(farm, "edith", changes[change]) == 403
    assert "Late.md" not in _pages(farm, "alice")
    assert "Late.md" not in _pages(farm, "robert")


def test_h6_a_wiki_made_again_meanwhile_gets_nothing_of_it(farm: SmallFarm) -> None:
    def make_again() -> None:
        farm.farm.delete_wiki("alice", by=OPERATOR)
        farm.make_wiki(farm.alice, is_public=False)

    for who in ("edith", "alice", "token"):
        assert _save(farm, who, make_again) == 403, who
        assert _pages(farm, "alice") == "Home.md"
        people.grant(farm.farm, "alice", farm.edith.did, Role.EDITOR, By(farm.alice.did))


@pytest.mark.parametrize("change", ["revoked", "replaced", "maker suspended"])
def test_c7_a_token_that_ends_meanwhile_saves_nothing(farm: SmallFarm, change: str) -> None:
    owner = By(farm.alice.did)
    with farm.farm.database.reading() as session:
        (first,) = token_store.of_wiki(session, "alice")
    changes: dict[str, Callable[[], object]] = {
        "revoked": lambda: wiki_tokens.revoke(farm.farm, "alice", first.token.id, owner),
        "replaced": lambda: wiki_tokens.replace_token(farm.farm, "alice", first.token.id, owner),
        "maker suspended": lambda: people.suspend_user(farm.farm, farm.alice.did),
    }
    assert _save(farm, "token", changes[change]) == 403
    assert "Late.md" not in _pages(farm, "alice")


def test_a_draft_and_a_setting_are_refused_too(farm: SmallFarm) -> None:
    owner = By(farm.alice.did)
    revoke = lambda: people.revoke(farm.farm, "alice", farm.edith.did, owner)  # noqa: E731
    assert _save(farm, "edith", revoke, path="/Late/draft") == 403
    everywhere = lambda: farm.farm.sign_out_everywhere(owner)  # noqa: E731
    assert _save(farm, "alice", everywhere, path="/-/admin/content_and_editing") == 403
