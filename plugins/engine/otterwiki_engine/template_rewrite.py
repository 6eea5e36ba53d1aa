"""Small, checked changes to Otterwiki's templates, made in memory when a template is loaded.

Otterwiki stays unforked and its templates stay where they are. A rule names the template, what to
find, how often it must be there, and what to put in its place. A count that differs means upstream
changed the template: that stops the start-up, instead of silently dropping a guard.

What concerns all templates alike is a :class:`Transform`, applied after the rules. It checks an
inventory of Otterwiki's templates of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

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


class Transform(Protocol):
    """A rewriting of every template, whoever wrote it, after all rules."""

    def apply(self, template: str, source: str) -> str:
        """The rewritten source of the template of that name; any source is taken."""

    def problems(self, untouched: Mapping[str, str], rewritten: Mapping[str, str]) -> list[str]:
        """What no longer fits, in words: sources by name, as upstream wrote them and as served."""


class RewritingLoader(BaseLoader):
    """Loads through another loader and applies rules, then transforms, to what it finds.

    Transforms are asked about the templates that lie below the folder `upstream` (None: about all):
    those of other plugins may hold what they like.
    """

    def __init__(
        self,
        loader: BaseLoader,
        rules: Iterable[TemplateRule] = (),
        transforms: Iterable[Transform] = (),
        upstream: Path | None = None,
    ) -> None:
        self._loader = loader
        self._upstream = upstream
        self._rules: dict[str, list[TemplateRule]] = {}
        self._transforms: list[Transform] = []
        self.add(rules, transforms)

    def add(self, rules: Iterable[TemplateRule], transforms: Iterable[Transform] = ()) -> None:
        """Apply these as well, after those that are there already; each only once."""
        for rule in rules:
            present = self._rules.setdefault(rule.template, [])
            if rule not in present:
                present.append(rule)
        for transform in transforms:
            if transform not in self._transforms:
                self._transforms.append(transform)

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """The rewritten source, in Jinja's form."""
        source, filename, uptodate = self._loader.get_source(environment, template)
        for rule in self._rules.get(template, ()):
            source = rule.apply(source)
        for transform in self._transforms:
            source = transform.apply(template, source)
        return source, filename, uptodate

    def list_templates(self) -> list[str]:
        """Names of all templates of the inner loader."""
        return self._loader.list_templates()

    def check(self, environment: Environment) -> None:
        """Try everything; raises one :class:`TemplateChanged` that names all that does not fit."""
        problems = []
        for template in sorted(self._rules):
            try:
                self.get_source(environment, template)
            except TemplateNotFound:
                problems.append(f"template {template}: it does not exist any more")
            except TemplateChanged as error:
                problems.append(str(error))
        if not problems and self._transforms:
            untouched = self._upstream_sources(environment)
            rewritten = {name: self.get_source(environment, name)[0] for name in untouched}
            for transform in self._transforms:
                problems += transform.problems(untouched, rewritten)
        if problems:
            raise TemplateChanged("; ".join(problems))

    def _upstream_sources(self, environment: Environment) -> dict[str, str]:
        found = {}
        for name in self.list_templates():
            source, filename, _ = self._loader.get_source(environment, name)
            inside = filename is not None and Path(filename).is_relative_to(self._upstream or "/")
            if self._upstream is None or inside:
                found[name] = source
        return found


def install(app: Any, rules: Iterable[TemplateRule], transforms: Iterable[Transform] = ()) -> None:
    """Let `app` (Flask) load rewritten templates, and the engine's own templates.

    May be called again, by others too, to add rules and transforms. Raises
    :class:`TemplateChanged` at once when one does not fit.
    """
    environment = app.jinja_env
    loader = environment.loader
    if not isinstance(loader, RewritingLoader):
        own = PackageLoader("otterwiki_engine", "templates")
        loader = RewritingLoader(ChoiceLoader([loader, own]), upstream=Path(app.root_path))
        environment.loader = loader
    loader.add(rules, transforms)
    loader.check(environment)
    if environment.cache is not None:
        environment.cache.clear()  # what was loaded before is not rewritten
