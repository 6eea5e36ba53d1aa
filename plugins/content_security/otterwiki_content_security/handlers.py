"""The inline event handlers of Otterwiki's templates, and the named action that replaces each.

``static/actions.js`` holds what an action does. The code of a handler is compared as a whole: one
that upstream changes, adds or drops stops the start-up, and is then looked at by a person.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Handler:
    """One handler: where its `code` stands as an ``on<event>`` attribute, put an action there.

    `count` is how often all of Otterwiki's templates together hold it. `arguments` are further
    attributes as template source; autoescaping makes them plain data. `seen_as` is the same
    handler after a template rule of another plugin.
    """

    event: str
    code: str
    action: str
    count: int = 1
    arguments: str = ""
    seen_as: tuple[str, ...] = ()

    @property
    def attributes(self) -> str:
        """What stands in the tag instead, as template source."""
        return f'data-wiki-{self.event}="{self.action}"' + (
            f" {self.arguments}" if self.arguments else ""
        )


#: Methods of the editor's object that its buttons call without an argument.
EDITOR_COMMANDS = (
    "undo redo bold italic strikethrough header quote ul ol cl hr code codeBlock spoiler expand"
    " panelNotice panelWarning panelDanger alertNote alertTip alertImportant alertWarning"
    " alertCaution link footnote img diagram table table_add_row table_remove_row"
    " table_move_row_up table_move_row_down table_add_column table_remove_column"
    " insert_attachment insert_wikilink"
).split()


def _prefix(field: str) -> Handler:
    """A button that puts a page's folder before the name in the input `field`."""
    return Handler(
        "click",
        f"return otterwiki.toggle_pagename_prefix('{field}','{{{{prefix}}}}')",
        "toggle-prefix",
        arguments=f'data-wiki-field="{field}" data-wiki-prefix="{{{{prefix}}}}"',
        seen_as=(
            f"return otterwiki.toggle_pagename_prefix('{field}',"
            "'{{ (prefix|tojson)[1:-1]|forceescape }}')",
        ),
    )


def _confirmed(question: str) -> Handler:
    return Handler(
        "click",
        f"return confirm('{question}')",
        "confirm",
        arguments=f'data-wiki-question="{question}"',
    )


_CARET_TO_END = "this.setSelectionRange(this.value.length,this.value.length);"
_SIDE_BY_SIDE = (
    "window.location.href = this.checked ? this.dataset.urlSideBySide : this.dataset.urlInline;"
)
_GIT_ADDRESS = '{{url_for("dotgit", _external=True)}}'

HANDLERS: tuple[Handler, ...] = (
    # every page
    Handler("click", "halfmoon.toggleSidebar()", "toggle-sidebar", count=2),
    Handler("click", "halfmoon.toggleDarkMode()", "toggle-dark-mode"),
    # page index, search, create, rename, diff
    Handler(
        "change", "otterwiki.toggleClass(event.target.checked,'pagetoc')", "toggle-page-headings"
    ),
    Handler("focus", _CARET_TO_END, "caret-to-end", count=2),
    _prefix("pagename"),
    _prefix("new_pagename"),
    Handler("change", _SIDE_BY_SIDE, "toggle-side-by-side"),
    # the editor
    *(Handler("click", f"otterwiki_editor.{name}()", f"editor.{name}") for name in EDITOR_COMMANDS),
    Handler("click", "otterwiki_editor.insert_wikilink(false)", "editor.insert_wikilink_named"),
    Handler("click", "otterwiki_editor.table_move_column(-1)", "editor.table_move_column_left"),
    Handler("click", "otterwiki_editor.table_move_column(1)", "editor.table_move_column_right"),
    Handler("click", "otterwiki_editor.table_align_col('left')", "editor.table_align_left"),
    Handler("click", "otterwiki_editor.table_align_col('center')", "editor.table_align_center"),
    Handler("click", "otterwiki_editor.table_align_col('right')", "editor.table_align_right"),
    Handler("click", "cmOpenSearch()", "editor-search"),
    Handler("click", "cmOpenReplace()", "editor-replace"),
    Handler("click", "otterwiki.toggleModal('modal-commit')", "toggle-save-dialog", count=2),
    Handler("click", "otterwiki.toggleMarkdownHelp()", "toggle-markdown-help", count=2),
    Handler(
        "change", "otterwiki_editor.update_attachment_preview(this);", "preview-chosen-attachment"
    ),
    Handler("input", "this.value = this.value.replace(/[^0-9]/g, '')", "digits-only"),
    Handler("click", "otterwiki.toggle_spoiler(this)", "toggle-spoiler"),
    # settings
    Handler("click", "cloneRow(this);", "clone-row"),
    Handler("click", "deleteRow(this);", "delete-row"),
    Handler("click", "addPageRow();", "add-page-row"),
    Handler(
        "click",
        f"navigator.clipboard.writeText('{_GIT_ADDRESS}')",
        "copy-text",
        arguments=f'data-wiki-text="{_GIT_ADDRESS.replace(chr(34), chr(39))}"',
    ),
    _confirmed(
        "Are you sure you want to do a force push? This will overwrite the remote tree and this"
        " action is usually irreversible."
    ),
    _confirmed(
        "Are you sure you want to reset to the remote? This will overwrite your local changes and"
        " this action is usually irreversible."
    ),
    # housekeeping
    Handler(
        "click",
        "otterwiki.toggle_invert_by_name('delete_empty_page');",
        "invert-selection",
        arguments='data-wiki-name="delete_empty_page"',
    ),
    Handler(
        "click",
        "otterwiki.toggle_invert_by_name('delete_draft');",
        "invert-selection",
        arguments='data-wiki-name="delete_draft"',
    ),
    Handler("click", "otterwiki.run_security_check()", "run-security-check"),
)
