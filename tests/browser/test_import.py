"""Notes come into a wiki and leave it in a real browser: zip file, folder, refusal, download."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .test_two_people import PNG

VAULT = {
    "Welcome.md": "---\ntags: [garden]\n---\n# Welcome\n\n[[Plants/Tomato|my tomatoes]]\n\n"
    "[[Tomato]] ![[Pictures/spade.png]]\n\n![a spade](Pictures/spade.png)\n\n%%not for others%%\n",
    "Plants/Tomato.md": "# Tomato\n\nRed & round.\n",
    "Plants/Äpfel und Birnen.md": "# Äpfel\n",
    "README.md": "# My garden\n\nSee [[Welcome]].\n",
    "Plants/edit.md": "this address is taken\n",
    "Plants/tomato.md": "differs in case only\n",
    "Plants/Latin.md": b"caf\xe9",
    "Pictures/spade.png": PNG,
    "Pictures/not-a-picture.png": b"GIF89a",
    ".obsidian/app.json": "{}",
    ".obsidian/plugins/x/main.js": "alert(1)",
    ".trash/old.md": "old",
    "Plants/.hidden.md": "hidden",
    "Long/" + "a-very-long-name-without-a-space-" * 5 + ".md": "# Long\n",
    **{f"Journal/2026-01-{day:02}.md": f"# Day {day}\n" for day in range(1, 26)},
}
LOOKS = [(1280, False), (1280, True), (390, False), (390, True)]


def content(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    """A folder as Obsidian leaves it on disk."""
    folder = tmp_path / "My garden"
    for name, text in VAULT.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(text))
    return folder


@pytest.fixture
def vault_zip(tmp_path: Path) -> Path:
    path = tmp_path / "My garden.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in VAULT.items():
            archive.writestr(f"My garden/{name}", content(text))
    return path


@pytest.fixture(scope="module")
def registered(farm) -> None:  # type: ignore[no-untyped-def]
    farm.robot("user", "add", "dora.test")


@pytest.fixture
def dora(farm, registered: None) -> Iterator[str]:  # type: ignore[no-untyped-def]
    """Somebody with an untouched wiki of her own."""
    farm.robot("wiki", "create", "dora", "--owner", "dora.test")
    yield "dora"
    farm.robot("wiki", "delete", "dora", "--yes")


def in_all_looks(
    visitor: Callable[..., Page], shot: Callable[[Page, str], None], who: str, url: str, name: str
) -> None:
    """Pictures of the page at `url` on a desk and a phone, light and dark; nothing sticks out."""
    for width, dark in LOOKS:
        page = visitor(who, width=width, dark=dark)
        page.goto(url)
        shot(page, f"{name}-{width}-{'dark' if dark else 'light'}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_vault_is_previewed_imported_replaced_and_exported(  # type: ignore[no-untyped-def]
    visitor, farm, shot, vault: Path, vault_zip: Path, dora: str, tmp_path: Path
) -> None:
    start = farm.url(None, "/app/import")
    in_all_looks(visitor, shot, dora, start, "import")

    page = visitor(dora)
    page.goto(start)
    page.locator("#folder").set_input_files(vault)
    page.get_by_role("button", name="Check the folder").click()
    expect(page).to_have_url(re.compile(r"/app/import/[0-9a-f]{32}"))
    main = page.locator("#main")
    for words in (
        "My garden", "30 of at most 500", "README, as there is no page Home", ".obsidian/",
        "is a hidden folder (2 files)", ".trash/", "Plants/.hidden.md", "Plants/edit.md",
        "in case only", "is not text in UTF-8", "no PNG file begins like that",
        "Links like [[Page|text]] (1, first in Welcome)", "Comments like %%this%%",
    ):  # fmt: skip
        expect(main).to_contain_text(words)
    in_all_looks(visitor, shot, dora, page.url, "import-preview")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("The import is done")
    page.goto(farm.url(dora))
    expect(page.get_by_role("heading", name="My garden")).to_be_visible()
    page.goto(farm.url(dora, "/Plants/Äpfel und Birnen"))
    expect(page.get_by_role("heading", name="Äpfel")).to_be_visible()
    page.goto(farm.url(dora, "/Welcome"))
    picture = page.get_by_role("img", name="a spade")
    assert picture.evaluate("image => image.naturalWidth") == 8

    page.goto(start)
    page.locator("#zip").set_input_files(vault_zip)
    page.get_by_role("button", name="Check the zip file").click()
    expect(main).to_contain_text("My garden is taken off")
    expect(main).to_contain_text("Replace what is there")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("Tick this to put the import in the place")).to_be_visible()
    expect(page.get_by_label("Replace what is there")).to_be_focused()
    shot(page, "import-replace-1280-light")
    page.get_by_text("Replace what is there", exact=True).click()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("The import is done")

    export = farm.url(None, "/app/export")
    in_all_looks(visitor, shot, dora, export, "export")
    page.goto(export)
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download the zip file").click()
    assert re.fullmatch(r"dora-\d{4}-\d\d-\d\d\.zip", downloading.value.suggested_filename)
    downloading.value.save_as(tmp_path / "export.zip")
    with zipfile.ZipFile(tmp_path / "export.zip") as archive:
        assert archive.read("Plants/Äpfel und Birnen.md") == "# Äpfel\n".encode()
        assert not [name for name in archive.namelist() if ".obsidian" in name]


def test_a_refusal_names_what_is_wrong(visitor, farm, shot, dora: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    hostile = tmp_path / "hostile.zip"
    with zipfile.ZipFile(hostile, "w") as archive:
        archive.writestr("Home.md", "# Home\n")
        for number in range(25):
            archive.writestr(f"../../etc/cron.d/job{number}", "* * * * * root true\n")
        archive.writestr("../<img src=x onerror=alert(1)>.md", "x")
    for width, dark in LOOKS:
        page = visitor(dora, width=width, dark=dark)
        page.goto(farm.url(None, "/app/import"))
        page.locator("#zip").set_input_files(hostile)
        page.get_by_role("button", name="Check the zip file").click()
        expect(page.get_by_role("alert").first).to_contain_text("can't be imported")
        expect(page.get_by_text("and 6 more")).to_be_visible()
        shot(page, f"import-refused-{width}-{'dark' if dark else 'light'}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("#url").fill("https://127.0.0.1/notes.git")
    page.get_by_role("button", name="Fetch and check").click()
    expect(page.get_by_role("alert").first).to_contain_text("not its address in numbers")


def test_too_much_is_said_before_it_is_sent(visitor, farm, dora: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    many = tmp_path / "Many"
    many.mkdir()
    for number in range(5001):
        (many / f"n{number}.txt").touch()
    page = visitor(dora)
    page.goto(farm.url(None, "/app/import"))
    page.locator("#folder").set_input_files(many)
    page.get_by_role("button", name="Check the folder").click()
    expect(page.get_by_text("5001 files are more than 5000")).to_be_visible()
    expect(page).to_have_url(farm.url(None, "/app/import"))
