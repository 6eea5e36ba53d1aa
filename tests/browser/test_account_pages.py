"""The account pages in Chromium: by mouse, by keyboard, without a script, on a phone, dark."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

Visit = Callable[..., Page]
DARK = re.compile(r"(^|\s)dark-mode(\s|$)")


def newcomer(farm: Any, name: str, *, wiki: bool = False) -> str:
    """Somebody new who is known to the farm, so that no test disturbs another."""
    farm.robot("user", "add", f"{name}.test")
    if wiki:
        farm.robot("wiki", "create", name, "--owner", f"{name}.test", "--name", f"{name}'s notes")
    return name


def status_with(farm: Any, slug: str, token: str) -> int:
    """What a program with that token gets for a wiki's front page."""
    connection = http.client.HTTPConnection("127.0.0.1", farm.port, timeout=60)
    try:
        host = f"{slug}.robot.localhost:{farm.port}"
        headers = {"Host": host, "Authorization": f"Bearer {token}"}
        connection.request("GET", "/", headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def press_until_focused(page: Page, target: Any, *, most: int = 60) -> None:
    """Go on with the Tab key until `target` has the focus."""
    for _ in range(most):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("the Tab key does not lead there")


def test_create_settings_invite_change_remove_leave(
    visitor: Visit, farm: Any, shot: Callable[[Page, str], None]
) -> None:
    newcomer(farm, "dana")
    newcomer(farm, "erin")
    dana, erin = visitor("dana"), visitor("erin")
    dana.goto(farm.url(path="/app/"))
    dana.get_by_role("link", name="Create your wiki").click()
    expect(dana.get_by_text(farm.url("dana"))).to_be_visible()
    expect(dana.get_by_label("Private: only you and those you invite")).to_be_checked()
    dana.get_by_role("textbox", name="Name").fill("Dana's notes")
    dana.get_by_label("What is it for?").fill("Birds & where they nest")
    dana.get_by_role("button", name="Create the wiki").click()
    expect(dana.get_by_role("heading", level=1)).to_have_text("Your wiki is there")
    token = dana.locator("#token").inner_text()
    assert re.fullmatch(r"rbt_\w+_[\w-]+", token)
    dana.get_by_role("link", name="Open the wiki").click()
    expect(dana).to_have_url(farm.url("dana"))
    expect(dana.locator(".navbar-brand")).to_contain_text("Dana's notes")

    # from the wiki's own menu to its settings
    dana.locator("#navbar-dropdown-toggle-btn-1").click()
    shot(dana, "account-menu-of-a-wiki")
    dana.get_by_role("link", name="Wiki settings").click()
    expect(dana).to_have_url(farm.url(path="/app/settings?wiki=dana"))
    dana.get_by_role("textbox", name="Name").fill("Dana's birds")
    dana.get_by_role("button", name="Save name and description").click()
    expect(dana.get_by_role("status")).to_have_text("Name and description are saved.")
    expect(dana.get_by_role("textbox", name="Description")).to_have_value("Birds & where they nest")
    dana.goto(farm.url("dana"))
    expect(dana.locator(".navbar-brand")).to_contain_text("Dana's birds")

    dana.goto(farm.url(path="/app/collaborators"))
    dana.get_by_label("Handle").fill("frank.test")
    dana.get_by_label("Role", exact=True).select_option("viewer")
    dana.get_by_role("button", name="Invite").click()
    expect(dana.get_by_text("Nobody of that handle is known here.")).to_be_visible()
    expect(dana.get_by_label("Handle")).to_have_value("frank.test")
    expect(dana.get_by_label("Handle")).to_be_focused()
    dana.get_by_label("Handle").fill("erin.test")
    dana.get_by_role("button", name="Invite").click()
    expect(dana.get_by_role("status")).to_contain_text("The collaborator is added")

    erin.goto(farm.url("dana"))
    expect(erin.locator(".navbar-brand")).to_contain_text("Dana's birds")
    assert erin.goto(farm.url("dana", "/Home/edit")).status == 403  # type: ignore[union-attr]
    dana.get_by_label("Role of erin.test").select_option("editor")
    dana.get_by_role("button", name="Change the role of erin.test").click()
    expect(dana.get_by_role("status")).to_contain_text("The role is changed")
    assert erin.goto(farm.url("dana", "/Home/edit")).status == 200  # type: ignore[union-attr]
    erin.wait_for_load_state("networkidle")  # what is loaded later is refused with the page
    dana.get_by_role("button", name="Remove erin.test").click()
    expect(dana.get_by_role("status")).to_contain_text("The collaborator is removed")
    assert erin.goto(farm.url("dana")).status == 404  # type: ignore[union-attr]

    dana.get_by_label("Handle").fill("erin.test")
    dana.get_by_role("button", name="Invite").click()
    erin.goto(farm.url(path="/app/"))
    erin.get_by_role("link", name="Members, or leave").click()
    erin.get_by_role("button", name="Leave Dana's birds").click()
    expect(erin.get_by_role("status")).to_have_text("You have left the wiki.")
    expect(erin.get_by_text("Nobody shares a wiki with you")).to_be_visible()
    assert erin.goto(farm.url("dana")).status == 404  # type: ignore[union-attr]
    dana.goto(farm.url(path="/app/activity"))
    expect(dana.get_by_text("erin.test left the wiki (editor).")).to_be_visible()
    expect(dana.get_by_text("You made the wiki.")).to_be_visible()


def test_public_with_a_warning_then_listed(visitor: Visit, farm: Any) -> None:
    newcomer(farm, "gina", wiki=True)
    gina, stranger = visitor("gina"), visitor()
    gina.goto(farm.url(path="/app/settings"))
    expect(gina.get_by_text("Making it public opens the whole history.")).to_be_visible()
    gina.get_by_label("Public: anyone may read it").check()
    gina.get_by_role("button", name="Save who may read it").click()
    expect(gina.get_by_text("Tick this to make the wiki public.")).to_be_visible()
    expect(gina.get_by_label("Public: anyone may read it")).to_be_checked()
    stranger.goto(farm.url("gina"))
    expect(stranger).to_have_url(re.compile("/auth/login"))
    gina.get_by_label("I understand that the whole history").check()
    gina.get_by_role("button", name="Save who may read it").click()
    expect(gina.get_by_role("status")).to_contain_text("The wiki is public now")
    stranger.goto(farm.url("gina"))
    expect(stranger).to_have_url(farm.url("gina"))
    stranger.goto(farm.url())
    expect(stranger.get_by_role("link", name="gina's notes")).to_have_count(0)
    gina.get_by_label("List this wiki").check()
    gina.get_by_role("button", name="Save listing").click()
    stranger.reload()
    expect(stranger.get_by_role("link", name="gina's notes")).to_have_attribute(
        "href", farm.url("gina")
    )


def test_delete_with_the_typed_address(visitor: Visit, farm: Any) -> None:
    newcomer(farm, "hana", wiki=True)
    hana = visitor("hana")
    hana.goto(farm.url(path="/app/settings"))
    expect(hana.get_by_role("link", name="Export it first")).to_be_visible()
    hana.get_by_label("Type hana to confirm").fill("hanna")
    hana.get_by_role("button", name="Delete the wiki").click()
    expect(hana.get_by_text("Type hana to delete the wiki.")).to_be_visible()
    expect(hana.get_by_label("Type hana to confirm")).to_have_value("hanna")
    hana.get_by_label("Type hana to confirm").fill("hana")
    hana.get_by_role("button", name="Delete the wiki").click()
    expect(hana.get_by_role("status")).to_contain_text("The wiki is deleted")
    expect(hana.get_by_role("link", name="Create your wiki")).to_be_visible()
    assert hana.goto(farm.url("hana")).status == 404  # type: ignore[union-attr]


def test_signing_out_everywhere_ends_the_other_browser(visitor: Visit, farm: Any) -> None:
    newcomer(farm, "ines", wiki=True)
    here, there = visitor("ines"), visitor("ines")
    there.goto(farm.url("ines"))
    expect(there).to_have_url(farm.url("ines"))
    here.goto(farm.url(path="/app/account"))
    expect(here.get_by_text("this browser")).to_have_count(1)
    expect(here.get_by_role("button", name=re.compile("^Sign it out"))).to_have_count(1)
    here.get_by_role("button", name="Sign out everywhere").click()
    expect(here.get_by_role("status")).to_have_text("You are signed out in every browser.")
    there.goto(farm.url("ines"))
    expect(there).to_have_url(re.compile("/auth/login"))
    there.goto(farm.url(path="/app/"))
    expect(there).to_have_url(re.compile("/auth/login"))


def test_ending_one_session_ends_that_browser_only(visitor: Visit, farm: Any) -> None:
    newcomer(farm, "jana", wiki=True)
    here, there = visitor("jana"), visitor("jana")
    here.goto(farm.url(path="/app/account"))
    here.get_by_role("button", name=re.compile("^Sign it out")).click()
    expect(here.get_by_role("status")).to_have_text("That browser is signed out.")
    there.goto(farm.url(path="/app/"))
    expect(there).to_have_url(re.compile("/auth/login"))
    here.reload()
    expect(here.get_by_role("heading", level=1)).to_have_text("Account")


def test_the_account_ends_with_the_typed_handle(visitor: Visit, farm: Any) -> None:
    newcomer(farm, "kira", wiki=True)
    kira = visitor("kira")
    kira.goto(farm.url(path="/app/account"))
    kira.get_by_label("Type kira.test to confirm").fill("kira.test")
    kira.get_by_role("button", name="Delete my account").click()
    expect(kira.get_by_role("status")).to_have_text("Your account is deleted.")
    expect(kira.get_by_role("navigation").get_by_role("link", name="Sign in")).to_be_visible()


def test_inviting_by_keyboard_alone(visitor: Visit, farm: Any) -> None:
    newcomer(farm, "lena", wiki=True)
    newcomer(farm, "mona")
    lena = visitor("lena")
    lena.goto(farm.url(path="/app/"))
    lena.keyboard.press("Tab")
    skip = lena.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    assert skip.bounding_box()["x"] >= 0  # type: ignore[index]
    lena.keyboard.press("Enter")
    expect(lena.locator("main")).to_be_focused()
    lena.keyboard.press("Shift+Tab")  # back from the content: the last entry of the menu
    expect(lena.get_by_role("link", name="Account", exact=True)).to_be_focused()
    lena.reload()
    entry = lena.get_by_role("navigation", name="Account").get_by_role("link", name="Collaborators")
    press_until_focused(lena, entry)
    assert entry.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    lena.keyboard.press("Enter")
    expect(lena).to_have_url(farm.url(path="/app/collaborators"))
    expect(entry).to_have_attribute("aria-current", "page")
    press_until_focused(lena, lena.get_by_label("Handle"))
    lena.keyboard.type("mona.test")
    lena.keyboard.press("Tab")
    lena.keyboard.type("View")  # chooses in the list by its first letters
    lena.keyboard.press("Tab")
    expect(lena.get_by_role("button", name="Invite")).to_be_focused()
    lena.keyboard.press("Enter")
    expect(lena.get_by_role("status")).to_contain_text("The collaborator is added")
    expect(lena.get_by_label("Role of mona.test")).to_have_value("viewer")


def test_help_and_errors_belong_to_their_fields(visitor: Visit, farm: Any) -> None:
    newcomer(farm, "nora", wiki=True)
    nora = visitor("nora")
    nora.goto(farm.url(path="/app/collaborators"))
    handle = nora.get_by_label("Handle")
    expect(handle).to_have_accessible_description(
        "Like alice.example.com. They must have signed in here once."
    )
    handle.fill("nobody.test")
    nora.get_by_role("button", name="Invite").click()
    expect(handle).to_have_attribute("aria-invalid", "true")
    expect(handle).to_have_accessible_description(re.compile("^Nobody of that handle is known"))


def test_everything_works_without_a_script(browser: Browser, farm: Any) -> None:
    newcomer(farm, "olga")
    context = browser.new_context(java_script_enabled=False)
    try:
        olga = context.new_page()
        olga.goto(str(farm.robot("login-link", "olga.test")["url"]))
        olga.goto(farm.url(path="/app/create"))
        expect(olga.locator("#theme-toggle")).to_be_hidden()
        olga.get_by_role("textbox", name="Name").fill("Olga's wiki")
        olga.get_by_role("button", name="Create the wiki").click()
        expect(olga.get_by_role("heading", level=1)).to_have_text("Your wiki is there")
        olga.goto(farm.url(path="/app/settings"))
        olga.get_by_role("textbox", name="Description").fill("without a script")
        olga.get_by_role("button", name="Save name and description").click()
        expect(olga.get_by_role("status")).to_have_text("Name and description are saved.")
        olga.goto(farm.url(path="/app/connect"))
        olga.get_by_role("textbox", name="Name").fill("without a script")
        olga.get_by_role("button", name="Make the token").click()
        expect(olga.locator("#token")).to_have_text(re.compile("^rbt_"))
        olga.get_by_role("button", name="Revoke without a script").click()
        expect(olga.get_by_role("status")).to_contain_text("The token is revoked")
    finally:
        context.close()


def test_tokens_are_made_shown_once_copied_and_revoked(visitor: Visit, farm: Any) -> None:
    newcomer(farm, "vera", wiki=True)
    vera = visitor("vera")
    vera.context.grant_permissions(["clipboard-read", "clipboard-write"])
    vera.goto(farm.url("vera"))
    vera.locator("#navbar-dropdown-toggle-btn-1").click()
    vera.get_by_role("link", name="Connect programs").click()
    expect(vera).to_have_url(farm.url(path="/app/connect?wiki=vera"))
    vera.get_by_role("textbox", name="Name").fill("Vera's laptop")
    vera.get_by_label("Role", exact=True).select_option("viewer")
    vera.get_by_label("How long it works").select_option("30")
    vera.get_by_role("button", name="Make the token").click()
    token = vera.locator("#token").inner_text()
    assert re.fullmatch(r"rbt_\w+_\w+", token)
    copy = vera.get_by_role("button", name="Copy the token")
    if vera.evaluate("Boolean(navigator.clipboard)"):
        copy.click()
        expect(vera.get_by_role("button", name="Copied")).to_be_visible()
        assert vera.evaluate("navigator.clipboard.readText()") == token
    else:
        expect(copy).to_be_hidden()
    assert status_with(farm, "vera", token) == 200
    vera.goto(farm.url(path="/app/connect"))
    assert token not in vera.content()
    vera.get_by_role("button", name="Revoke Vera's laptop").click()
    expect(vera.get_by_role("status")).to_have_text(
        "The token is revoked and opens nothing any more."
    )
    assert status_with(farm, "vera", token) == 401
    vera.get_by_text("Tokens that have ended").click()
    expect(vera.get_by_text("revoked", exact=True)).to_be_visible()


def test_light_and_dark_follow_the_system_until_somebody_chooses(visitor: Visit, farm: Any) -> None:
    page = visitor(dark=True)
    page.goto(farm.url())
    toggle = page.get_by_role("button", name="Dark mode")
    expect(page.locator("body")).to_have_class(DARK)
    expect(toggle).to_have_attribute("aria-pressed", "true")
    page.emulate_media(color_scheme="light")
    expect(page.locator("body")).not_to_have_class(DARK)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("body")).to_have_class(DARK)
    toggle.click()
    expect(page.locator("body")).not_to_have_class(DARK)
    page.goto(farm.url(path="/terms"))
    expect(page.locator("body")).not_to_have_class(DARK)
    expect(toggle).to_have_attribute("aria-pressed", "false")
    toggle.press("Enter")
    page.emulate_media(color_scheme="light")
    page.reload()
    expect(page.locator("body")).to_have_class(DARK)
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies(farm.url())}
    assert cookies["halfmoon_preferredMode"]["domain"] == "robot.localhost"  # this host's only


