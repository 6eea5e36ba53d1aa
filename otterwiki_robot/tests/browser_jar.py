"""A browser's cookie jar and requests, by the rules that matter when hosts don't trust each other.

RFC 6265 (domain and path matching, longest path first) and the ``__Host-`` prefix. A script on one
host can :meth:`Browser.toss` a cookie to its siblings, as any wiki's could that got its own script
in; it can't read or overwrite a host-only cookie of another host.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Response


@dataclass
class Kept:
    """One cookie; `domain` without a leading dot."""

    name: str
    value: str
    domain: str
    path: str
    host_only: bool
    secure: bool

    def is_sent_to(self, scheme: str, host: str, path: str) -> bool:
        if self.secure and scheme != "https":
            return False
        if host != self.domain and (self.host_only or not host.endswith("." + self.domain)):
            return False
        if path == self.path:
            return True
        return path.startswith(self.path if self.path.endswith("/") else self.path + "/")


@dataclass
class Browser:
    """A browser for `application`; `is_modern` ones send Sec-Fetch headers."""

    application: Any
    is_modern: bool = True
    cookies: list[Kept] = field(default_factory=list)

    def toss(self, from_host: str, text: str) -> None:
        """Set a cookie from a script on a page of `from_host`."""
        self._keep(f"http://{from_host}/", text)

    def values(self, name: str) -> list[str]:
        """Values of the cookies of that name, wherever they are sent to."""
        return [cookie.value for cookie in self.cookies if cookie.name == name]

    def open(
        self, url: str, method: str = "GET", *, page: str | None = None, **options: Any
    ) -> Response:
        """One request, as sent by the page at `page`; None: typed by a person."""
        parts = urlsplit(url)
        host = parts.netloc.partition(":")[0]
        origin = f"{parts.scheme}://{parts.netloc}"
        headers = dict(options.pop("headers", {}))
        if self.is_modern:
            headers.setdefault("Sec-Fetch-Site", self._site(origin, page))
            headers.setdefault("Sec-Fetch-Mode", "navigate")
        if page is not None and method != "GET":
            headers.setdefault("Origin", "/".join(page.split("/")[:3]))
        sent = self.header(parts.scheme, host, parts.path)
        if sent:
            headers["Cookie"] = sent
        builder = EnvironBuilder(
            path=parts.path or "/",
            query_string=parts.query,
            base_url=origin,
            method=method,
            headers=headers,
            **options,
        )
        response = Response(*run_wsgi_app(self.application, builder.get_environ()))
        for text in response.headers.getlist("Set-Cookie"):
            self._keep(url, text)
        return response

    def follow(self, url: str, most: int = 8) -> tuple[str, Response]:
        """Open `url` and go where the answers lead; returns the last address and its answer."""
        for _ in range(most):
            response = self.open(url)
            location = response.headers.get("Location")
            if response.status_code not in (301, 302, 303) or not location:
                return url, response
            origin = "/".join(url.split("/")[:3])
            url = origin + location if location.startswith("/") else location
        raise AssertionError(f"redirects without end, at last to {url}")

    def header(self, scheme: str, host: str, path: str) -> str:
        """The Cookie header of a request."""
        sent = [cookie for cookie in self.cookies if cookie.is_sent_to(scheme, host, path or "/")]
        sent.sort(key=lambda cookie: -len(cookie.path))
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in sent)

    def _site(self, origin: str, page: str | None) -> str:
        if page is None:
            return "none"
        other = "/".join(page.split("/")[:3])
        return "same-origin" if other == origin else "same-site"

    def _keep(self, url: str, text: str) -> None:
        host = urlsplit(url).netloc.partition(":")[0]
        first, *rest = [part.strip() for part in text.split(";")]
        name, _, value = first.partition("=")
        attributes = {
            key.strip().lower(): content.strip()
            for key, _, content in (part.partition("=") for part in rest)
        }
        domain = attributes.get("domain", "").lstrip(".")
        if domain and host != domain and not host.endswith("." + domain):
            return
        path = attributes.get("path", "/")
        secure = "secure" in attributes
        if name.startswith("__Host-") and (domain or path != "/" or not secure):
            return
        cookie = Kept(name, value, domain or host, path, not domain, secure)
        key = (cookie.name, cookie.domain, cookie.path, cookie.host_only)
        self.cookies = [
            kept
            for kept in self.cookies
            if (kept.name, kept.domain, kept.path, kept.host_only) != key
        ]
        if attributes.get("max-age") != "0":
            self.cookies.append(cookie)
