"""The way from a wiki's own menu to the account pages: for whom, and where it leads."""

from __future__ import annotations

import pytest

from otterwiki_tenant.testing import SmallFarm

ROOT = "http://robot.localhost:8000"
MY_WIKIS = f'href="{ROOT}/app/"'


def owners(slug: str) -> tuple[str, ...]:
    return (
        f'href="{ROOT}/app/settings?wiki={slug}"',
        f'href="{ROOT}/app/collaborators?wiki={slug}"',
        f'href="{ROOT}/app/connect?wiki={slug}"',
    )


@pytest.mark.parametrize("path", ["/Home", "/-/settings", "/-/changelog", "/-/admin"])
def test_an_owner_gets_to_the_account_pages_of_this_wiki(small_farm: SmallFarm, path: str) -> None:
    page = small_farm.visitor(small_farm.alice).get("alice", path).text
    assert MY_WIKIS in page
    for link in owners("alice"):
        assert link in page
    assert "wiki=robert" not in page


def test_somebody_elses_wiki_leads_to_ones_own_wikis_only(small_farm: SmallFarm) -> None:
    page = small_farm.visitor(small_farm.carol).get("robert", "/Home").text
    assert MY_WIKIS in page
    for link in owners("robert"):
        assert link not in page


def test_a_reader_without_an_account_sees_none_of_it(small_farm: SmallFarm) -> None:
    assert "/app/" not in small_farm.visitor().get("robert", "/Home").text


def test_the_port_is_the_one_that_was_asked_for(small_farm: SmallFarm) -> None:
    visitor = small_farm.visitor(small_farm.alice)
    page = visitor.client.get("/Home", base_url="http://alice.robot.localhost:8123").text
    assert 'href="http://robot.localhost:8123/app/"' in page
