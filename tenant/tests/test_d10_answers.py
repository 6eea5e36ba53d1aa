"""What every answer of a wiki's host says to caches and browsers, and where a request is from."""

from __future__ import annotations

import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Response

from otterwiki_tenant.answers import complete
from otterwiki_tenant.client_address import LOOPBACK, client_address
from otterwiki_tenant.cookies import named, parse, path_prefixes, without
from otterwiki_tenant.testing import DOMAIN, SmallFarm
from otterwiki_tenant.wsgi import ADDRESS_KEY, FarmMiddleware

_PROXY = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def _completed(*headers: tuple[str, str], cookies: tuple[str, ...] = ()) -> dict[str, str]:
    return dict(complete(list(headers), set_cookies=cookies, is_https=True))


# ------------------------------------------------------------------ D10, D12


def test_d10_no_answer_of_a_wiki_may_be_kept_by_a_shared_cache(shared_farm: SmallFarm) -> None:
    paths = (
        "/", "/Home", "/Nowhere", "/Home/history", "/Home/source", "/-/changelog",
        "/-/changelog/feed.rss", "/sitemap.xml", "/robots.txt", "/-/search", "/favicon.ico",
        "/static/img/otterhead.png", "/static/css/otterwiki.css", "/manifest.webmanifest",
    )  # fmt: skip
    people = (None, shared_farm.alice, shared_farm.robert)
    for person, slug in [(who, wiki) for who in people for wiki in ("alice", "robert")]:
        visitor = shared_farm.visitor(person)
        visitor.get(slug, "/Home")
        for path in paths:
            headers = visitor.get(slug, path).headers
            control = headers["Cache-Control"]
            assert control.startswith("private"), (slug, path)
            assert "public" not in control and "s-maxage" not in control
            assert "cookie" in headers["Vary"].lower()
            assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert "Strict-Transport-Security" not in headers  # this farm is http
            if not path.startswith("/static/") and path != "/favicon.ico":
                assert control == "private, no-store", path
            elif "no-store" not in control:
                assert "Set-Cookie" not in headers


@pytest.mark.parametrize(
    ("kind", "control", "expected"),
    [
        ("text/html; charset=utf-8", "public, max-age=60", "private, no-store"),
        ("application/json", "", "private, no-store"),
        ("application/rss+xml", "max-age=300", "private, no-store"),
        ("text/plain", "immutable", "private, no-store"),
        ("image/svg+xml", "public, s-maxage=9, max-age=7", "private, max-age=7"),
        ("IMAGE/PNG", "max-age=604800, immutable", "private, max-age=604800, immutable"),
        ("application/pdf", "private", "private, no-cache"),
        ("text/css", "no-store", "private, no-store"),
        ("", "public", "private, no-store"),
    ],
)
def test_d10_what_may_be_kept(kind: str, control: str, expected: str) -> None:
    found = _completed(("Content-Type", kind), ("Cache-Control", control))
    assert found["Cache-Control"] == expected
    with_cookie = _completed(
        ("Content-Type", kind), ("Cache-Control", control), ("Set-Cookie", "a=b")
    )
    assert with_cookie["Cache-Control"] == "private, no-store"
    assert _completed(("Content-Type", kind), cookies=("a=b",))["Cache-Control"] == (
        "private, no-store"
    )


@pytest.mark.parametrize(
    ("vary", "expected"),
    [
        ("", "Cookie"),
        ("Accept", "Accept, Cookie"),
        ("cookie, Accept", "cookie, Accept"),
        ("*", "*"),
    ],
)
def test_d10_vary(vary: str, expected: str) -> None:
    assert _completed(("Vary", vary))["Vary"] == expected


