"""What a farm's wikis don't show of Otterwiki's pages: settings that have no effect there."""

from __future__ import annotations

import re

from otterwiki_engine.template_rewrite import TemplateRule

_REFUSED_MENU_ENTRIES = (
    "admin_repository_management",
    "admin_user_management",
    "admin_permissions_and_registration",
    "admin_mail_preferences",
)
_ACCOUNT = """{% block content %}
<h2 id="settings">Settings</h2>
<div class="card">
<div class="mw-full w-600">
<h2 class="card-title">Account</h2>
<p>You are signed in as <strong>{{ current_user.name }}</strong>.
{% if has_permission("WRITE") %}Your edits in this wiki are signed with that name.{% endif %}</p>
{% if has_permission("ADMIN") %}
<p>This wiki is yours: the menu leads to its settings.</p>
{% endif %}
</div>
</div>
{% endblock %}"""


def _without(endpoint: str) -> TemplateRule:
    link = re.compile(
        r'<a href="\{\{ url_for\("' + endpoint + r'"\) \}\}"(?:(?!</a>).)*</a>\n', re.DOTALL
    )
    return TemplateRule(
        template="settings.html",
        pattern=link,
        replacement="",
        count=1,
        reason=f"the menu must not lead to {endpoint}, which a farm refuses",
    )


_MENU = """{%- for entry in farm_menu() %}
                    <a href="{{ entry.url }}" class="dropdown-item-with-icon">
                        <span class="dropdown-icon">
                            <i class="fas {{ entry.icon }}"></i>
                        </span>
                        {{ entry.label }}
                    </a>
{%- endfor %}
"""
_LOG_OUT = "{%- if auth_supported_features['logout'] %}\n"
_SIDE_MENU = """{% for entry in farm_menu() %}
<a href="{{ entry.url }}" class="sidebar-link sidebar-link-with-icon">
    <span class="sidebar-icon">
        <i class="fas {{ entry.icon }}"></i>
    </span>
    {{ entry.label }}
</a>
{% endfor %}
"""
_SETTINGS_ENTRY = '<a href="{{ url_for("settings") }}" class="sidebar-link sidebar-link-with-icon">'

RULES = (
    TemplateRule(
        template="layout.html",
        pattern=_LOG_OUT,
        replacement=_MENU + _LOG_OUT,
        count=1,
        reason="the menu leads to the account pages on the root host",
    ),
    TemplateRule(
        template="settings.html",
        pattern=_SETTINGS_ENTRY,
        replacement=_SIDE_MENU + _SETTINGS_ENTRY,
        count=1,
        reason="the settings' menu leads to the account pages on the root host",
    ),
    TemplateRule(
        template="admin.html",
        pattern=(
            "The name of the site, displayed on the top left of the page and in the subject of all"
            " emails."
        ),
        replacement=("The name of the wiki, on top of every page and wherever the wiki is listed."),
        count=1,
        reason="a wiki of the farm sends no mail",
    ),
    *(_without(endpoint) for endpoint in _REFUSED_MENU_ENTRIES),
    TemplateRule(
        template="settings.html",
        pattern=re.compile(
            r'<a href="\{\{ url_for\("housekeeping"\) \}\}"(?:(?!</a>).)*</a>\n', re.DOTALL
        ),
        replacement='{% if has_permission("WRITE") %}\n\\g<0>{% endif %}\n',
        count=1,
        reason="housekeeping is for those who may write, and is refused to readers",
    ),
    TemplateRule(
        template="settings.html",
        pattern=re.compile(r"\{% block content %\}.*\{% endblock %\}", re.DOTALL),
        replacement=_ACCOUNT,
        count=1,
        reason="names and passwords can't be changed on a wiki of the farm",
    ),
    TemplateRule(
        template="admin.html",
        pattern=re.compile(
            r'  <div class="form-group">\n    <label for="site_name">Server Name</label>'
            r"(?:(?!\{##\}).)*\{##\}\n",
            re.DOTALL,
        ),
        replacement="",
        count=1,
        reason="a wiki's host name is the farm's matter",
    ),
    TemplateRule(
        template="tools/housekeeping.html",
        pattern=re.compile(
            r'<div class="card m-auto m-lg-20">\n<div class="mw-full">\n'
            r'<h3 class="card-title">Security Check</h3>.*?</button>\n</div>\n</div>\n</div>\n',
            re.DOTALL,
        ),
        replacement="",
        count=1,
        reason="Otterwiki's security check is about the server, which is the operator's",
    ),
)