@pytest.fixture(scope="module")
def paula(farm: Any) -> str:
    """Somebody with a wiki, collaborators, and a wiki shared with them."""
    newcomer(farm, "paula", wiki=True)
    newcomer(farm, "quin", wiki=True)
    newcomer(farm, "rosa.a-handle-as-long-as-some-people-have-them.example")
    for name, options in (
        ("Paula's laptop", ["--role", "viewer", "--expires", "30"]),
        ("a-name-as-long-as-the-name-of-a-token-can-be-without-a-space", []),
    ):
        made = farm.robot("token", "create", "paula", "--name", name, *options)
    farm.robot("token", "revoke", "paula", str(made["id"]))
    for slug, handle, role in (
        ("paula", "quin.test", "editor"),
        ("paula", "rosa.a-handle-as-long-as-some-people-have-them.example.test", "viewer"),
        ("quin", "paula.test", "viewer"),
    ):
        farm.robot("acl", "grant", slug, handle, role)
    return "paula"


PAGES = {
    "landing": "/",
    "terms": "/terms",
    "overview": "/app/",
    "create": "/app/create",
    "settings": "/app/settings?done=described",
    "collaborators": "/app/collaborators",
    "members": "/app/collaborators?wiki=quin",
    "connect": "/app/connect?done=token-revoked",
    "activity": "/app/activity",
    "account": "/app/account",
    "import": "/app/import",
    "export": "/app/export",
    "sign-out": "/auth/logout",
    "not-found": "/app/settings?wiki=nobody",
    "not-allowed": "/app/settings?wiki=quin",
}
LABELLED = """() => [...document.querySelectorAll("input, select, textarea, button")]
  .filter(field => field.type !== "hidden")
  .filter(field => !(field.labels && field.labels.length) && !field.textContent.trim()
                   && !field.getAttribute("aria-label"))
  .map(field => field.outerHTML)"""
