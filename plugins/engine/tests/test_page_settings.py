"""The page settings: read from Otterwiki's configuration, left for a sidecar, kept up to date."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from otterwiki_engine.pages.settings import (
    FILE_NAME,
    PageSettings,
    PageSettingsUnreadable,
    page_settings_of,
    read_page_settings,
    write_page_settings,
)


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        ({}, PageSettings()),
        (
            {"RETAIN_PAGE_NAME_CASE": True, "TREAT_UNDERSCORE_AS_SPACE_FOR_TITLES": True},
            PageSettings(retain_page_name_case=True, underscores_are_spaces=True),
        ),
        ({"WIKILINK_STYLE": "link_title"}, PageSettings(wikilink_link_first=True)),
        ({"WIKILINK_STYLE": "PageNameTitle"}, PageSettings(wikilink_link_first=True)),
        ({"WIKILINK_STYLE": "TITLELINK"}, PageSettings()),
        ({"HOME_PAGE": " /Start/Here/ "}, PageSettings(home_page="Start/Here")),
        ({"HOME_PAGE": "/-/changelog"}, PageSettings(home_page="")),
        ({"HOME_PAGE": None, "WIKILINK_STYLE": None}, PageSettings()),
    ],
)
def test_settings_of_a_configuration(config: dict[str, Any], settings: PageSettings) -> None:
    assert page_settings_of(config) == settings


def test_what_is_written_is_read_and_two_wikis_differ(tmp_path: Path) -> None:
    red, blue = tmp_path / "red", tmp_path / "blue"
    for folder in (red, blue):
        folder.mkdir()
        assert read_page_settings(folder) is None
    mine = PageSettings(retain_page_name_case=True, home_page="Über")
    assert write_page_settings(red, mine)
    assert not write_page_settings(red, mine)
    write_page_settings(blue, PageSettings())
    assert read_page_settings(red) == mine
    assert read_page_settings(blue) == PageSettings()
    assert [path.name for path in red.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b"\xff", b'{"home_page": 1}', json.dumps({"x": 1}).encode()],
)
def test_a_damaged_file_is_told_and_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(PageSettingsUnreadable):
        read_page_settings(tmp_path)
    assert write_page_settings(tmp_path, PageSettings())
    assert read_page_settings(tmp_path) == PageSettings()


# A stock Otterwiki in a process of its own: it reads its settings when it is imported.
_STOCK = """
import json, sys
from pathlib import Path
from otterwiki.plugins import plugin_manager
for name in ("tenant", "access_control", "content_security"):
    if plugin_manager.has_plugin(name):
        plugin_manager.unregister(name=name)
from otterwiki.server import app, db, storage, update_app_config
from otterwiki.models import Preferences
file = Path(storage.wiki.repository.state_dir) / "page-settings.json"
seen = [json.loads(file.read_text())]
client = app.test_client()

def change(name, value):
    with app.app_context():
        Preferences.query.filter_by(name=name).delete()
        db.session.add(Preferences(name=name, value=value))
        db.session.commit()
        update_app_config()

change("RETAIN_PAGE_NAME_CASE", "True")
seen.append(json.loads(file.read_text()))
file.write_text(json.dumps({**seen[-1], "home_page": "Elsewhere"}))
client.get("/")
seen.append(json.loads(file.read_text()))
change("WIKILINK_STYLE", "LINK_TITLE")
seen.append(json.loads(file.read_text()))
print("SEEN " + json.dumps(seen))
"""


def test_a_stock_otterwiki_leaves_its_settings_and_keeps_them_true(tmp_path: Path) -> None:
    wiki = tmp_path / "wiki"
    subprocess.run(["git", "init", "-q", str(wiki)], check=True)
    environment = {
        **os.environ,
        "REPOSITORY": str(wiki),
        "SECRET_KEY": "only-for-the-tests-of-the-engine",
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/preferences.db",
        "HOME_PAGE": "Start",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    done = subprocess.run(
        [sys.executable, "-c", _STOCK],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("SEEN ")]
    first, second, third, fourth = json.loads(line.removeprefix("SEEN "))
    assert (first["home_page"], first["retain_page_name_case"]) == ("Start", False)
    assert second == {**first, "retain_page_name_case": True}
    # What another process wrote is not undone by one whose own settings did not change.
    assert third == {**second, "home_page": "Elsewhere"}
    assert fourth == {**second, "wikilink_link_first": True}
    assert read_page_settings(wiki / ".git" / "otterwiki") == PageSettings(
        retain_page_name_case=True, wikilink_link_first=True, home_page="Start"
    )
