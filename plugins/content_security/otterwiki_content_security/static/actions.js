/*
 * The named actions that stand in for Otterwiki's inline event handlers.
 *
 * A template says data-wiki-click="toggle-sidebar"; one listener for each kind of event looks the
 * name up in the table below. Names that are not in it do nothing, and no text is ever run as code.
 * Inside of a rendered page, which is somebody's text, only the actions of IN_PAGES work: they
 * change how that page is shown, and nothing else.
 */
(function () {
  "use strict";

  /* global halfmoon, otterwiki, otterwiki_editor, cmOpenSearch, cmOpenReplace */
  /* global cloneRow, deleteRow, addPageRow */

  const RENDERED_PAGE = ".page";
  const IN_PAGES = new Set(["copy-code", "toggle-spoiler", "toggle-page-headings"]);

  const ACTIONS = {
    "toggle-sidebar": () => halfmoon.toggleSidebar(),
    "toggle-dark-mode": () => halfmoon.toggleDarkMode(),
    "toggle-page-headings": (element) => otterwiki.toggleClass(element.checked, "pagetoc"),
    "toggle-spoiler": (element) => otterwiki.toggle_spoiler(element),
    "copy-code": (element) => otterwiki.copy_to_clipboard(element),
    "copy-text": (element) => navigator.clipboard.writeText(element.dataset.wikiText),
    "caret-to-end": (element) =>
      element.setSelectionRange(element.value.length, element.value.length),
    "digits-only": (element) => {
      element.value = element.value.replace(/[^0-9]/g, "");
    },
    "confirm": (element) => window.confirm(element.dataset.wikiQuestion),
    "toggle-prefix": (element) =>
      otterwiki.toggle_pagename_prefix(element.dataset.wikiField, element.dataset.wikiPrefix),
    "toggle-side-by-side": (element) => {
      const { urlSideBySide, urlInline } = element.dataset;
      const target = new URL(element.checked ? urlSideBySide : urlInline, window.location.href);
      if (target.origin === window.location.origin) {
        window.location.assign(target);
      }
    },
    "toggle-save-dialog": () => otterwiki.toggleModal("modal-commit"),
    "toggle-markdown-help": () => otterwiki.toggleMarkdownHelp(),
    "preview-chosen-attachment": (element) => otterwiki_editor.update_attachment_preview(element),
    "editor-search": () => cmOpenSearch(),
    "editor-replace": () => cmOpenReplace(),
    "editor.insert_wikilink_named": () => otterwiki_editor.insert_wikilink(false),
    "editor.table_move_column_left": () => otterwiki_editor.table_move_column(-1),
    "editor.table_move_column_right": () => otterwiki_editor.table_move_column(1),
    "editor.table_align_left": () => otterwiki_editor.table_align_col("left"),
    "editor.table_align_center": () => otterwiki_editor.table_align_col("center"),
    "editor.table_align_right": () => otterwiki_editor.table_align_col("right"),
    "clone-row": (element) => cloneRow(element),
    "delete-row": (element) => deleteRow(element),
    "add-page-row": () => addPageRow(),
    "invert-selection": (element) => otterwiki.toggle_invert_by_name(element.dataset.wikiName),
    "run-security-check": () => otterwiki.run_security_check(),
  };

  /* Methods of the editor that its buttons call without an argument. */
  const EDITOR_COMMANDS = [
    "undo", "redo", "bold", "italic", "strikethrough", "header", "quote", "ul", "ol", "cl", "hr",
    "code", "codeBlock", "spoiler", "expand", "panelNotice", "panelWarning", "panelDanger",
    "alertNote", "alertTip", "alertImportant", "alertWarning", "alertCaution", "link", "footnote",
    "img", "diagram", "table", "table_add_row", "table_remove_row", "table_move_row_up",
    "table_move_row_down", "table_add_column", "table_remove_column", "insert_attachment",
    "insert_wikilink",
  ];
  for (const command of EDITOR_COMMANDS) {
    ACTIONS["editor." + command] = () => otterwiki_editor[command]();
  }

  const attributeOf = (type) => "data-wiki-" + type;

  function act(element, type, event) {
    const name = element.getAttribute(attributeOf(type));
    if (!Object.hasOwn(ACTIONS, name)) {
      return;
    }
    if (!IN_PAGES.has(name) && element.closest(RENDERED_PAGE)) {
      return;
    }
    if (ACTIONS[name](element) === false && event) {
      event.preventDefault();
    }
  }

  function listen(eventName, type) {
    document.addEventListener(eventName, (event) => {
      const start = event.target instanceof Element ? event.target : null;
      const element = start && start.closest("[" + attributeOf(type) + "]");
      if (element) {
        act(element, type, event);
      }
    });
  }

  listen("click", "click");
  listen("change", "change");
  listen("input", "input");
  listen("focusin", "focus");
  /* A field may have been focused before this script was there to hear of it. */
  if (document.activeElement && document.activeElement.hasAttribute(attributeOf("focus"))) {
    act(document.activeElement, "focus", null);
  }
})();
