"""Walks with something wrong about how a form was sent: nothing may come of any of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from otterwiki_tenant.testing import DOMAIN, PORT, base_url

from .matrix import OTHER, WIKI, MatrixFarm, World
from .matrix_programs import CHANGES_NOTHING
from .matrix_requests import Request

#: Origin and Sec-Fetch-Site of requests that no page of the wiki has sent.
ELSEWHERE: Mapping[str, Mapping[str, str]] = {
    "a sibling wiki": {"Origin": base_url(OTHER), "Sec-Fetch-Site": "same-site"},
    "a sibling wiki, old browser": {"Origin": base_url(OTHER)},
    "the root host": {"Origin": base_url(None), "Sec-Fetch-Site": "same-site"},
    "another site": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "a sandboxed page": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    "a sandboxed page, old browser": {"Origin": "null"},
    "another port": {"Origin": f"http://{WIKI}.{DOMAIN}:{int(PORT) + 1}"},
    "another scheme": {"Origin": base_url(WIKI).replace("http", "https")},
    "headers that disagree": {"Origin": base_url(OTHER), "Sec-Fetch-Site": "same-origin"},
    "nowhere": {},
}


def cross_site_posts(matrix: MatrixFarm, *, names: str = "") -> list[str]:
    """What went wrong when forms of the owner came from elsewhere, form token and all."""
    wrong = []
    with matrix.world(World(is_public=True)):
        before = matrix.state()
        for name, headers in ELSEWHERE.items():
            for request in _forms(matrix, names):
                answer = matrix.send(
                    matrix.owner, request.method, request.path, request.form(), origin=headers
                )
                if answer.status_code != 403 or matrix.state() != before:
                    wrong.append(f"{request} from {name}: {answer.status_code}")
                    matrix.restore()
    return wrong


def posts_without_form_token(matrix: MatrixFarm, *, names: str = "") -> list[str]:
    """What went wrong when the owner's forms lacked their own token."""
    wrong = []
    tokens: Mapping[str, str | None] = {
        "no token": None,
        "an empty token": "",
        "somebody else's token": matrix.editor.form_token,
        "a made-up token": "IjAwMDAi.aaaaaa.bbbbbb",
    }
    with matrix.world(World(is_public=True)):
        before = matrix.state()
        for name, token in tokens.items():
            for request in _forms(matrix, names):
                if request.endpoint in CHANGES_NOTHING:
                    continue
                answer = matrix.send(
                    matrix.owner, request.method, request.path, request.form(), token=token
                )
                if answer.status_code != 400 or matrix.state() != before:
                    wrong.append(f"{request} with {name}: {answer.status_code}")
                    matrix.restore()
    return wrong


def _forms(matrix: MatrixFarm, names: str) -> Iterator[Request]:
    """Every form that is served to the owner, or those of the endpoints `names`."""
    wanted = set(names.split())
    for request in matrix.requests:
        method = request.method
        is_change = method not in ("GET", "HEAD")
        is_served = is_change and matrix.needs[request.endpoint, method] != "404"
        if is_served and (not wanted or request.endpoint in wanted):
            yield request
