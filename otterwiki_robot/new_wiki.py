"""The pages a new wiki starts with, filled in: name, purpose, addresses and this farm's limits.

They lie in ``wiki_template/``, with ``$name`` and the like where something is filled in. What a
person typed comes in as plain text: nothing in it can become a link, a heading or HTML.
"""

from __future__ import annotations

import re
from string import Template

from .installation import packaged_pages
from .settings import Settings

_NO_PURPOSE = "Say here in a sentence or two what this wiki is for."
#: What Markdown, the wiki's extensions of it or HTML give a meaning to, wherever it stands.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-!|~=$:&@^/\"])")
_NUMBERED = re.compile(r"^([0-9]+)\.")  # at the start of a line it would begin a list


def template_pages(
    settings: Settings, *, slug: str, name: str, purpose: str, owner_handle: str
) -> dict[str, bytes]:
    """The first pages of the wiki `slug`, by file name.

    `name` is shown as its heading, `purpose` (may be empty) below it; both are any text of a
    person, of which line breaks become spaces.
    """
    values = {
        "name": plain_text(name) or plain_text(slug),
        "purpose": plain_text(purpose) or _NO_PURPOSE,
        "owner": plain_text(owner_handle),
        "slug": slug,
        "root_url": settings.root_url,
        "wiki_url": settings.wiki_url(slug),
        "max_wikis": f"{settings.max_wikis:,}",
        "max_pages": f"{settings.max_pages:,}",
        "max_collaborators": f"{settings.max_collaborators:,}",
        "page_bytes": f"{settings.max_page_bytes:,}",
        "attachment_bytes": f"{settings.max_attachment_bytes:,}",
        "repository_bytes": f"{settings.max_repository_bytes:,}",
    }
    return {
        path: Template(content.decode()).substitute(values).encode()
        for path, content in packaged_pages("wiki_template").items()
    }


def plain_text(text: str) -> str:
    """Markdown that shows `text` as it is, on one line, wherever in a paragraph it is put."""
    one_line = " ".join(text.split())
    return _NUMBERED.sub(r"\1\.", _SPECIAL.sub(r"\\\1", one_line))
