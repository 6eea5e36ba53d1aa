"""What the engine changes in Otterwiki's templates, and why."""

from __future__ import annotations

import re

from .template_rewrite import TemplateRule

BASE_FIELD = '<input type="hidden" name="base" value="{{ edit_base(revision, pagepath) }}">'

# A JavaScript string (JSON without its quotes) inside an HTML attribute.
_SAFE_PREFIX = ",'{{ (prefix|tojson)[1:-1]|forceescape }}'"
_PREFIX_REASON = (
    "a page may be called x');alert(1);(' and its name is put into an onclick attribute (stored"
    " cross-site scripting in 2.26.1)"
)

RULES = (
    TemplateRule(
        template="editor.html",
        pattern=re.compile(r'<form id="saveform"[^>]*>'),
        replacement=r"\g<0>" + "\n" + BASE_FIELD,
        count=2,
        reason="a save must say which revision it was made on, or it overwrites what came since",
    ),
    TemplateRule(
        template="create.html",
        pattern="toggle_pagename_prefix('pagename','{{prefix}}')",
        replacement="toggle_pagename_prefix('pagename'" + _SAFE_PREFIX + ")",
        count=1,
        reason=_PREFIX_REASON,
    ),
    TemplateRule(
        template="rename.html",
        pattern="toggle_pagename_prefix('new_pagename','{{prefix}}')",
        replacement="toggle_pagename_prefix('new_pagename'" + _SAFE_PREFIX + ")",
        count=1,
        reason=_PREFIX_REASON,
    ),
    TemplateRule(
        template="draft.html",
        pattern="Saving the draft overwrites these changes:",
        replacement="Saving the draft is merged with these changes:",
        count=1,
        reason="saving a draft no longer overwrites anything",
    ),
)
