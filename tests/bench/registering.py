"""Makes many wikis in a farm: `python -m tests.bench.registering COUNT OWNER`; prints their slugs.

Each is made by the call that `robot wiki create` makes, with the pages a new wiki starts with. Only
the first token's hash is a quick one: it takes a quarter of a second otherwise, and none is used.
"""

from __future__ import annotations

import sys

from otterwiki_robot.installation import Installation
from otterwiki_robot.new_wiki import template_pages
from otterwiki_robot.settings import read_settings
from otterwiki_tenant import users

_QUICK_ROUNDS = 4


def main(count: int, owner: str) -> None:
    """Register `count` wikis of the person `owner` (a handle)."""
    installation = Installation(read_settings())
    farm = installation.farm
    farm.bcrypt_rounds = _QUICK_ROUNDS
    with farm.database.reading() as session:
        person = users.get(session, owner)
    for number in range(count):
        slug = f"w{number:05}"
        pages = template_pages(
            installation.settings,
            slug=slug,
            name=f"Wiki {number}",
            purpose=f"The pages of number {number}.",
            owner_handle=person.shown_name,
        )
        farm.create_wiki(slug, owner_did=person.did, template=pages)
        print(slug)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
