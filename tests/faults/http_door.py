"""Saving a page as a browser does: over HTTP, with cookies, the editor's form and its token."""

from __future__ import annotations

import http.client
import re
import threading
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote, urlencode

from tests.bench.browser import FormFields

from .doors import Refused
from .web_calls import csrf_token_of

_TIMEOUT_SECONDS = 60.0
_MOST_CONFLICTS = 100


@dataclass
class _Answer:
    status: int
    location: str
    text: str
    headers: dict[str, str]


@dataclass
class Browser:
    """Asks 127.0.0.1:`port` for `host`; `headers` are sent each time, cookies are kept."""

    port: int
    host: str
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)

    def send(
        self, method: str, path: str, form: dict[str, str] | None = None, **headers: str
    ) -> _Answer:
        """One request on a connection of its own; raises Refused when there is no answer."""
        everything = {
            "Host": self.host,
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            **self.headers,
            **headers,
            "Connection": "close",
        }
        body = None
        if form is not None:
            body = urlencode(form)
            everything["Content-Type"] = "application/x-www-form-urlencoded"
            everything["Origin"] = f"http://{self.host}"
            everything["Sec-Fetch-Site"] = "same-origin"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, everything)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Refused(f"{method} {path}: {type(error).__name__}: {error}") from error
        finally:
            connection.close()
        for line in response.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.coded_value
        location = response.headers.get("Location") or ""
        headers_back = dict(response.headers.items())
        return _Answer(response.status, location, content.decode("utf-8", "replace"), headers_back)


class HttpDoor:
    """Otterwiki's editor over HTTP. `sites` maps wikis to host, cookies and, on a farm, author.

    Where a site has no author, the writer's name is sent in the headers that Otterwiki's
    PROXY_HEADER login reads. Each thread is a browser of its own for each wiki.
    """

    def __init__(self, port: int, sites: dict[str, dict[str, Any]]) -> None:
        self._port = port
        self._sites = sites
        self._local = threading.local()
        if all("author" in site for site in sites.values()):
            self.author_of = lambda wiki: tuple(sites[wiki]["author"])

    def save(self, wiki: str, path: str, text: str, author: tuple[str, str]) -> str:
        """Open the editor, replace the text, save; where others were faster, open it again."""
        browser = self._browser(wiki)
        if "author" not in self._sites[wiki]:
            name, email = author
            permissions = "READ,WRITE,UPLOAD"
            browser.headers = {
                "x-otterwiki-name": name,
                "x-otterwiki-email": email,
                "x-otterwiki-permissions": permissions,
            }
        page = "/" + quote(path.removesuffix(".md"))
        for _ in range(_MOST_CONFLICTS):
            editor = self._open_editor(browser, page)
            form = editor | {"content": text, "commit": f"{wiki}: {path} by {author[0]}"}
            answer = browser.send("POST", f"{page}/save", form)
            if answer.status == 302:
                return ""
            if answer.status != 409:
                said = re.sub(r"<[^>]+>|\s+", " ", answer.text)
                raise Refused(f"saving {path} answers {answer.status}: {said[-300:]}")
        raise Refused(f"{_MOST_CONFLICTS} times somebody else was faster at {path}")

    def _open_editor(self, browser: Browser, page: str) -> dict[str, str]:
        """The hidden fields of the editor's form; a draft that a conflict left is discarded."""
        answer = browser.send("GET", f"{page}/edit")
        fields = FormFields(answer.text, form_id="saveform").inputs
        if answer.status == 200 and "base" not in fields:
            discard = {"draft": "discard", "csrf_token": csrf_token_of(answer.text)}
            answer = browser.send("POST", f"{page}/edit", discard)
            fields = FormFields(answer.text, form_id="saveform").inputs
        if answer.status != 200 or "base" not in fields:
            raise Refused(f"the editor of {page} answers {answer.status}")
        return fields

    def _browser(self, wiki: str) -> Browser:
        known: dict[str, Browser] = self._local.__dict__.setdefault("browsers", {})
        if wiki not in known:
            site = self._sites[wiki]
            known[wiki] = Browser(self._port, site["host"], {}, dict(site.get("cookies", {})))
        return known[wiki]
