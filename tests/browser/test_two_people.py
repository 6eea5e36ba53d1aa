"""Two people use their wikis in a real browser; strangers see what they may see."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000080000000808020000004b6d29dc"
    "0000001449444154789c63f8cfc0f01f1b66c02b41aa0e0043e40ff1f44c5d1f"
    "0000000049454e44ae426082"
)


def type_text(page: Page, text: str) -> None:
    """Replace what the editor holds."""
    page.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


def fetch(page: Page, url: str) -> tuple[int, str, bytes]:
    """Status, content type and body of `url` on the host the page is on, without leaving it."""
    found = page.evaluate(
        """async url => {
          const answer = await fetch(url, {redirect: "manual"});
          return [answer.status, answer.headers.get("content-type") || "",
                  Array.from(new Uint8Array(await answer.arrayBuffer()))];
        }""",
        url,
    )
    return found[0], found[1], bytes(found[2])


def save(page: Page, message: str) -> None:
    """Save from the editor, as a person does: the button, a message, the button."""
    page.locator("#save-page-btn").click()
    page.locator("#commit-message").fill(message)
    page.locator("#saveform button, #saveform input[type=submit]").last.click()


def test_create_edit_and_read(visitor: Callable[..., Page], farm, shot) -> None:  # type: ignore[no-untyped-def]
    alice = visitor("alice")
    alice.goto(farm.url("alice", "/-/create"))
    alice.locator("input[name=pagename]").fill("Garden")
    alice.locator("input[name=pagename]").press("Enter")
    expect(alice).to_have_url(re.compile(r"/Garden\?edit"))
    base = alice.locator("#saveform input[name=base]").first
    assert re.fullmatch(r"[0-9a-f]{40}", base.get_attribute("value") or "")
    type_text(alice, "# Garden\n\n## Beds\n\nPotatoes & $x^2$.\n\n## Tools\n\nA spade.\n")
    shot(alice, "editor-1280")
    save(alice, "planted")
    expect(alice).to_have_url(farm.url("alice", "/Garden"))
    expect(alice.get_by_role("heading", name="Beds")).to_be_visible()
    shot(alice, "page-1280")
    alice.goto(farm.url("alice", "/Garden/history"))
    expect(alice.locator("body")).to_contain_text("planted")
    expect(alice.locator("body")).to_contain_text("alice.test")

    phone = visitor("alice", width=390)
    phone.goto(farm.url("alice", "/Garden"))
    shot(phone, "page-390")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.goto(farm.url("alice", "/Garden?edit"))
    shot(phone, "editor-390")


def test_the_later_of_two_overlapping_saves_sees_the_conflict(visitor, farm, shot) -> None:  # type: ignore[no-untyped-def]
    first, second = visitor("alice"), visitor("alice", width=390)
    first.goto(farm.url("alice", "/Shared?edit"))
    type_text(first, "# Shared\n\none\n\ntwo\n\nthree\n")
    save(first, "start")
    for page in (first, second):
        page.goto(farm.url("alice", "/Shared?edit"))
    type_text(first, "# Shared\n\nONE\n\ntwo\n\nthree\n")
    save(first, "first")
    expect(first).to_have_url(farm.url("alice", "/Shared"))
    type_text(second, "# Shared\n\nuno\n\ntwo\n\nTHREE\n")
    save(second, "second")
    expect(second.locator("body")).to_contain_text("changed this page while you were editing")
    shot(second, "conflict-390")
    second.set_viewport_size({"width": 1280, "height": 900})
    shot(second, "conflict-1280")
    merged = second.locator("textarea[name=content]")
    text = merged.input_value()
    assert "THREE" in text
    assert "<<<<<<< your text\nuno\n=======\nONE\n>>>>>>> current text" in text
    merged.fill("# Shared\n\nONE, uno\n\ntwo\n\nTHREE\n")
    second.get_by_role("button", name="Save").click()
    expect(second).to_have_url(farm.url("alice", "/Shared"))
    expect(second.locator("body")).to_contain_text("ONE, uno")


def test_edits_in_different_places_are_merged(visitor, farm) -> None:  # type: ignore[no-untyped-def]
    first, second = visitor("alice"), visitor("alice")
    first.goto(farm.url("alice", "/Merged?edit"))
    type_text(first, "# Merged\n\none\n\ntwo\n\nthree\n")
    save(first, "start")
    second.goto(farm.url("alice", "/Merged?edit"))
    first.goto(farm.url("alice", "/Merged?edit"))
    type_text(first, "# Merged\n\nONE\n\ntwo\n\nthree\n")
    save(first, "first")
    expect(first).to_have_url(farm.url("alice", "/Merged"))
    type_text(second, "# Merged\n\none\n\ntwo\n\nTHREE\n")
    save(second, "second")
    expect(second).to_have_url(farm.url("alice", "/Merged"))
    for word in ("ONE", "THREE", "merged with a change made meanwhile"):
        expect(second.locator("body")).to_contain_text(word)


def test_attachments(visitor, farm, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "dot.png").write_bytes(PNG)
    bob = visitor("bob")
    bob.goto(farm.url("bob", "/Home/attachments"))
    bob.locator("input[type=file]").first.set_input_files(str(tmp_path / "dot.png"))
    bob.locator("input[type=submit][value=Upload]").click()
    expect(bob.locator("body")).to_contain_text("dot.png")
    assert fetch(bob, farm.url("bob", "/Home/dot.png")) == (200, "image/png", PNG)
    stranger = visitor()
    stranger.goto(farm.url("bob"))
    assert fetch(stranger, farm.url("bob", "/Home/dot.png")) == (200, "image/png", PNG)


def test_h5_a_private_and_a_missing_wiki_look_alike(visitor, farm, shot) -> None:  # type: ignore[no-untyped-def]
    stranger, bob = visitor(), visitor("bob")
    stranger.goto(farm.url("alice", "/Garden"))
    expect(stranger).to_have_url(re.compile(r"^http://robot\.localhost:\d+/auth/login\?next="))
    shot(stranger, "login-1280")
    private = stranger.locator("body").inner_text()
    stranger.goto(farm.url("nobody", "/Garden"))
    assert stranger.locator("body").inner_text().replace("nobody", "alice") == private
    seen = []
    for slug in ("alice", "nobody"):
        answer = bob.goto(farm.url(slug, "/Garden"))
        assert answer is not None
        seen.append((answer.status, bob.locator("body").inner_text()))
    assert seen[0] == seen[1]
    assert seen[0][0] == 404


def test_a_public_wiki_is_read_by_anyone_and_written_by_its_owner(visitor, farm, shot) -> None:  # type: ignore[no-untyped-def]
    stranger = visitor(width=390)
    stranger.goto(farm.url("bob"))
    expect(stranger.locator("h1").first).to_be_visible()
    shot(stranger, "public-390")
    alice = visitor("alice")
    refused = alice.goto(farm.url("bob", "/Home?edit"))
    assert refused is not None
    assert refused.status == 403
    stranger.goto(farm.url("bob", "/Home?edit"))
    expect(stranger.get_by_role("heading", level=1)).to_have_text("Sign in")
    stranger.goto(farm.url())
    shot(stranger, "landing-390")
