"""A PDF attachment is shown by the browser, with the headers attachments have (checklist G3)."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from .conftest import RunningFarm

_RED = (255, 0, 0)
_ENOUGH_PIXELS = 10_000


def _is_red(pixel: tuple[int, ...]) -> bool:
    return pixel[0] > 200 and pixel[1] < 60 and pixel[2] < 60


def _red_pixels(png: bytes) -> int:
    with Image.open(BytesIO(png)) as picture:
        counted = picture.convert("RGB").getcolors(maxcolors=1 << 24) or []
    return sum(count for count, pixel in counted if isinstance(pixel, tuple) and _is_red(pixel))


def test_g3_a_pdf_is_shown_by_the_browser(
    visitor: Callable[..., Page], farm: RunningFarm, tmp_path: Path
) -> None:
    document = tmp_path / "red.pdf"
    Image.new("RGB", (600, 800), _RED).save(document)
    alice = visitor("alice")
    alice.goto(farm.url("alice", "/Home/attachments"))
    alice.locator("input[type=file]").first.set_input_files(document)
    alice.locator("input[type=submit][value=Upload]").click()
    alice.wait_for_load_state()
    answer = alice.goto(farm.url("alice", "/Home/a/red.pdf"))
    assert answer is not None
    assert answer.headers["content-type"] == "application/pdf"
    shown = 0
    for _ in range(100):  # the viewer draws after the page is loaded
        shown = _red_pixels(alice.screenshot())
        if shown > _ENOUGH_PIXELS:
            break
        alice.wait_for_timeout(100)
    assert shown > _ENOUGH_PIXELS
