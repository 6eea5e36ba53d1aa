"""The tables of ``docs/permissions.md`` about wikis, made from what requests are checked against.

Nothing is said here that is not looked up: roles and credentials in :mod:`otterwiki_tenant.access`,
routes in :mod:`.endpoints`, their addresses in Otterwiki's URL map.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from werkzeug.routing import Map

from otterwiki_engine.actor import Permission
from otterwiki_tenant.access import OF_CREDENTIAL, Credential, Role, permissions_of

from .endpoints import METHODS, ROUTES, WITH_EDITOR, Route

NO = "-"
REFUSED = "404"
_WORDS = {
    Permission.READ: "read",
    Permission.WRITE: "write",
    Permission.UPLOAD: "upload",
    Permission.ADMIN: "settings",
}
_ROLES: Mapping[str, tuple[Role | None, Credential]] = {
    "nobody (not signed in)": (None, Credential.NONE),
    "signed in, no role": (None, Credential.SESSION),
    "viewer": (Role.VIEWER, Credential.SESSION),
    "editor": (Role.EDITOR, Credential.SESSION),
    "owner": (Role.OWNER, Credential.SESSION),
}


def wiki_sections(url_map: Map) -> str:
    """Everything about wikis, as Markdown sections that end with a newline."""
    return "\n".join(
        (
            "## Roles\n\nWhat each role may do in a wiki, in a browser.\n",
            table(("who", "private wiki", "public wiki", "suspended wiki"), _role_rows()),
            _SUSPENDED.lstrip("\n"),
            "## Credentials\n\nThe most a request may do, whatever the role behind it.\n",
            table(("credential", *_WORDS.values()), _credential_rows()),
            _TOKENS,
            "## Routes of a wiki\n",
            _ROUTES_INTRODUCTION,
            table(("endpoint", "addresses", *METHODS, "why refused"), _route_rows(url_map)),
        )
    )


_SUSPENDED = """
A suspended person and a deleted account are nobody. Members of a suspended wiki are told so (403);
to everybody else it answers as if it were missing. What a collaborator may do does not depend on
whether the owner is suspended; what a token may do does.
"""
_TOKENS = """
A token has the lesser of its own role (`editor` or `viewer`) and the role its maker has today; who
loses their role loses their tokens with it. It opens the one wiki it was made for; with any other
`Authorization` header, a revoked or expired token's included, and on any other wiki, the answer is
401, whatever cookies come along.
"""
_ROUTES_INTRODUCTION = f"""\
`read` is asked of everything, even of static files. `signed in` asks for a person besides.
`{REFUSED}` is answered to everybody, the owner included. With `?edit` in the query these open the
editor, and ask what `edit` asks: {", ".join(f"`{name}`" for name in sorted(WITH_EDITOR))}.

What is answered to somebody who may not:

| who | may not read the wiki: as if it were missing | may read, but not do this |
|---|---|---|
| nobody, in a browser | to the sign-in page | to the sign-in page; 403 for a form |
| nobody, JSON asked for | 401 | 401 |
| signed in | 404 | 403 |
| with a token | 401 | 403 |

Below `/api/` that is answered in JSON. A change by somebody signed in in a browser has to carry the
wiki's form token there too, in the header `X-CSRFToken`; one with a token of the wiki needs none.
"""


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table, ending with a newline."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    lines.insert(1, ("---",) * len(lines[0]))
    return "".join(f"| {' | '.join(cell or ' ' for cell in line)} |\n" for line in lines)


def words(permissions: Iterable[Permission]) -> str:
    """Permissions as they are called in the document, in a fixed order; "-" for none."""
    found = frozenset(permissions)
    return ", ".join(word for permission, word in _WORDS.items() if permission in found) or NO


def _role_rows() -> Iterable[tuple[str, ...]]:
    for name, (role, credential) in _ROLES.items():
        yield (
            name,
            *(
                words(
                    permissions_of(
                        role,
                        is_public=is_public,
                        is_suspended=is_suspended,
                        credential=credential,
                    )
                )
                for is_public, is_suspended in ((False, False), (True, False), (True, True))
            ),
        )


def _credential_rows() -> Iterable[tuple[str, ...]]:
    for credential in Credential:
        most = OF_CREDENTIAL.get(credential, frozenset())
        yield (credential.value, *("yes" if item in most else NO for item in _WORDS))


def _route_rows(url_map: Map) -> Iterable[tuple[str, ...]]:
    addresses: dict[str, list[str]] = {}
    methods: dict[str, set[str]] = {}
    for rule in url_map.iter_rules():
        addresses.setdefault(rule.endpoint, []).append(rule.rule)
        methods.setdefault(rule.endpoint, set()).update(rule.methods or ())
    served = {
        address
        for endpoint, found in addresses.items()
        if endpoint in ROUTES and any(map(ROUTES[endpoint].need, METHODS))
        for address in found
    }
    for endpoint, route in sorted(ROUTES.items()):
        found = set(addresses.get(endpoint, []))
        if not any(map(route.need, METHODS)):
            found -= served  # their methods that are refused stand in their own rows
        yield (
            f"`{endpoint}`",
            " ".join(f"`{address}`" for address in sorted(found)),
            *(
                _need(route, method) if method in methods.get(endpoint, set()) else ""
                for method in METHODS
            ),
            route.refused,
        )


def _need(route: Route, method: str) -> str:
    needed = route.need(method)
    if needed is None:
        return REFUSED
    return _WORDS[needed] + (", signed in" if route.person else "")
