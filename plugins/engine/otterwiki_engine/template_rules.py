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

# The refusal's own words instead of "Error uploading file" inside the text.
_UPLOAD_REFUSED = """onFileUploadError: function(xhr) {
                var said = null;
                try { said = JSON.parse(xhr.responseText).error.message; } catch (_error) { }
                if (!said) { return true; }
                this.editor.setValue(this.editor.getValue().replace(this.lastValue, ""));
                alert(said);
                return false;
            },
            """

# What formulas may load by themselves: not "html" (links, classes, styles), "texhtml" (any HTML)
# and "setoptions", which could allow the others.
_MATH_EXTENSIONS = (
    "action amscd bbm bboldx bbox boldsymbol braket bussproofs cancel cases centernot color"
    " colortbl colorv2 dsfont empheq enclose extpfeil gensymb mathtools mhchem physics textcomp"
    " textmacros unicode units upgreek verb"
).split()
_MATHJAX_SETTINGS = f"""<script>
window.MathJax = {{
    loader: {{load: ["ui/safe"]}},
    tex: {{
        require: {{
            allow: {{{", ".join(f'"{name}": true' for name in _MATH_EXTENSIONS)}}},
            defaultAllow: false
        }}
    }}
}};
</script>
"""

# Halfmoon writes the name of a chosen file into the page as HTML.
_FILE_NAMES_AS_TEXT = """<script>
document.addEventListener("DOMContentLoaded", function() {
    document.querySelectorAll(".custom-file .file-names").forEach(function(names) {
        var asText = function(name) { names.textContent = name; };
        Object.defineProperty(names, "innerHTML", {set: asText});
    });
});
</script>
"""


def _kept(source: str, variant: str) -> str:
    """What a template becomes whose HTML is kept for what the variable `source` names."""
    return (
        "{%- set kept = kept_fragment(" + source + " | default(none), " + variant + ") -%}"
        "{%- if kept is not none -%}{{ kept }}{%- else -%}"
        r"{%- set made -%}\g<0>{%- endset -%}"
        "{{ keep_fragment(" + source + " | default(none), made, " + variant + ") }}{%- endif -%}"
    )


_WHOLE = re.compile(r"\A.*\Z", re.DOTALL)

RULES = (
    TemplateRule(
        template="snippets/menutree.html",
        pattern=_WHOLE,
        replacement=_kept(
            "menutree",
            "'menu', has_permission('READ'), config.SIDEBAR_MENUTREE_FOCUS,"
            " pagepath.lower() if pagepath else none",
        ),
        count=1,
        reason="the page tree is the same at each view (otterwiki_engine.kept_fragments)",
    ),
    TemplateRule(
        template="snippets/pageindex.html",
        pattern=_WHOLE,
        replacement=_kept("pages", "'index', hide_toc | default(false)"),
        count=1,
        reason="the page index is the same at each view (otterwiki_engine.kept_fragments)",
    ),
    TemplateRule(
        template="page.html",
        pattern="{{htmlcontent|safe}}\n</article>\n",
        replacement=(
            "{{htmlcontent|safe}}\n</article>\n"
            "{% if htmlcontent is defined %}{{ linked_from(pagepath, revision) }}{% endif %}\n"
        ),
        count=1,
        reason="a page shows which pages link to it (otterwiki_engine.linked_from)",
    ),
    TemplateRule(
        template="search.html",
        pattern=re.compile(
            r"\{% if result %\}.*?\{% else %\}\n"
            r'<h1 class="content-title">No match found\.</h1>\n\{% endif %\}',
            re.DOTALL,
        ),
        replacement='{% include "otterwiki_engine/search_results.html" %}',
        count=1,
        reason="results come ranked, from the full-text index (otterwiki_engine.search_page)",
    ),
    TemplateRule(
        template="search.html",
        pattern='<div class="form-group">\n    <input class="btn btn-primary" type="submit"',
        replacement=(
            '{% include "otterwiki_engine/search_modes.html" %}\n'
            '<div class="form-group">\n    <input class="btn btn-primary" type="submit"'
        ),
        count=1,
        reason="plugins may know other ways to search than by words",
    ),
    TemplateRule(
        template="layout.html",
        pattern="{#- custom js for tweaking an otter wiki #}",
        replacement=_FILE_NAMES_AS_TEXT + "{#- custom js for tweaking an otter wiki #}",
        count=1,
        reason="a file called <img src=x onerror=...> runs its name when somebody chooses it",
    ),
    TemplateRule(
        template="snippets/renderer_js.html",
        pattern='<script id="MathJax-script"',
        replacement=_MATHJAX_SETTINGS + '<script id="MathJax-script"',
        count=1,
        reason=(
            "a click on a formula may run a javascript: link (fixed upstream in 2.26.2: see then"
            " whether its settings are as strict)"
        ),
    ),
    TemplateRule(
        template="editor.html",
        pattern=re.compile(r'<form id="saveform"[^>]*>'),
        replacement=r"\g<0>" + "\n" + BASE_FIELD,
        count=2,
        reason="a save must say which revision it was made on, or it overwrites what came since",
    ),
    TemplateRule(
        template="editor.html",
        pattern="onFileUploadResponse: function(xhr) {",
        replacement=_UPLOAD_REFUSED + "onFileUploadResponse: function(xhr) {",
        count=1,
        reason="an upload that a limit refuses must say which, and leave nothing in the text",
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
