"""D3, D8: a browser that another wiki's page has filled with cookies is told to forget them."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client

from otterwiki_tenant import request_cookies
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.testing import SmallFarm, base_url, identity_cookie

IDENTITY = "robot_identity"


@pytest.mark.parametrize(
    ("header", "is_flood"),
    [
        (None, False),
        ("", False),
        ("a=b; " * 20, False),
        ("a=b; " * request_cookies.MAX_COOKIES, True),
        (f"a={'x' * request_cookies.MAX_CHARACTERS}", True),
    ],
)
def test_d8_more_than_ever_were_ours(
    small_farm: SmallFarm, header: str | None, is_flood: bool
) -> None:
    environ: dict[str, Any] = {} if header is None else {"HTTP_COOKIE": header}
    request_cookies.drop_a_flood(environ)
    assert request_cookies.wipes(small_farm.farm, environ) == is_flood
    if is_flood:
        assert environ["HTTP_COOKIE"] == ""


@pytest.mark.parametrize(("scheme", "wipes"), [("https", True), ("http", False)])
def test_d3_two_of_a_name_wipe_the_jar_over_https(tmp_path: Any, scheme: str, wipes: bool) -> None:
    farm = Farm(tmp_path / "home", "wikis.example", scheme=scheme)
    assert request_cookies.wipes(farm, {"HTTP_COOKIE": f"{IDENTITY}=a; {IDENTITY}=b"}) == wipes
    assert not request_cookies.wipes(farm, {"HTTP_COOKIE": f"{IDENTITY}=a; session=b"})


@pytest.mark.parametrize("slug", ["alice", "robert", "nadia"])
def test_d8_every_host_answers_and_clears(small_farm: SmallFarm, slug: str) -> None:
    """As to somebody signed out, whatever else the header holds; and only then."""
    client = Client(small_farm.front_door, use_cookies=False)
    cookie = f"{IDENTITY}={identity_cookie(small_farm.farm, small_farm.alice.did)}"
    bomb = "; ".join(f"bomb{number}={'x' * 4000}" for number in range(60))
    for header in (f"{cookie}; {bomb}", f"{bomb}; {cookie}"):
        answer = client.get("/", base_url=base_url(slug), headers={"Cookie": header})
        assert answer.status_code == (200 if slug == "robert" else 302)
        assert answer.headers.getlist("Clear-Site-Data") == ['"cookies"']
        assert "alice.test" not in answer.get_data(as_text=True)
    plain = client.get("/", base_url=base_url(slug), headers={"Cookie": cookie})
    assert "Clear-Site-Data" not in plain.headers
