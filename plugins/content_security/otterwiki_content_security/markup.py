"""The rewriting of template sources: a nonce for each script, a named action for each handler."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from .handlers import HANDLERS, Handler

_SCRIPT = re.compile(r"<script(?=[\s>])(?![^>]*\snonce=)", re.IGNORECASE)
_NONCE = ' nonce="{{ csp_nonce() }}"'
#: An ``on...`` attribute; what stands in double braces may hold quotes.
_HANDLER = re.compile(
    r"""(?<=[\s"'])on(?P<event>[a-z]+)\s*=\s*
        (?P<quote>["'])(?P<code>(?:\{\{.*?\}\}|(?!\{\{)(?!(?P=quote)).)*)(?P=quote)""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_SCRIPT_URL = re.compile(r"""=\s*["']?\s*javascript:""", re.IGNORECASE)
#: Script elements in Otterwiki's templates.
SCRIPT_ELEMENTS = 17

_BY_CODE: Mapping[tuple[str, str], Handler] = {
    (handler.event, code): handler
    for handler in HANDLERS
    for code in (handler.code, *handler.seen_as)
}


class MarkupTransform:
    """Applied to every template; see :class:`otterwiki_engine.template_rewrite.Transform`."""

    def apply(self, template: str, source: str) -> str:
        """`source` with nonces and actions; a handler nobody listed stays, and will not run."""

        def action(found: re.Match[str]) -> str:
            handler = _BY_CODE.get((found["event"].lower(), found["code"]))
            return handler.attributes if handler else found.group(0)

        return _HANDLER.sub(action, _SCRIPT.sub(r"\g<0>" + _NONCE, source))

    def problems(self, untouched: Mapping[str, str], rewritten: Mapping[str, str]) -> list[str]:
        """What no longer fits in Otterwiki's templates, given as upstream wrote them and as served.

        Each handler and script element has to be there exactly as often as it was when somebody
        looked at it, and none may be left.
        """
        return [*_inventory(untouched.values()), *_leftovers(rewritten)]


def _inventory(sources: Iterable[str]) -> Iterable[str]:
    handlers: Counter[tuple[str, str]] = Counter()
    scripts = 0
    for source in sources:
        handlers.update((m["event"].lower(), m["code"]) for m in _HANDLER.finditer(source))
        scripts += len(_SCRIPT.findall(source))
    expected = Counter({(h.event, h.code): h.count for h in HANDLERS})
    for key in sorted(expected.keys() | handlers.keys()):
        if expected[key] != handlers[key]:
            event, code = key
            yield (
                f"Otterwiki's templates: expected {expected[key]} times on{event}={code!r}, found"
                f" {handlers[key]}. Its action has to be listed in otterwiki_content_security"
            )
    if scripts != SCRIPT_ELEMENTS:
        yield f"Otterwiki's templates: expected {SCRIPT_ELEMENTS} scripts, found {scripts}"


def _leftovers(rewritten: Mapping[str, str]) -> Iterable[str]:
    for template, source in sorted(rewritten.items()):
        for found in _HANDLER.finditer(source):
            yield f"template {template}: {found.group(0)} would be blocked by the policy"
        if _SCRIPT_URL.search(source):
            yield f"template {template}: a javascript: address would be blocked by the policy"
