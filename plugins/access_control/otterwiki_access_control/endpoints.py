"""One table of what each endpoint of a wiki asks for, by method. What is not in it is refused.

The front door has asked for READ already when a request gets here, and Otterwiki asks its own
questions afterwards; this table is asked in between, by :func:`.standins.check_request`. A test
walks the URL map and fails on an endpoint or method without a row; ``docs/permissions.md`` is
made from the same table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from otterwiki_engine.actor import Permission

READ, WRITE, UPLOAD, ADMIN = Permission.READ, Permission.WRITE, Permission.UPLOAD, Permission.ADMIN


@dataclass(frozen=True)
class Route:
    """What an endpoint asks for; None where that method is refused, for the reason in `refused`.

    `get` stands for HEAD too. `person` asks for somebody signed in besides.
    """

    get: Permission | None = None
    post: Permission | None = None
    put: Permission | None = None
    patch: Permission | None = None
    delete: Permission | None = None
    person: bool = False
    refused: str = ""

    def need(self, method: str) -> Permission | None:
        """The permission `method` asks for, None where it is refused."""
        by_method = {
            "GET": self.get,
            "HEAD": self.get,
            "POST": self.post,
            "PUT": self.put,
            "PATCH": self.patch,
            "DELETE": self.delete,
        }
        if method == "OPTIONS":  # answered with the methods there are, nothing else
            return next((need for need in by_method.values() if need is not None), None)
        return by_method.get(method)


#: The methods that a row decides about, in the order of the document's columns.
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PAGE = Route(get=READ)
_FORM_TO_READ = Route(get=READ, post=READ)  # a search or comparison is sent as a form
_CHANGE = Route(get=WRITE, post=WRITE)
_SETTING = Route(get=ADMIN, post=ADMIN)
_SERVER = Route(refused="it is about the server, which is the operator's")
_PEOPLE = Route(refused="people sign up and in on the root host; a wiki has no accounts of its own")
_REMOTE = Route(refused="it works on the repository Otterwiki was started with")
_NO_ADDRESS = Route(refused="there is nothing below the API's address but what has a row")
_PLUGINS = Route(refused="it would run any plugin's code for any name; no plugin here needs it")

ROUTES: Mapping[str, Route] = MappingProxyType(
    {
        # reading
        "about": _PAGE,
        "blame": _PAGE,
        "changelog": _PAGE,
        "changelog_feed_atom": _PAGE,
        "changelog_feed_rss": _PAGE,
        "content_security.static": _PAGE,  # the script of the plugin of that name
        "diff": _FORM_TO_READ,
        "favicon": _PAGE,
        "get_attachment": _PAGE,
        "get_attachment_thumbnail": _PAGE,
        # git: its plugin answers every push, and every file of the repository, with a refusal
        "git_http.info_refs": _PAGE,
        "git_http.nothing_else": Route(get=READ, refused="there are no pages below git's address"),
        "git_http.receive_pack": Route(post=READ),
        "git_http.upload_pack": Route(post=READ),  # sent by POST, and changes nothing
        "help": _PAGE,
        "history": _FORM_TO_READ,
        "index": _PAGE,
        "pageindex": _PAGE,
        "pageview": _PAGE,
        "plugin_static_css": _PAGE,
        "robotstxt": _PAGE,
        "search": _FORM_TO_READ,
        "show_commit": _PAGE,
        "sitemap": _PAGE,
        "source": _PAGE,
        "static": _PAGE,
        "syntax": _PAGE,
        "view": Route(get=READ, post=WRITE),  # sent to by the editor only, about a draft
        "webmanifest": _PAGE,
        # changing pages and files
        "attachments": Route(get=READ, post=UPLOAD),
        "create": _CHANGE,
        "delete": _CHANGE,
        "discard_draft": Route(post=WRITE),
        "draft": Route(post=WRITE, refused="a link to it would empty a draft (checklist D7)"),
        "edit": _CHANGE,
        "edit_attachment": Route(get=READ, post=WRITE),
        "housekeeping": _CHANGE,
        "inline_attachment": Route(post=UPLOAD),
        "preview": _CHANGE,
        "rename": _CHANGE,
        "revert": _CHANGE,
        "save": Route(post=WRITE),
        # who is signed in
        "login": _FORM_TO_READ,  # to the root host; takes no password
        "logout": Route(get=READ, person=True),  # to the root host; changes nothing
        "settings": Route(
            get=READ, person=True, refused="names and passwords are no matter of a wiki here"
        ),
        "well_known_change_password": _PAGE,
        # the API: the table of the plugin of that name says the same, and a test compares them
        "rest_api.attachment": Route(get=READ, put=UPLOAD, delete=UPLOAD),
        "rest_api.attachments": Route(get=READ, post=UPLOAD),
        "rest_api.batch": Route(post=WRITE),
        "rest_api.broken_links": _PAGE,
        "rest_api.categories": _PAGE,
        "rest_api.changelog": _PAGE,
        "rest_api.diff": _PAGE,
        "rest_api.documentation": _PAGE,
        "rest_api.edit": Route(post=WRITE),
        "rest_api.health": _PAGE,
        "rest_api.history": _PAGE,
        "rest_api.links": _PAGE,
        "rest_api.llms": _PAGE,
        "rest_api.nowhere": _NO_ADDRESS,
        "rest_api.openapi": _PAGE,
        "rest_api.orphans": _PAGE,
        "rest_api.outline": _PAGE,
        "rest_api.page": Route(get=READ, put=WRITE, patch=WRITE, delete=WRITE),
        "rest_api.page_links": _PAGE,
        "rest_api.page_outline": _PAGE,
        "rest_api.pages": _PAGE,
        "rest_api.raw": _PAGE,
        "rest_api.reindex": Route(post=WRITE),
        "rest_api.reindex_status": _PAGE,
        "rest_api.rename": Route(post=WRITE),
        "rest_api.restore": Route(post=WRITE),
        "rest_api.search": _PAGE,
        "rest_api.semantic_search": _PAGE,
        "rest_api.tags": _PAGE,
        # the owner's settings of this wiki
        "admin": _SETTING,
        "admin_content_and_editing": _SETTING,
        "admin_sidebar_preferences": _SETTING,
        # not on a farm
        "admin_mail_preferences": _SERVER,
        "admin_permissions_and_registration": _PEOPLE,
        "admin_repository_management": _REMOTE,
        "admin_user_management": _PEOPLE,
        "confirm_email": _PEOPLE,
        "dotgit": _REMOTE,
        "git_info_refs": _REMOTE,
        "git_receive_pack": _REMOTE,
        "git_upload_pack": _REMOTE,
        "healthz": _SERVER,
        "lost_password": _PEOPLE,
        "plugin_url_admin_request": _PLUGINS,
        "plugin_url_request": _PLUGINS,
        "pull_webhook": _REMOTE,
        "recover_password": _PEOPLE,
        "register": _PEOPLE,
        "request_confirmation_link": _PEOPLE,
        "security_check": _SERVER,
        "user": _PEOPLE,
    }
)
#: Endpoints that show a page, or the editor where the query says ``edit``.
WITH_EDITOR = frozenset({"index", "view"})
_NOWHERE = Route(refused="nobody has decided about it")


def route_of(endpoint: str, query: Mapping[str, str]) -> Route:
    """The row that a request to `endpoint` with that query falls under."""
    if endpoint in WITH_EDITOR and "edit" in query:
        endpoint = "edit"
    return ROUTES.get(endpoint, _NOWHERE)
