"""The content security policy in a real browser: nothing of Otterwiki needs what it forbids.

Every violation that Chromium reports is collected; a test that expects none fails on any. The
features are used as a person uses them, by clicking.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Dialog, Locator, Page, Route, expect

EVERYTHING = """# Everything

Inline `$x^2 + y^2$`.

```math
\\int_0^1 x \\, dx = \\frac{1}{2}
```

```mermaid
graph TD
  A-->B
```

```python
print("copied")
```

>! a spoiler

>| # Folded
> hidden text

{{datatable
| name | legs |
|------|------|
| cat  | 4    |
| duck | 2    |
}}

{{PageIndex
|toc=true
}}

{{Video
https://www.youtube.com/watch?v=dQw4w9WgXcQ
}}

- [x] task

## Second heading
"""
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000080000000808020000004b6d29dc"
    "0000001449444154789c63f8cfc0f01f1b66c02b41aa0e0043e40ff1f44c5d1f"
    "0000000049454e44ae426082"
)
TABLE = "text\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |\n\nend\n"
ACTION_MILLISECONDS = 15_000
#: For a label that is empty, and drawn by a style: it has no size by which to be clicked.
CLICK = "(label) => label.click()"
LISTENER = """
document.addEventListener("securitypolicyviolation", (event) => window.tellViolation(
  `${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""
READ_PAGES = (
    "/",
    "/Everything",
    "/Everything/history",
    "/Everything/blame",
    "/Everything/source",
    "/Everything/attachments",
    "/Everything/rename",
    "/Everything/delete",
    "/Everything?edit",
    "/Everything/diff/HEAD~1/HEAD",
    "/Nothing here",
    "/-/about",
    "/-/admin",
    "/-/admin/content_and_editing",
    "/-/admin/sidebar_preferences",
    "/-/changelog",
    "/-/create",
    "/-/help",
    "/-/help/admin",
    "/-/help/plugins",
    "/-/help/syntax",
    "/-/housekeeping",
    "/-/search?query=spoiler",
    "/-/settings",
    "/-/syntax",
)


class Watched:
    """A person's browser page in her wiki, and the violations reported there."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.violations: list[str] = []
        page.set_default_timeout(ACTION_MILLISECONDS)
        expect.set_options(timeout=ACTION_MILLISECONDS)
        page.context.expose_binding("tellViolation", lambda _source, told: self._tell(told))
        page.context.add_init_script(LISTENER)

    def _tell(self, told: str) -> None:
        self.violations.append(f"{self.page.url}: {told}")

    def go(self, path: str) -> None:
        """Open a page of the wiki, and wait until its scripts have fetched what they want."""
        self.page.goto(self.base + path)
        self.page.wait_for_load_state("networkidle")

    def put(self, path: str, text: str) -> None:
        """Save a page, not by the editor."""
        self.page.goto(f"{self.base}/-/search")
        answer = self.page.evaluate(
            """async ([url, content]) => {
              const form = new FormData();
              form.append("csrf_token", document.querySelector("[name=csrf_token]").value);
              form.append("content", content);
              form.append("commit", "put");
              return (await fetch(url, {method: "POST", body: form})).status;
            }""",
            [f"{self.base}/{path}/save", text],
        )
        assert answer == 200

    def action(self, name: str) -> Locator:
        """What carries the action of that name."""
        return self.page.locator(f'[data-wiki-click="{name}"], [data-wiki-change="{name}"]')

    def text(self) -> str:
        """What the editor holds."""
        held: str = self.page.evaluate("cm_editor.state.doc.toString()")
        return held

    def write(self, text: str, caret: int | None = None) -> None:
        """Replace what the editor holds; all of it is selected, or the caret put somewhere."""
        self.page.evaluate(
            """([text, caret]) => {
              cm_editor.dispatch({
                changes: {from: 0, to: cm_editor.state.doc.length, insert: text},
                selection: caret === null ? {anchor: 0, head: text.length} : {anchor: caret},
              });
              cm_editor.focus();
            }""",
            [text, caret],
        )

    def click_in_toolbar(self, button: Locator) -> None:
        """Click a button of the editor, opening the menu it is in."""
        if not button.is_visible():  # a menu stays open when one of its entries was clicked
            menu = button.locator("xpath=ancestor::div[contains(@class, 'dropdown-menu')]")
            menu.locator("xpath=preceding-sibling::button").click()
        button.click()


@pytest.fixture
def alice(visitor: Callable[..., Page], farm: Any) -> Iterator[Callable[..., Watched]]:
    """Makes a watched page of Alice's; at the end nothing may have been reported in any."""
    made: list[Watched] = []

    def visit(**options: Any) -> Watched:
        watched = Watched(visitor("alice", **options), farm.url("alice", "").rstrip("/"))
        made.append(watched)
        watched.put("Everything", EVERYTHING)
        return watched

    yield visit
    assert [told for watched in made for told in watched.violations] == []


@pytest.mark.parametrize("width", [1280, 390])
def test_g2_no_page_needs_what_the_policy_forbids(alice: Any, width: int) -> None:
    watched = alice(width=width)
    for path in READ_PAGES:
        watched.go(path)
        assert watched.violations == []
        assert watched.page.locator("body").inner_text().strip(), path


def test_reading_a_page(alice: Any, shot: Any) -> None:
    watched = alice()
    page = watched.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    watched.put("Everything/Child", "# Child\n\n## Part\n")  # the index shows what lies below
    watched.go("/Everything")
    article = page.locator("article.page")
    expect(article.locator("mjx-container")).to_have_count(2)
    expect(article.locator("pre.mermaid svg")).to_be_visible()
    article.locator("pre.copy-to-clipboard").hover()
    article.locator("button.copy-to-clipboard").click()
    assert page.evaluate("navigator.clipboard.readText()").strip() == 'print("copied")'
    article.locator("button.spoiler-button").click()
    expect(article.locator(".spoiler")).to_have_class(re.compile("nospoiler"))
    article.locator("details summary").first.click()
    expect(article.get_by_text("hidden text")).to_be_visible()

    rows = article.locator(".datatable-table tbody tr")
    expect(rows).to_have_count(2)
    article.locator(".datatable-input").fill("duck")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("duck")

    headings = article.locator(".pagetoc").first
    expect(headings).to_be_visible()
    article.locator("label[for=switch-headings]").click()
    expect(headings).to_be_hidden()
    expect(article.locator("iframe")).to_have_attribute(
        "src", re.compile(r"^https://www\.youtube\.com/embed/")
    )
    shot(page, "policy-page-1280")


@pytest.mark.parametrize("width", [1280, 390])
def test_menu_and_sidebar(alice: Any, width: int, shot: Any) -> None:
    watched = alice(width=width)
    page = watched.page
    watched.go("/Everything")
    expect(page.locator("body")).not_to_have_class(re.compile("dark-mode"))
    page.locator("#navbar-dropdown-toggle-btn-1").click()
    watched.action("toggle-dark-mode").click()
    expect(page.locator("body")).to_have_class(re.compile("dark-mode"))
    shot(page, f"policy-dark-{width}")
    wrapper = page.locator("#page-wrapper")
    before = wrapper.get_attribute("data-sidebar-hidden")
    page.locator("#toggle-sidebar-btn").click()
    after = wrapper.get_attribute("data-sidebar-hidden")
    assert before != after
    if width == 390:  # the open sidebar is closed by a touch beside it
        page.locator(".sidebar-overlay").click(position={"x": 380, "y": 700})
    else:
        page.locator("#toggle-sidebar-btn").click()
    assert wrapper.get_attribute("data-sidebar-hidden") == before


# --------------------------------------------------------------------------------- the editor

ON_SELECTED_TEXT = (
    "bold italic strikethrough header quote ul ol cl hr code codeBlock spoiler expand panelNotice"
    " panelWarning panelDanger alertNote alertTip alertImportant alertWarning alertCaution link"
    " footnote img diagram table"
).split()
IN_A_TABLE = (
    "table_add_row table_remove_row table_move_row_up table_move_row_down table_add_column"
    " table_remove_column table_move_column_left table_move_column_right table_align_left"
    " table_align_center table_align_right"
).split()


def test_every_button_of_the_toolbar(alice: Any) -> None:
    watched = alice()
    watched.go("/Everything?edit")
    buttons = watched.page.locator('nav [data-wiki-click^="editor."]')
    names = [b.get_attribute("data-wiki-click").removeprefix("editor.") for b in buttons.all()]
    assert sorted(names) == sorted([*ON_SELECTED_TEXT, *IN_A_TABLE, "undo", "redo"])
    for name in ON_SELECTED_TEXT:
        watched.write("word")
        watched.click_in_toolbar(watched.action(f"editor.{name}"))
        assert watched.text() != "word", name
    for name in IN_A_TABLE:
        caret = {
            "table_remove_row": "2",
            "table_move_row_down": "2",
            "table_move_column_right": "3",
        }
        watched.write(TABLE, TABLE.index(caret.get(name, "4")))
        watched.click_in_toolbar(watched.action(f"editor.{name}"))
        assert watched.text() != TABLE, name
    watched.write("word")
    watched.action("editor.bold").click()
    watched.action("editor.undo").click()
    assert watched.text() != "**word**"
    watched.action("editor.redo").click()
    assert watched.text() == "**word**"
    watched.action("editor-search").click()
    expect(watched.page.locator(".cm-search, .cm-panel").first).to_be_visible()
    watched.action("editor-replace").click()
    expect(watched.page.locator(".cm-panel").first).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_preview_and_save(alice: Any, width: int, shot: Any) -> None:
    watched = alice(width=width)
    page = watched.page
    watched.go("/Everything?edit")
    for _ in range(2):  # the second preview's scripts must not trip over the first one's
        page.locator("#preview_block").evaluate("(block) => block.replaceChildren()")
        page.locator("#preview_btn").click()
        preview = page.locator("#preview_block > .content")
        expect(preview.locator(".datatable-wrapper")).to_be_visible()
        expect(preview.locator("pre.mermaid svg")).to_be_visible()
        expect(preview.locator("mjx-container")).to_have_count(2)
        preview.locator("button.spoiler-button").click()
        expect(preview.locator(".spoiler")).to_have_class(re.compile("nospoiler"))
        shot(page, f"policy-preview-{width}")
        page.locator("#editor_btn").click()
    page.get_by_role("link", name="Markdown Syntax").click()
    expect(page.locator("#editor-help-markdown")).to_be_visible()
    page.locator('#editor-help-markdown > [data-wiki-click="toggle-markdown-help"]').click()
    expect(page.locator("#editor-help-markdown")).to_be_hidden()

    watched.write(f"{EVERYTHING}\n\nat {width}\n", 0)
    dialog = page.locator("#modal-commit")
    page.locator("#save-page-btn").click()
    expect(dialog).to_have_class(re.compile("show"))
    dialog.locator("a.close").click()
    expect(dialog).not_to_have_class(re.compile("show"))
    page.locator("#save-page-btn").click()
    page.locator("#commit-message").fill("by hand")
    page.locator("#saveform input[type=submit]").click()
    expect(page).to_have_url(f"{watched.base}/Everything")
    expect(page.locator("article")).to_contain_text(f"at {width}")


def test_live_preview_beside_the_text(alice: Any) -> None:
    watched = alice()
    watched.go("/Everything?edit")
    watched.page.locator("#split_btn").click()
    preview = watched.page.locator("#preview_block > .content")
    expect(preview.locator(".datatable-wrapper")).to_be_visible()
    watched.write("# Other\n\n{{datatable\n| q |\n|---|\n| 7 |\n}}\n")
    expect(preview.locator("td")).to_have_count(1)
    expect(preview.locator("td")).to_have_text("7")
    expect(preview.locator(".datatable-wrapper")).to_have_count(1)


def test_attachments_in_the_editor(alice: Any, tmp_path: Path) -> None:
    watched = alice()
    page = watched.page
    (tmp_path / "dot.png").write_bytes(PNG)
    watched.go("/Everything/attachments")
    page.locator("input[type=file]").first.set_input_files(str(tmp_path / "dot.png"))
    page.locator("input[type=submit][value=Upload]").click()
    expect(page.locator("body")).to_contain_text("dot.png")

    watched.go("/Everything?edit")
    watched.write("x ", 2)
    page.locator("#attachment-filename").select_option(label="dot.png")
    expect(page.locator("#extranav-preview img")).to_be_visible()
    page.locator("label[for=attachment-thumbnail]").click()
    size = page.locator("#thumbnail-size")
    size.fill("1a2b!")
    expect(size).to_have_value("12")
    page.locator("label[for=attachment-link]").click()
    watched.action("editor.insert_attachment").click()
    assert "dot.png" in watched.text()
    page.locator("#wikilink").select_option(label="Everything")
    for name in ("editor.insert_wikilink", "editor.insert_wikilink_named"):
        watched.write("", 0)
        watched.action(name).click()
        assert "[[" in watched.text()


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_a_file_given_to_the_editor_is_uploaded(alice: Any, way: str) -> None:
    watched = alice()
    page = watched.page
    watched.go("/Everything?edit")
    watched.write("before ", 7)

    def answer(dialog: Dialog) -> None:
        dialog.accept(f"{way}.png" if dialog.type == "prompt" else None)

    page.on("dialog", answer)
    page.locator(".cm-content").evaluate(
        """(target, [way, bytes]) => {
          const given = new DataTransfer();
          given.items.add(
            new File([Uint8Array.from(bytes)], "pixel.png", {type: "image/png"}));
          const event = way === "paste"
            ? new ClipboardEvent("paste", {clipboardData: given, bubbles: true, cancelable: true})
            : new DragEvent("drop", {dataTransfer: given, bubbles: true, cancelable: true});
          target.dispatchEvent(event);
        }""",
        [way, list(PNG)],
    )
    expect(page.locator(".cm-content")).to_contain_text(re.compile(r"\.png\)"))


def test_drafts_and_leaving(alice: Any) -> None:
    watched = alice()
    page = watched.page
    watched.go("/Everything?edit")
    watched.write("# Draft of mine\n")
    page.locator("a.navbar-brand").click()
    expect(page.locator("#modal-leave")).to_have_class(re.compile("show"))
    page.locator("#leave-keep-editing").click()
    expect(page.locator("#modal-leave")).not_to_have_class(re.compile("show"))
    page.locator("a.navbar-brand").click()
    page.locator("#leave-keep-draft").click()
    expect(page).to_have_url(f"{watched.base}/")
    watched.go("/Everything?edit")
    expect(page.locator("body")).to_contain_text("raft")

    watched.go("/-/housekeeping")
    boxes = page.locator('input[name="delete_draft"]')
    expect(boxes.first).not_to_be_checked()
    page.locator("label[for=checkbox-a-all]").evaluate(CLICK)
    expect(boxes.first).to_be_checked()
    page.locator('input[value="Delete selected drafts"]').click()
    expect(page.locator("body")).to_contain_text("No drafts found")


# ---------------------------------------------------------------------------------- other pages


def test_create_and_rename(alice: Any) -> None:
    watched = alice()
    page = watched.page
    watched.put("Folder/Page", "# Page\n")
    watched.go("/Folder/Page")
    watched.go("/-/create")
    page.locator("#pagename").fill("New")
    page.get_by_role("button", name="Folder/", exact=True).click()
    expect(page.locator("#pagename")).to_have_value("Folder/New")
    page.get_by_role("button", name="Folder/", exact=True).click()
    expect(page.locator("#pagename")).to_have_value("New")
    expect(page).to_have_url(f"{watched.base}/-/create")

    watched.go("/Everything/rename")
    field = page.locator("#new_pagename")
    expect(field).to_be_focused()
    assert field.evaluate("field => field.selectionStart") == len("Everything")
    page.get_by_role("button", name="Folder/", exact=True).click()
    expect(field).to_have_value("Folder/Everything")
    watched.go("/-/search?query=Everything")
    search = page.locator("form #search-query").last
    search.click(position={"x": 2, "y": 5})
    assert search.evaluate("field => field.selectionStart") in (0, len("Everything"))


def test_search_history_diff_and_index(alice: Any) -> None:
    watched = alice()
    page = watched.page
    watched.put("Everything", EVERYTHING + "\none more line\n")
    watched.go("/")
    page.locator("#search-query").fill("spoiler")
    page.locator("#search-query").press("Enter")
    expect(page.locator("body")).to_contain_text("Everything")
    watched.go("/Everything/history")
    page.locator("input[type=submit], button[type=submit]").last.click()
    expect(page.locator("body")).to_contain_text("one more line")
    page.locator("label[for=switch-side-by-side]").click()
    expect(page.locator("table.diff-side-by-side")).to_be_visible()
    page.locator("label[for=switch-side-by-side]").click()
    expect(page.locator("table.diff")).to_be_visible()
    watched.go("/-/index")
    page.locator("label[for=switch-headings]").click()
    expect(page.locator(".pagetoc").first).to_be_visible()


def test_settings_and_housekeeping(alice: Any) -> None:
    watched = alice()
    page = watched.page
    watched.go("/-/admin/sidebar_preferences")
    rows = page.locator("#custom-page-index tr")
    count = rows.count()
    watched.action("clone-row").first.click()
    expect(rows).to_have_count(count + 1)
    page.locator("#find-page-select").select_option("Everything")
    watched.action("add-page-row").click()
    expect(rows.last.locator("input[name=link]")).to_have_value("Everything")
    watched.action("delete-row").first.click()
    expect(rows).to_have_count(count)

    watched.put("Empty", "# Empty\n")
    watched.go("/-/housekeeping")
    page.locator('input[value="Analyse pages"]').first.click()
    box = page.locator('input[name="delete_empty_page"]').first
    expect(box).to_be_attached()
    page.locator("label[for=checkbox-b-all]").evaluate(CLICK)
    expect(box).to_be_checked()


# ----------------------------------------------------------------------------- what is blocked


def test_g2_an_injected_script_does_not_run(visitor: Any, farm: Any) -> None:
    bob = Watched(visitor("bob"), farm.url("bob", "").rstrip("/"))
    bob.put("Canary", "# Canary\n\ntext\n")
    served = bob.page.evaluate(
        """async (url) => {
          const answer = await fetch(url);
          return [await answer.text(), answer.headers.get("Content-Security-Policy")];
        }""",
        f"{bob.base}/Canary",
    )

    def inject(route: Route) -> None:
        html, policy = served
        evil = (
            "<script>window.injected = 'inline'</script>"
            "<script nonce='guessed'>window.injected = 'nonce'</script>"
            "<script src='/Canary/evil.js'></script>"
            "<script src='/static/custom/custom.js'></script>"
            "<script src='data:text/javascript,window.injected=1'></script>"
            "<img src='/nothing' onerror='window.injected = 2'>"
            "<a id='link' href='javascript:window.injected=3'>x</a>"
            "<iframe src='http://robot.localhost/'></iframe>"
            "<object data='/Canary'></object>"
            "<base href='http://evil.test/'>"
            "<form id='away' action='http://evil.test/'><input></form>"
        )
        body = html.replace("</article>", evil + "</article>")
        assert evil in body
        headers = {"Content-Security-Policy": policy, "Content-Type": "text/html"}
        route.fulfill(status=200, headers=headers, body=body)

    bob.page.route("**/Canary", inject)
    bob.go("/Canary")
    bob.page.locator("#link").click()
    bob.page.locator("#away").evaluate("form => form.submit()")
    bob.page.wait_for_load_state("networkidle")
    assert bob.page.evaluate("window.injected") is None
    assert bob.page.url == f"{bob.base}/Canary"
    assert bob.page.evaluate("document.baseURI") == f"{bob.base}/Canary"
    directives = {told.split()[1] for told in bob.violations}
    assert directives >= {
        "script-src-elem", "script-src-attr", "frame-src", "object-src", "base-uri", "form-action",
    }  # fmt: skip
    assert sum("script-src-elem" in told for told in bob.violations) >= 5


def test_g2_actions_in_a_page_text_are_harmless(alice: Any) -> None:
    """Should the sanitiser ever let such an attribute through, it still does nothing."""
    watched = alice()
    page = watched.page
    watched.go("/Everything")
    page.locator("article").evaluate(
        """(article) => {
          article.innerHTML =
            '<b id="evil" data-wiki-click="toggle-dark-mode">x</b>' +
            '<b id="unknown" data-wiki-click="constructor">x</b>' +
            '<div class="spoiler"><b id="fine" data-wiki-click="toggle-spoiler">x</b></div>';
        }"""
    )
    for name in ("evil", "unknown", "fine"):
        page.locator(f"#{name}").click()
    expect(page.locator("article .spoiler")).to_have_class(re.compile("nospoiler"))
    expect(page.locator("body")).not_to_have_class(re.compile("dark-mode"))


def test_d6_a_form_sent_after_the_session_ended_leads_to_the_sign_in(alice: Any) -> None:
    """A redirect after a form is under form-action as well: the root host has to be in it."""
    watched = alice()
    page = watched.page
    watched.go("/-/create")
    page.locator("#pagename").fill("Later")
    page.context.clear_cookies()
    page.locator("input[type=submit]").last.click()
    expect(page).to_have_url(re.compile(r"^http://robot\.localhost:\d+/auth/login"))


def test_d12_a_wiki_is_not_framed_by_others(visitor: Any, farm: Any) -> None:
    page = visitor()
    page.set_content(f'<iframe src="{farm.url("bob")}"></iframe>')
    page.wait_for_load_state("networkidle")
    (_, framed) = page.frames
    assert framed.url.startswith("chrome-error:")
