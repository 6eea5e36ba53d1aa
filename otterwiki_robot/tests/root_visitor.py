"""A browser at the root host, for tests: signs in, and sends forms as a page of ours does."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from otterwiki_robot.installation import Installation
from otterwiki_robot.root.app import create_root_app
from otterwiki_tenant import names
from otterwiki_tenant.wsgi import ADDRESS_KEY

BASE = "http://robot.localhost:8000"
ADDRESS = "192.0.2.7"
_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class RootVisitor:
    """One browser with its cookies; `app` and `installation` may be shared by several."""

    def __init__(self, installation: Installation, app: Flask, user_agent: str = FIREFOX) -> None:
        self.installation = installation
        self.client: FlaskClient = app.test_client()
        self.user_agent = user_agent

    def sign_in(self, handle: str) -> RootVisitor:
        """Become the person of that development handle."""
        cookies = self.installation.farm.sign_in(
            names.development_did(handle),
            method="login-link",
            user_agent=self.user_agent,
            address=ADDRESS,
        )
        for header in cookies:
            pair, _, attributes = header.partition(";")
            name, _, value = pair.partition("=")
            on_all_hosts = "domain=" in attributes.lower()
            self.client.set_cookie(
                name, value, domain="robot.localhost", origin_only=not on_all_hosts
            )
        return self

    def get(self, path: str, **options: Any) -> TestResponse:
        """GET a page of the root host."""
        return self.client.get(path, base_url=BASE, environ_overrides=_environ(), **options)

    def token(self, page: str) -> str:
        """The token in the forms of that page."""
        found = _TOKEN.search(self.get(page).text)
        assert found, f"{page} has no form"
        return found.group(1)

    def post(
        self, path: str, data: dict[str, str], *, page: str | None = None, **options: Any
    ) -> TestResponse:
        """Send a form from `page` (`path` where none is given)."""
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": BASE, **options.pop("headers", {})}
        return self.client.post(
            path,
            base_url=BASE,
            data={"form_token": self.token(page or path), **data},
            headers=headers,
            environ_overrides=_environ(),
            **options,
        )

    def csrf_token(self) -> str:
        """What requests to the API must repeat; "" for nobody."""
        me = self.get("/api/me")
        return str(me.json["csrf_token"]) if me.status_code == 200 and me.json else ""

    def api(self, method: str, path: str, body: object = None, **options: Any) -> TestResponse:
        """A request to the API as a program of this browser sends it."""
        headers = {
            "Origin": BASE,
            "X-CSRF-Token": self.csrf_token(),
            **options.pop("headers", {}),
        }
        if body is not None:
            options["json"] = body
        return self.client.open(
            path,
            method=method,
            base_url=BASE,
            headers=headers,
            environ_overrides=_environ(),
            **options,
        )

    def follow(self, response: TestResponse) -> TestResponse:
        """The page a 303 leads to."""
        assert response.status_code == 303, response.text
        return self.get(response.headers["Location"])


def _environ() -> dict[str, str]:
    return {ADDRESS_KEY: ADDRESS}


def make_app(installation: Installation) -> Flask:
    """The root host's application of an installation."""
    return create_root_app(installation.settings, installation.farm)
