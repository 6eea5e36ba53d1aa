"""Small, checked changes to Otterwiki's templates, made in memory when a template is loaded.

Otterwiki stays unforked and its templates stay where they are. A rule names the template, what to
find, how often it must be there, and what to put in its place. A count that differs means upstream
changed the template: that stops the start-up, instead of silently dropping a guard.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from jinja2 import BaseLoader, ChoiceLoader, Environment, PackageLoader, TemplateNotFound

from .errors import EngineError


class TemplateChanged(EngineError):
    """Templates of Otterwiki no longer contain what a rule replaces."""


@dataclass(frozen=True)
class TemplateRule:
    """Replace `pattern` by `replacement` in the source of `template`, exactly `count` times.

    A pattern that is a string is taken literally; in a compiled one `replacement` may use groups
    ("\\g<0>"). `reason` is shown to whoever has to adapt the rule.
    """

    template: str
    pattern: str | re.Pattern[str]
    replacement: str
    count: int
    reason: str

    def apply(self, source: str) -> str:
        """The rewritten source; raises :class:`TemplateChanged`."""
        if isinstance(self.pattern, str):
            found = source.count(self.pattern)
            rewritten = source.replace(self.pattern, self.replacement)
        else:
            rewritten, found = self.pattern.subn(self.replacement, source)
        if found != self.count:
            wanted = self.pattern if isinstance(self.pattern, str) else self.pattern.pattern
            raise TemplateChanged(
                f"template {self.template}: expected {self.count} times {wanted!r}, found {found}."
                f" The rule is there because {self.reason}"
            )
        return rewritten


class RewritingLoader(BaseLoader):
    """Loads through another loader and applies the rules to what it finds."""

    def __init__(self, loader: BaseLoader, rules: Iterable[TemplateRule] = ()) -> None:
        self._loader = loader
        self._rules: dict[str, list[TemplateRule]] = {}
        self.add(rules)

    def add(self, rules: Iterable[TemplateRule]) -> None:
        """Apply `rules` as well, after those that are there already; each only once."""
        for rule in rules:
            present = self._rules.setdefault(rule.template, [])
            if rule not in present:
                present.append(rule)

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """The rewritten source, in Jinja's form."""
        source, filename, uptodate = self._loader.get_source(environment, template)
        for rule in self._rules.get(template, ()):
            source = rule.apply(source)
        return source, filename, uptodate

    def list_templates(self) -> list[str]:
        """Names of all templates of the inner loader."""
        return self._loader.list_templates()

    def check(self, environment: Environment) -> None:
        """Try every rule; raises one :class:`TemplateChanged` that names all that do not fit."""
        problems = []
        for template in sorted(self._rules):
            try:
                self.get_source(environment, template)
            except TemplateNotFound:
                problems.append(f"template {template}: it does not exist any more")
            except TemplateChanged as error:
                problems.append(str(error))
        if problems:
            raise TemplateChanged("; ".join(problems))


def install(app: Any, rules: Iterable[TemplateRule]) -> None:
    """Let `app` (Flask) load templates rewritten by `rules`, and the engine's own templates.

    May be called again, by others too, to add rules. Raises :class:`TemplateChanged` at once when
    a rule does not fit.
    """
    environment = app.jinja_env
    loader = environment.loader
    if not isinstance(loader, RewritingLoader):
        own = PackageLoader("otterwiki_engine", "templates")
        loader = RewritingLoader(ChoiceLoader([loader, own]))
        environment.loader = loader
    loader.add(rules)
    loader.check(environment)
