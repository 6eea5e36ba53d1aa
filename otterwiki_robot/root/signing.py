"""Signing in and out on the root host, and vouching for a browser to a wiki's host."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from flask import Blueprint, Response, g, render_template, request, url_for

from otterwiki_engine import hooks
from otterwiki_robot.settings import Settings
from otterwiki_tenant import clock, confirmations, login_links
from otterwiki_tenant.errors import LinkRefused, NoSuchUser, SignInRefused
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.hosts import WikiHost, check_next, classify, host_url
from otterwiki_tenant.signup import SignupPolicy
from otterwiki_tenant.visits import Wanted

from .browsers import ACTOR_KEY, cookie_header
from .messages import message_page

METHOD = "login-link"
_WHO_MAY_JOIN = {
    SignupPolicy.OPEN: "Anyone may join: sign in, and choose to make a wiki.",
    SignupPolicy.INVITE: "New people join by invitation: ask the owner of a wiki here to add you.",
    SignupPolicy.CLOSED: "This server takes no new people at the moment.",
}


@dataclass(frozen=True)
class SignInMethod:
    """A way to sign in that a plugin offers."""

    label: str
    url: str


@dataclass(frozen=True)
class WikiAddress:
    """An address on a wiki of this farm: which wiki, the port it was asked for by, and the page."""

    slug: str
    port: str | None
    page: str


def create_blueprint(settings: Settings, farm: Farm) -> Blueprint:
    """The routes below /auth/."""
    blueprint = Blueprint("signing", __name__)

    def to_the_wiki(address: WikiAddress, nonce: str, *, was_asked: bool) -> Response:
        """To the wiki's front door, with our word that this browser's person is signed in here."""
        statement = farm.statement_for(address.slug, g.visit.signed_in, nonce, was_asked=was_asked)
        query = urlencode({"next": address.page, "statement": statement})
        origin = host_url(settings.scheme, settings.domain, address.port, address.slug)
        location = f"{origin}{confirmations.PATH}?{query}"
        return Response(status=303, headers={"Location": location})

    @blueprint.get("/auth/login")
    def sign_in() -> Response | str:
        next_url = _next(settings, request.args.get("next"))
        wiki = _wiki_address(next_url, settings.domain)
        if g.person is not None and wiki is not None:
            vouch = request.args.get(Wanted.VOUCHER.value)
            if confirmations.is_nonce(vouch):
                return to_the_wiki(wiki, str(vouch), was_asked=False)
            confirm = request.args.get(Wanted.CONFIRMATION.value)
            if confirmations.is_nonce(confirm):
                return render_template(
                    "robot/confirm.html",
                    wiki_host=f"{wiki.slug}.{settings.domain}",
                    next=next_url,
                    nonce=confirm,
                )
        return render_template(
            "robot/sign_in.html",
            methods=_methods(next_url),
            next=next_url,
            is_doubted=g.visit.doubt is not None,
            who_may_join=_WHO_MAY_JOIN[settings.signup],
        )

    @blueprint.post("/auth/confirm")
    def confirm() -> Response | tuple[str, int]:
        wiki = _wiki_address(_next(settings, request.form.get("next")), settings.domain)
        nonce = request.form.get("nonce")
        if g.person is None or wiki is None or not confirmations.is_nonce(nonce):
            return message_page("Not confirmed", "Open the wiki and choose Sign in again.", 400)
        return to_the_wiki(wiki, str(nonce), was_asked=True)

    @blueprint.get("/auth/logout")
    def sign_out_form() -> str:
        return render_template("robot/sign_out.html")

    @blueprint.post("/auth/logout")
    def sign_out() -> Response:
        response = Response(status=303, headers={"Location": url_for("landing")})
        for header in farm.sign_out(cookie_header(), address=g.by.address):
            response.headers.add("Set-Cookie", header)
        return response

    @blueprint.get("/auth/dev/<token>")
    def use_login_link(token: str) -> Response | tuple[str, int]:
        if not settings.dev:
            return message_page("Not found", "There is nothing at this address.", 404)
        if request.method != "GET":  # a HEAD must not use the link up
            return Response(status=405, headers={"Allow": "GET"})
        try:
            with farm.database.writing() as session:
                did = login_links.consume(session, token, clock.now())
            cookies = farm.sign_in(
                did,
                method=METHOD,
                user_agent=request.headers.get("User-Agent"),
                address=g.by.address,
                cookie_header=request.headers.get("Cookie"),
            )
        except LinkRefused as refused:
            farm.refuse_sign_in("bad link", address=g.by.address)
            return message_page("This link does not work", str(refused), 410)
        except (SignInRefused, NoSuchUser) as refused:
            return message_page("Not signed in", str(refused), 403)
        request.environ[ACTOR_KEY] = did
        location = _next(settings, request.args.get("next"))
        response = Response(status=303, headers={"Location": location})
        for header in cookies:
            response.headers.add("Set-Cookie", header)
        return response

    return blueprint


def _methods(next_url: str) -> list[SignInMethod]:
    """What plugins offer; each is told where to go afterwards."""
    offered = [pair for found in hooks.manager.hook.sign_in_methods() for pair in found or []]
    if next_url == "/":
        return [SignInMethod(label, url) for label, url in offered]
    return [
        SignInMethod(label, f"{url}{'&' if '?' in url else '?'}next={quote(next_url, safe='')}")
        for label, url in offered
    ]


def _next(settings: Settings, wanted: str | None) -> str:
    """Where to go after signing in: what was asked for if it is on this farm, or the front."""
    return check_next(wanted, scheme=settings.scheme, domain=settings.domain) or "/"


def _wiki_address(url: str, domain: str) -> WikiAddress | None:
    """The wiki and page that a checked address is on, None for one of the root host."""
    parts = urlsplit(url)
    host = classify(parts.netloc, domain) if parts.netloc else None
    if not isinstance(host, WikiHost):
        return None
    page = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WikiAddress(host.slug, host.port, page)
