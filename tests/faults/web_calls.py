"""Requests to an Otterwiki inside this process, for the calls a zygote makes."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from werkzeug.test import Client

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_CSRF_FIELD = re.compile(r'name="csrf_token" value="([^"]+)"')


def csrf_token_of(page: str) -> str:
    """The token in the forms of a page, "" if it has none."""
    found = _CSRF_FIELD.search(page)
    return found.group(1) if found else ""


class NotAcknowledged(Exception):
    """The answer was not the redirect that acknowledges a change."""


class Visitor:
    """A browser at `base_url` that sends the same `headers` each time and keeps cookies."""

    def __init__(
        self, application: WSGIApplication, base_url: str, headers: Mapping[str, str]
    ) -> None:
        self.client = Client(application)
        self._base_url = base_url
        self._headers = dict(headers)
        self._token = ""

    def fetch_token(self) -> None:
        """Take the form token from a page, so that posts are accepted."""
        page = self.client.get("/-/create", base_url=self._base_url, headers=self._headers)
        self._token = csrf_token_of(page.get_data(as_text=True))

    def status(self, path: str) -> int:
        """The status a GET of `path` is answered with."""
        answer = self.client.get(path, base_url=self._base_url, headers=self._headers)
        return int(answer.status_code)

    def text(self, path: str) -> str:
        """The body a GET of `path` is answered with."""
        answer = self.client.get(path, base_url=self._base_url, headers=self._headers)
        return str(answer.get_data(as_text=True))

    def change(self, path: str, form: Mapping[str, Any]) -> str:
        """POST a form; returns where the answer redirects to. Raises :class:`NotAcknowledged`.

        A value that is a list [name, content] is an uploaded file, the content in Latin-1.
        """
        data: dict[str, Any] = {"csrf_token": self._token}
        for name, value in form.items():
            is_file = isinstance(value, list)
            data[name] = (io.BytesIO(value[1].encode("latin-1")), value[0]) if is_file else value
        headers = {**self._headers, "Origin": self._base_url}
        answer = self.client.post(path, base_url=self._base_url, headers=headers, data=data)
        if answer.status_code != 302:
            said = re.sub(r"<[^>]+>|\s+", " ", answer.get_data(as_text=True))
            raise NotAcknowledged(f"POST {path}: {answer.status_code} {said[-400:]}")
        return str(answer.headers["Location"])
