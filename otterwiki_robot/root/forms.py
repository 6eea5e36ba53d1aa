"""What a submitted form holds: the values to show again, and what is wrong with which field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_FIELD_CHARACTERS = 2000


@dataclass
class Form:
    """Values and errors by field name. A form with an error is shown again as it was filled in."""

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, submitted: Mapping[str, str], *names: str) -> Form:
        """The named fields of what was submitted, "" where one is missing; bounded in length."""
        return cls({name: submitted.get(name, "")[:MAX_FIELD_CHARACTERS] for name in names})

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "").strip()

    def is_ticked(self, name: str) -> bool:
        """Whether the checkbox of that name was ticked."""
        return self[name] == "yes"

    def refuse(self, name: str, sentence: str) -> None:
        """Say what is wrong with a field."""
        self.errors[name] = sentence

    @property
    def is_fine(self) -> bool:
        """Whether nothing is wrong."""
        return not self.errors
