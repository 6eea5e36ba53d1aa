"""A farm with two wikis behind its front door, and what a browser would see in an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from bs4 import BeautifulSoup

from otterwiki_tenant.testing import SmallFarm

HEADER = "Content-Security-Policy"


@pytest.fixture(scope="module")
def small_farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallFarm]:
    """Alice's private wiki and Robert's public one; tests here add pages and never rely on none."""
    made = SmallFarm(tmp_path_factory.mktemp("farm") / "home")
    yield made
    made.close()


@dataclass(frozen=True)
class SeenPage:
    """An HTML answer, parsed: its policy's directives, and all elements."""

    html: str
    policy: dict[str, list[str]]
    elements: BeautifulSoup

    @property
    def nonce(self) -> str:
        (source,) = [s for s in self.policy["script-src"] if s.startswith("'nonce-")]
        return source.removeprefix("'nonce-").removesuffix("'")

    def complaints(self) -> list[str]:
        """What the policy would block in this page, and a nonce where none may be."""
        found = []
        for element in self.elements.find_all(True):
            for name, value in element.attrs.items():
                text = " ".join(value) if isinstance(value, list) else str(value)
                if name.lower().startswith("on"):
                    found.append(f"handler: {element}")
                if re.sub(r"[\x00-\x20]", "", text).lower().startswith("javascript:"):
                    found.append(f"address: {element}")
                if self.nonce in text and (element.name, name) != ("script", "nonce"):
                    found.append(f"the nonce is readable in {element}")
        scripts = self.elements.find_all("script")
        found += [f"no nonce: {s}" for s in scripts if s.get("nonce") != self.nonce]
        if self.html.count(self.nonce) != len(scripts):
            found.append("the nonce stands somewhere else too")
        return found


def see(answer: Any) -> SeenPage:
    """The page in a Werkzeug response."""
    html = answer.get_data(as_text=True)
    (value,) = answer.headers.getlist(HEADER)
    directives = (directive.split() for directive in value.split(";"))
    policy = {words[0]: words[1:] for words in directives}
    return SeenPage(html, policy, BeautifulSoup(html, "html.parser"))


@pytest.fixture
def seen() -> Any:
    """:func:`see`, for test modules, which can't import from here."""
    return see