BROKEN_BUTTONS = """() => [...document.querySelectorAll(".btn")]
  .filter(button => button.offsetHeight > 40).map(button => button.outerHTML)"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def submit(page: Page, button: str) -> None:
    """Press a form's button, and wait until the answer is there."""
    with page.expect_navigation():
        page.get_by_role("button", name=button).click()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_fits_has_labels_and_breaks_no_policy(
    visitor: Visit, farm: Any, shot: Callable[[Page, str], None], paula: str, width: int, dark: bool
) -> None:
    page = visitor(paula, width=width, dark=dark)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(f"{page.url}: {message.text}"))
    for name, path in PAGES.items():
        page.goto(farm.url(path=path))
        assert page.evaluate(TOO_WIDE) <= 0, f"{name} is wider than {width}"
        assert page.evaluate(LABELLED) == [], name
        assert page.evaluate(BROKEN_BUTTONS) == [], name
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        expect(page.locator("body")).to_have_class(
            DARK if dark else re.compile(r"^(?!.*dark-mode)")
        )
        shot(page, f"account-{name}-{width}-{'dark' if dark else 'light'}")
    refused = ("status of 404", "status of 403")
    assert [text for text in complaints if not any(mark in text for mark in refused)] == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_that_answer_a_form_fit_too(
    visitor: Visit, farm: Any, shot: Callable[[Page, str], None], width: int, dark: bool
) -> None:
    mode = "dark" if dark else "light"
    name = newcomer(farm, f"sam-{width}-{mode}")
    sam = visitor(name, width=width, dark=dark)
    sam.goto(farm.url(path="/app/"))
    shot(sam, f"account-overview-none-{width}-{mode}")
    sam.goto(farm.url(path="/app/create"))
    sam.get_by_role("textbox", name="Name").fill("x" * 80)
    submit(sam, "Create the wiki")
    assert sam.evaluate(TOO_WIDE) <= 0
    shot(sam, f"account-created-{width}-{mode}")
    sam.goto(farm.url(path="/app/collaborators"))
    sam.get_by_label("Handle").fill("nobody-of-that-name.example.com")
    submit(sam, "Invite")
    assert sam.evaluate(TOO_WIDE) <= 0
    shot(sam, f"account-collaborators-error-{width}-{mode}")
    sam.goto(farm.url(path="/app/connect"))
    sam.get_by_role("textbox", name="Name").fill("x" * 60)
    submit(sam, "Make the token")
    expect(sam.locator("#token")).to_be_visible()
    assert sam.evaluate(TOO_WIDE) <= 0
    shot(sam, f"account-connect-made-{width}-{mode}")
    sam.goto(farm.url(path="/app/settings"))
    sam.get_by_label("Type ").fill("something else")
    submit(sam, "Delete the wiki")
    assert sam.evaluate(TOO_WIDE) <= 0
    shot(sam, f"account-settings-error-{width}-{mode}")
