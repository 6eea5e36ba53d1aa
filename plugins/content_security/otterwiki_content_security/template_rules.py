"""Scripts of Otterwiki's templates that need more than a nonce."""

from __future__ import annotations

from otterwiki_engine.template_rewrite import TemplateRule

ACTIONS = (
    '  <script src="{{ url_for("content_security.static", filename="actions.js",'
    ' v=content_security_version) }}"></script>\n'
)
# A script element runs in the scope of the page, where `let` may declare a name only once: the
# braces give each preview a scope of its own, as eval did.
_PREVIEW_SCRIPT = """const preview_script = document.createElement('script');
                preview_script.nonce = document.querySelector('script[nonce]').nonce;
                preview_script.textContent = '{' + data.preview_js + '}';
                document.body.appendChild(preview_script).remove();"""

RULES = (
    TemplateRule(
        template="layout.html",
        pattern="  {#- Halfmoon JS #}\n",
        replacement=ACTIONS + "  {#- Halfmoon JS #}\n",
        count=1,
        reason="every page needs the script that carries out its named actions",
    ),
    TemplateRule(
        template="snippets/renderer_js.html",
        pattern="{{extra_js|safe}}",
        replacement="{{ with_nonce(extra_js)|safe }}",
        count=1,
        reason="this script element is made in Python, where it gets no nonce",
    ),
    TemplateRule(
        template="editor.html",
        pattern="eval(data.preview_js);",
        replacement=_PREVIEW_SCRIPT,
        count=1,
        reason="the policy forbids eval; a script element with the page's nonce does the same",
    ),
)
