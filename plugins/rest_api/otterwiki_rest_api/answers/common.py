"""What answers of several kinds are made of."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..fields import Model

NextCursor = Annotated[
    str | None, Field(description="What to send as `cursor` to read on; null at the end.")
]
PageRevision = Annotated[
    str, Field(description="The commit that last changed the page: the base of a change.")
]
Diff = Annotated[str, Field(description="What changed, as a unified diff.")]
IsCut = Annotated[bool, Field(description="Whether the diff was cut as it is very long.")]
Parent = Annotated[
    str | None, Field(description="The commit before; null for the first one of the wiki.")
]


class Health(Model):
    """The API answers and the wiki's repository can be read."""

    status: Literal["ok"]


class Problem(BaseModel):
    """Why nothing was done (RFC 9457). Further members depend on the refusal."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str = Field(description="A sentence that says what is wrong and what to do.")
    error: str = Field(description="The same sentence.")
    code: str | None = Field(default=None, description="One word for programs.")


class Commit(Model):
    """A commit."""

    revision: str
    author: str
    date: datetime
    message: str