def test_d12_https_is_insisted_on() -> None:
    found = _completed(("Content-Type", "text/html"))
    assert found["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert found["Cross-Origin-Opener-Policy"] == "same-origin"


def test_d2_a_wikis_own_cookies_are_bound_to_its_host(tmp_path: Path) -> None:
    """In a process of its own: Otterwiki takes the cookie's name once, when it is loaded."""
    program = f"""
from pathlib import Path
from werkzeug.test import Client
from otterwiki_tenant.testing import SmallFarm, DOMAIN
farm = SmallFarm(Path({str(tmp_path / "home")!r}), scheme="https")
answer = Client(farm.front_door).get("/-/search", base_url=f"https://robert.{{DOMAIN}}")
print("\\n".join(["COOKIES"] + answer.headers.getlist("Set-Cookie")))
print(answer.headers["Strict-Transport-Security"])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    said = done.stdout.partition("COOKIES\n")[2].splitlines()
    assert len(said) == 2
    assert said[0].startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(said[0].split("; "))
    assert "Domain" not in said[0]
    assert said[1].startswith("max-age=")


# ------------------------------------------------------------------ addresses


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),
        ("10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "198.51.100.1,", "10.1.2.3"),
        ("10.1.2.3", "junk", "10.1.2.3"),
        ("10.1.2.3", "198.51.100.1:443", "10.1.2.3"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("10.1.2.3", None, "10.1.2.3"),
        ("fd00::1", " 2001:db8::7 ", "2001:db8::7"),
        ("::ffff:10.1.2.3", "::ffff:198.51.100.1", "198.51.100.1"),
        ("", "198.51.100.1", None),
        (None, "198.51.100.1", None),
        ("junk", "198.51.100.1", None),
    ],
)
def test_i2_only_a_trusted_proxy_speaks_for_others(
    peer: str | None, forwarded: str | None, expected: str | None
) -> None:
    assert client_address(peer, forwarded, _PROXY) == expected


def test_i2_nobody_is_trusted_unless_named() -> None:
    assert client_address("10.1.2.3", "198.51.100.1", ()) == "10.1.2.3"
    assert client_address("127.0.0.1", "198.51.100.1", LOOPBACK) == "198.51.100.1"
    assert client_address("127.0.0.2", "198.51.100.1", LOOPBACK) == "127.0.0.2"


def test_i2_the_address_is_found_in_one_place_only(shared_farm: SmallFarm) -> None:
    seen: list[dict[str, object]] = []

    def app(environ: dict[str, object], start_response: object) -> object:
        seen.append(environ)
        return Response("x")(environ, start_response)  # type: ignore[arg-type]

    door = FarmMiddleware(
        shared_farm.farm, wiki_app=app, root_app=app, health_app=app, trusted_proxies=_PROXY
    )
    for host in (DOMAIN, f"robert.{DOMAIN}"):
        environ = EnvironBuilder("/", base_url=f"http://{host}").get_environ()
        environ |= {
            "REMOTE_ADDR": "10.0.0.1",
            "HTTP_X_FORWARDED_FOR": "6.6.6.6, 198.51.100.1",
            "HTTP_X_REAL_IP": "6.6.6.6",
        }
        run_wsgi_app(door, environ)
        assert seen[-1][ADDRESS_KEY] == seen[-1]["REMOTE_ADDR"] == "198.51.100.1"
        assert "6.6.6.6" not in str(seen[-1])


# ------------------------------------------------------------------ cookie headers


def test_d4_cookies_are_read_as_browsers_send_them() -> None:
    header = ' a=1;b = "2" ; =c=3; d; a=4;;e='
    assert parse(header) == [("a", "1"), ("b", '"2"'), ("a", "4"), ("e", "")]
    assert named("a", header) == ["1", "4"]
    assert named("b", header) == ["2"]
    assert named("c", header) == []
    assert without(frozenset({"a"}), header) == 'b="2"; e='
    assert parse(None) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ["/"]),
        ("/a", ["/a", "/"]),
        ("/a/b", ["/a/b", "/a/", "/a", "/"]),
        ("/a/", ["/a/", "/a", "/"]),
        ("/a;b\r\nSet-Cookie: x", ["/a%3Bb%0D%0ASet-Cookie:%20x", "/"]),
        ("", ["/"]),
    ],
)
def test_d3_every_path_a_cookie_could_have(path: str, expected: list[str]) -> None:
    assert path_prefixes(path) == expected


def test_d3_clearing_is_bounded() -> None:
    assert len(path_prefixes("/a" * 500)) <= 17
    assert max(map(len, path_prefixes("/" + "é" * 5000))) <= 201
