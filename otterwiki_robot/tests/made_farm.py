"""A small farm for tests: Alice with a private wiki, Bob with a public one."""

from __future__ import annotations

from pathlib import Path

from otterwiki_robot.installation import Installation
from otterwiki_robot.new_wiki import template_pages
from otterwiki_robot.settings import read_settings
from otterwiki_tenant import clock, names, users

ALICE, BOB = "alice.test", "bob.test"


def make_home(home: Path) -> Path:
    """Make the farm at `home`, which must not exist yet; returns `home`. Copy it for each test."""
    installation = Installation(read_settings({"ROBOT_DEV": "1", "ROBOT_HOME": str(home)}))
    installation.bare_farm.bcrypt_rounds = 4  # the lowest there is: tokens are made in no time
    installation.bare_farm.initialise()
    for handle, is_public in ((ALICE, False), (BOB, True)):
        with installation.farm.database.writing() as session:
            person = users.add(
                session, did=names.development_did(handle), handle=handle, now=clock.now()
            )
        installation.farm.create_wiki(
            person.username,
            owner_did=person.did,
            is_public=is_public,
            template=template_pages(
                installation.settings,
                slug=person.username,
                name=person.username,
                purpose="",
                owner_handle=handle,
            ),
        )
    installation.close()
    return home
