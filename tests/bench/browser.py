"""A browser without a network: cookies, forms and timed calls of a WSGI application."""

from __future__ import annotations

import time
from dataclasses import dataclass
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_MOST_REDIRECTS = 8


@dataclass(frozen=True)
class Answer:
    """One answer; `seconds` is the time between the call and the last byte of the body."""

    status: int
    headers: Headers
    body: bytes
    seconds: float

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", errors="replace")


class Browser:
    """Sends requests to `application` as `host` (host and port as in a Host header)."""

    def __init__(self, application: WSGIApplication, host: str) -> None:
        self.application = application
        self.host = host
        self.cookies: dict[tuple[str, str], str] = {}
        """(domain, name) -> value; the domain has a leading dot unless the cookie is its host's."""

    def get(self, path: str, *, host: str | None = None) -> Answer:
        """GET `path` (quoted, may hold a query)."""
        return self._send("GET", path, None, host or self.host)

    def follow(self, path: str, *, host: str) -> Answer:
        """GET `path` of `host` and go where the answers lead, also to other hosts."""
        for _ in range(_MOST_REDIRECTS):
            answer = self.get(path, host=host)
            if answer.status not in (302, 303, 307, 308):
                return answer
            _, mark, rest = answer.headers["Location"].partition("://")
            if mark:
                host, _, rest = rest.partition("/")
                path = "/" + rest
            else:
                path = answer.headers["Location"]
        raise ValueError(f"{host}{path} leads ever on")

    def post(self, path: str, form: dict[str, str]) -> Answer:
        """POST `form`, from a page of the same origin."""
        return self._send("POST", path, form, self.host)

    def _send(self, method: str, path: str, form: dict[str, str] | None, host: str) -> Answer:
        origin = f"http://{host}"
        fields = {"Cookie": self._cookie_header(host)}
        if method != "GET":
            fields |= {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
        path, _, query = path.partition("?")
        builder = EnvironBuilder(
            path=path,
            base_url=origin,
            method=method,
            data=form,
            headers=Headers(fields),
            query_string=query or None,
        )
        environ = builder.get_environ()
        start = time.perf_counter()
        chunks, status, answered = run_wsgi_app(self.application, environ, buffered=True)
        seconds = time.perf_counter() - start
        builder.close()
        self._keep_cookies(host, answered)
        return Answer(int(status.split()[0]), answered, b"".join(chunks), seconds)

    def _cookie_header(self, host: str) -> str:
        name = host.partition(":")[0]
        return "; ".join(
            f"{key}={value}"
            for (domain, key), value in self.cookies.items()
            if name == domain or (domain.startswith(".") and f".{name}".endswith(domain))
        )

    def _keep_cookies(self, host: str, headers: Headers) -> None:
        for line in headers.getlist("Set-Cookie"):
            for key, morsel in SimpleCookie(line).items():
                named = morsel["domain"].lstrip(".")
                domain = f".{named}" if named else host.partition(":")[0]
                if morsel["max-age"] == "0" or not morsel.value:
                    self.cookies.pop((domain, key), None)
                else:
                    self.cookies[domain, key] = morsel.coded_value


class FormFields(HTMLParser):
    """The fields of the form with id `form_id`, and the text of each textarea, of one page."""

    def __init__(self, page: str, *, form_id: str) -> None:
        super().__init__(convert_charrefs=True)
        self.inputs: dict[str, str] = {}
        self.textareas: dict[str, str] = {}
        self._form_id = form_id
        self._in_form = False
        self._textarea: str | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._in_form = values.get("id") == self._form_id
        elif tag == "input" and self._in_form and "name" in values:
            self.inputs[values["name"]] = values.get("value", "")
        elif tag == "textarea":
            self._textarea = values.get("id", "")
            self.textareas[self._textarea] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._in_form = False
        elif tag == "textarea":
            self._textarea = None

    def handle_data(self, data: str) -> None:
        if self._textarea is not None:
            self.textareas[self._textarea] += data


def csrf_token(page: str) -> str:
    """The token of the page's `csrf-token` meta element. Raises ValueError without one."""

    class Meta(HTMLParser):
        token = ""

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            values = dict(attrs)
            if tag == "meta" and values.get("name") == "csrf-token":
                self.token = values.get("content") or ""

    meta = Meta()
    meta.feed(page)
    if not meta.token:
        raise ValueError("the page has no csrf-token")
    return meta.token
