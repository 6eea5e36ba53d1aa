"""Which of Otterwiki's endpoints a farm serves. What is in neither table is refused.

An endpoint that is served still asks for its own permission; one that is refused answers 404,
whoever asks. A test walks the URL map and fails on an endpoint that stands in neither table.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: Pages and files of one wiki, and what every wiki has.
_READING = """
    about blame changelog changelog_feed_atom changelog_feed_rss diff favicon get_attachment
    get_attachment_thumbnail help history index pageindex pageview plugin_static_css robotstxt
    search show_commit sitemap source static syntax view webmanifest well_known_change_password
"""
_WRITING = """
    attachments create delete discard_draft draft edit edit_attachment housekeeping
    inline_attachment preview rename revert save
"""
_SIGNING_IN = "login logout settings"
_OWNERS = "admin admin_content_and_editing admin_sidebar_preferences"

SERVED = frozenset(f"{_READING} {_WRITING} {_SIGNING_IN} {_OWNERS}".split())

#: Served, but nothing may be sent to them: names and passwords are no matter of a wiki here.
READ_ONLY = frozenset({"settings"})

_SERVER = "it is about the server, which is the operator's"
_PEOPLE = "people sign up and in on the root host; a wiki has no accounts of its own"
_REMOTE = "it works on the repository Otterwiki was started with"
_PLUGINS = "it would run any plugin's code for any name; no plugin of the farm needs it"

REFUSED: Mapping[str, str] = MappingProxyType(
    {
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


def is_served(endpoint: str, method: str) -> bool:
    """Whether the farm answers that endpoint at all for that HTTP method."""
    if endpoint in READ_ONLY:
        return method in ("GET", "HEAD", "OPTIONS")
    return endpoint in SERVED
