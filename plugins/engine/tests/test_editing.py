"""Saving pages: on the revision they were edited on, never over somebody else's change."""

from __future__ import annotations

import html as html_module
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bs4
import pytest
from served_wikis import Site, both_kinds, otterwiki_app, site  # noqa: F401  fixtures
from small_wikis import ALICE, BOB

from otterwiki_engine.merge import MIDDLE_MARKER, OURS_MARKER, THEIRS_MARKER
from otterwiki_engine.paths import NO_COMMIT

START = "# Page\n\nfirst\n\nmiddle\n\nlast\n"
MINE = START.replace("first", "first, mine")
THEIRS_ELSEWHERE = START.replace("last", "last, theirs")
THEIRS_SAME_LINE = START.replace("first", "first, theirs")


@pytest.fixture(autouse=True)
def _booted(otterwiki_app: Any) -> None:  # noqa: F811
    """Every test here looks at a running Otterwiki."""


@pytest.fixture
def client(site: Site) -> Any:  # noqa: F811
    """A browser on wiki "red", where "Page" exists; the other wiki has one of the same name."""
    site.pick("blue")
    site.put("page.md", "# Blue page\n")
    client = site.pick("red")
    site.put("page.md", START)
    return client


@pytest.fixture
def saved_hooks(otterwiki_app: Any) -> Iterator[list[dict[str, Any]]]:  # noqa: F811
    """What Otterwiki's plugins are told about saved pages."""
    from otterwiki.plugins import hookimpl, plugin_manager

    calls: list[dict[str, Any]] = []

    class Listener:
        @hookimpl
        def page_saved(self, pagepath: str, content: str, author: Any, message: str) -> None:
            calls.append({"pagepath": pagepath, "content": content, "message": message})

    listener = Listener()
    plugin_manager.register(listener)
    yield calls
    plugin_manager.unregister(listener)


def save(
    client: Any, content: str, base: str | None = None, path: str = "Page", **form: Any
) -> Any:
    data = {"content": content, "commit": "my message", **form}
    if base is not None:
        data["base"] = base
    return client.post(f"/{path}/save", data=data)


def toasts(client: Any) -> list[str]:
    with client.session_transaction() as session:
        return [message for _, message in session.pop("_flashes", [])]


class ConflictPage:
    """The parts of a conflict page a test looks at."""

    def __init__(self, response: Any) -> None:
        self.status = response.status_code
        self.soup = bs4.BeautifulSoup(response.data, "html.parser")
        form = self.soup.find("form", id="conflict-form")
        assert isinstance(form, bs4.Tag)
        self.form = {
            str(field["name"]): field.get("value") if field.name == "input" else field.text[1:]
            for field in form.find_all(["input", "textarea"])
        }
        self.action = form["action"]
        self.merged = self.form["content"]
        own = self.soup.find(id="conflict-own-text")
        assert own is not None
        self.own = own.text[1:]
        explanation = self.soup.find(id="conflict-explanation")
        assert explanation is not None
        self.explanation = " ".join(explanation.text.split())


# ---------------------------------------------------------------------- contract


def test_contract_upstreams_page_and_views() -> None:
    """Fails when upstream changes how pages are saved, created or renamed, or what is called."""
    import otterwiki.util
    import otterwiki.views
    import otterwiki.wiki

    from otterwiki_engine import editing

    source = inspect.getsource(otterwiki.wiki)
    assert "def save(self, content, commit, author):" in source
    for name in ("save", "create", "handle_rename", "rename"):
        assert getattr(otterwiki.wiki.Page, name) is getattr(editing, name)
    assert list(inspect.signature(editing.save).parameters) == [
        "self",
        "content",
        "commit",
        "author",
    ]
    for ours, theirs in (
        (editing.create, editing._upstream_create),
        (editing.handle_rename, editing._upstream_handle_rename),
        (editing.rename, editing._upstream_rename),
    ):
        assert theirs.__module__ == "otterwiki.wiki"
        assert list(inspect.signature(ours).parameters) == list(
            inspect.signature(theirs).parameters
        )
    renaming = inspect.getsource(editing._upstream_handle_rename)
    assert "self.rename(new_pagename, message, author, update_backlinks)" in renaming
    assert renaming.count("except Exception") == 1, "what a limit says is hidden here"
    assert list(inspect.signature(otterwiki.wiki.Page.save_draft).parameters) == [
        "self",
        "author",
        "content",
        "revision",
        "cursor_line",
        "cursor_ch",
    ]
    assert inspect.getsource(otterwiki.views.save).count("p.save(") == 1
    assert list(inspect.signature(otterwiki.util.diff_side_by_side_html).parameters) == [
        "lines",
        "html_a",
        "html_b",
    ]


def test_contract_the_editor_hands_over_what_the_form_needs() -> None:
    import otterwiki.wiki

    from otterwiki_engine.editing import OVERWRITES

    source = inspect.getsource(otterwiki.wiki.Page.editor)
    assert source.count(OVERWRITES) == 1
    assert "revision=revision," in source
    assert "pagepath=self.pagepath," in source
    assert 'handle_draft == "edit"' in source


# ---------------------------------------------------------------------- what the form says


def form_base(response: Any) -> str:
    (base,) = re.findall(r'name="base" value="([^"]*)"', response.data.decode())
    return base


def test_the_editor_is_based_on_the_commit_it_shows(client: Any, site: Site) -> None:  # noqa: F811
    assert form_base(client.get("/Page?edit")) == site.head()
    old = site.head()
    site.put("other.md", "x")
    assert form_base(client.get("/Page/edit")) == site.head() != old
    # An old revision is opened to replace the current text with it.
    assert form_base(client.get(f"/Page?edit&revision={old}")) == site.head()
    assert form_base(client.get("/New?edit")) == site.head()


def test_the_editor_is_based_on_what_it_shows_though_others_save_meanwhile(
    client: Any,
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where something looks at the wiki before the request is known to be served."""
    from otterwiki.server import storage

    functions = site.app.before_request_funcs
    early = [lambda: storage.exists("page.md") and None, *functions.get(None, [])]
    monkeypatch.setitem(functions, None, early)
    edit_base = site.app.jinja_env.globals["edit_base"]

    def overtaken(*arguments: Any) -> Any:
        site.put("page.md", THEIRS_SAME_LINE, BOB)
        return edit_base(*arguments)

    monkeypatch.setitem(site.app.jinja_env.globals, "edit_base", overtaken)
    before = site.head()
    assert f'name="base" value="{before}"' in client.get("/page/edit").text


def test_an_empty_wiki_has_no_commit_to_be_based_on(site: Site) -> None:  # noqa: F811
    client = site.pick("red")
    assert form_base(client.get("/First?edit")) == NO_COMMIT
    assert save(client, "# First\n", NO_COMMIT, "First").status_code == 302
    assert site.read("first.md") == "# First\n"


def test_a_continued_draft_is_based_on_what_it_was_begun_on(
    client: Any,
    site: Site,  # noqa: F811
) -> None:
    begun_on = site.head()
    client.post("/Page/draft", data={"content": MINE, "revision": begun_on[:6]})
    site.put("page.md", THEIRS_SAME_LINE, BOB)
    edited = client.post("/Page/edit", data={"draft": "edit"})
    assert form_base(edited) == begun_on
    text = edited.data.decode()
    assert "Saving merges the draft with these changes" in text
    assert "overwrites" not in text
    assert form_base(client.post("/Page/edit", data={"draft": "discard"})) == site.head()


def test_a_draft_of_an_unknown_revision_is_based_on_head(
    client: Any,
    site: Site,  # noqa: F811
) -> None:
    for revision in ("ffffff", "--help", "x", "é", "'"):
        client.post("/Page/draft", data={"content": MINE, "revision": revision})
        assert form_base(client.post("/Page/edit", data={"draft": "edit"})) == site.head()


def test_a_draft_of_a_page_that_was_created_meanwhile(client: Any, site: Site) -> None:  # noqa: F811
    client.post("/New/draft", data={"content": "# New\n\nmine\n", "revision": ""})
    site.put("new.md", "# New\n\ntheirs\n", BOB)
    base = form_base(client.post("/New/edit", data={"draft": "edit"}))
    assert base == NO_COMMIT
    page = ConflictPage(save(client, "# New\n\nmine\n", base, "New"))
    assert page.status == 409
    assert "mine" in page.merged
    assert "theirs" in page.merged


# ---------------------------------------------------------------------- saving


@both_kinds
def test_a_save_on_the_current_revision(
    client: Any,
    site: Site,  # noqa: F811
    saved_hooks: list[dict[str, Any]],
) -> None:
    response = save(client, MINE, site.head())
    assert (response.status_code, response.location) == (302, "/Page")
    assert site.read("page.md") == MINE
    assert toasts(client) == ["Page saved."]
    record = site.wiki.history.log(limit=1)[0]
    assert (record.message.strip(), record.author_name) == ("my message", "Anonymous")
    assert saved_hooks == [{"pagepath": "Page", "content": MINE, "message": "my message"}]
    site.pick("blue")
    assert site.read("page.md") == "# Blue page\n"


def test_a_save_that_changes_nothing(
    client: Any,
    site: Site,  # noqa: F811
    saved_hooks: list[dict[str, Any]],
) -> None:
    head = site.head()
    assert save(client, START, head).status_code == 302
    assert toasts(client) == ["Nothing changed."]
    assert site.head() == head
    assert saved_hooks == []


def test_a_post_without_base_takes_head(client: Any, site: Site) -> None:  # noqa: F811
    site.put("page.md", THEIRS_SAME_LINE, BOB)
    assert save(client, MINE).status_code == 302
    assert site.read("page.md") == MINE


@both_kinds
def test_changes_that_do_not_overlap_are_merged(
    client: Any,
    site: Site,  # noqa: F811
    saved_hooks: list[dict[str, Any]],
) -> None:
    base = site.head()
    site.put("page.md", THEIRS_ELSEWHERE, BOB)
    assert save(client, MINE, base).status_code == 302
    both = MINE.replace("last", "last, theirs")
    assert site.read("page.md") == both
    assert toasts(client) == ["Page saved, and merged with a change made meanwhile."]
    assert saved_hooks[0]["content"] == both


def test_a_change_of_another_page_is_no_matter(client: Any, site: Site) -> None:  # noqa: F811
    base = site.head()
    site.put("other.md", "x", BOB)
    assert save(client, MINE, base).status_code == 302
    assert toasts(client) == ["Page saved."]


@pytest.mark.parametrize(
    "base", ["", "HEAD", "abc", "g" * 40, "--upload-pack=x", "a" * 39, "A" * 40]
)
def test_f1_a_malformed_base_is_refused(client: Any, site: Site, base: str) -> None:  # noqa: F811
    head = site.head()
    response = save(client, MINE, base)
    assert response.status_code == 400
    assert b"not a full commit id" in response.data
    assert site.head() == head


def test_saving_needs_permission(
    client: Any,
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    head = site.head()
    monkeypatch.setitem(site.app.config, "WRITE_ACCESS", "APPROVED")
    assert save(client, MINE, head).status_code == 403
    assert save(client, MINE, "nonsense").status_code == 403
    assert site.head() == head


def test_a_configured_message_replaces_the_typed_one(
    client: Any,
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    saved_hooks: list[dict[str, Any]],
) -> None:
    monkeypatch.setitem(site.app.config, "COMMIT_MESSAGE", "disabled")
    monkeypatch.setitem(site.app.config, "DEFAULT_COMMIT_MESSAGE", "%P in %Y")
    save(client, MINE, site.head())
    message = site.wiki.history.log(limit=1)[0].message.strip()
    assert re.fullmatch(r"Page in \d{4}", message)
    assert saved_hooks[0]["message"] == message


def test_the_branch_moving_without_a_conflict_is_tried_again(
    client: Any,
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from otterwiki_engine.errors import Conflict
    from otterwiki_engine.repository import Repository

    refusals = [Conflict((), None, None, "moved"), Conflict((), None, None, "moved")]
    commit = Repository.commit

    def moved(*args: Any, **kwargs: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return commit(*args, **kwargs)

    monkeypatch.setattr(Repository, "commit", moved)
    assert save(client, MINE, site.head()).status_code == 302
    assert site.read("page.md") == MINE


# ---------------------------------------------------------------------- conflicts


@both_kinds
def test_overlapping_changes_are_shown_and_nothing_is_lost(
    client: Any,
    site: Site,  # noqa: F811
    saved_hooks: list[dict[str, Any]],
) -> None:
    base = site.head()
    head = site.put("page.md", THEIRS_SAME_LINE.replace("last", "last, theirs"), BOB)
    page = ConflictPage(save(client, MINE.replace("middle", "middle, mine"), base))
    assert page.status == 409
    assert site.head() == head
    assert site.read("page.md") == THEIRS_SAME_LINE.replace("last", "last, theirs")
    assert page.action == "/Page/save"
    assert page.form["base"] == head
    assert page.form["commit"] == "my message"
    assert page.own == MINE.replace("middle", "middle, mine")
    # merged where that is possible, both versions between markers where it is not
    assert "middle, mine\n" in page.merged
    assert "last, theirs\n" in page.merged
    conflict = page.merged[page.merged.index(OURS_MARKER) :]
    assert conflict.startswith(
        f"{OURS_MARKER}\nfirst, mine\n{MIDDLE_MARKER}\nfirst, theirs\n{THEIRS_MARKER}\n"
    )
    assert "bob.test" in page.soup.text
    assert head[:6] in page.soup.text
    assert "change page.md" in page.soup.text
    diff = page.soup.find(id="conflict-diff")
    assert diff is not None
    assert "first, mine" in diff.text
    assert "first, theirs" in diff.text
    assert saved_hooks == []
    # resolving it
    resolved = save(client, "# Page\n\nfirst, ours\n", page.form["base"], resolving="1")
    assert resolved.status_code == 302
    assert site.read("page.md") == "# Page\n\nfirst, ours\n"


def test_a_conflict_keeps_the_text_as_a_draft_until_it_is_saved(
    client: Any,
    site: Site,  # noqa: F811
) -> None:
    base = site.head()
    head = site.put("page.md", THEIRS_SAME_LINE, BOB)
    save(client, MINE, base, cursor_line="3", cursor_ch="2")
    overview = client.get("/Page?edit").data.decode()
    assert "Continue editing draft?" in overview
    assert "Saving the draft is merged with these changes:" in overview
    continued = client.post("/Page/edit", data={"draft": "edit"})
    assert "first, mine" in continued.data.decode()
    assert form_base(continued) == base
    assert save(client, "# Page\n\nours\n", head, resolving="1").status_code == 302
    assert "Continue editing draft?" not in client.get("/Page?edit").data.decode()


def test_markers_that_were_left_standing_are_asked_about(
    client: Any,
    site: Site,  # noqa: F811
) -> None:
    base = site.head()
    head = site.put("page.md", THEIRS_SAME_LINE, BOB)
    first = ConflictPage(save(client, MINE, base))
    again = ConflictPage(save(client, first.merged + "more\n", head, resolving="1"))
    assert again.status == 409
    assert "still contains marker lines" in again.explanation
    assert again.merged == first.merged + "more\n"
    assert again.form["base"] == head
    assert again.form["resolving"] == "1"
    assert again.own == MINE
    assert site.head() == head
    # A page may well be about such lines.
    text = f"# Page\n\n{OURS_MARKER}\n"
    assert save(client, text, head).status_code == 302
    assert save(client, text + "x\n", site.head(), resolving="1").status_code == 302


def test_a_new_conflict_while_resolving_one(client: Any, site: Site) -> None:  # noqa: F811
    base = site.head()
    site.put("page.md", THEIRS_SAME_LINE, BOB)
    first = ConflictPage(save(client, MINE, base))
    newest = site.put("page.md", THEIRS_SAME_LINE.replace("theirs", "theirs again"), BOB)
    second = ConflictPage(save(client, START.replace("first", "ours"), first.form["base"]))
    assert second.status == 409
    assert second.form["base"] == newest
    assert "ours" in second.merged
    assert "theirs again" in second.merged


def test_a_page_deleted_meanwhile(client: Any, site: Site) -> None:  # noqa: F811
    base = site.head()
    head = site.put("page.md", None, BOB)
    page = ConflictPage(save(client, MINE, base))
    assert page.status == 409
    assert "deleted or renamed" in page.explanation
    assert page.merged == MINE
    assert page.form["base"] == head
    assert "deleted" in page.soup.find(id="conflict-diff").text  # type: ignore[union-attr]
    assert "bob.test" in page.soup.text
    assert save(client, page.merged, head, resolving="1").status_code == 302
    assert site.read("page.md") == MINE


def test_a_page_created_meanwhile(client: Any, site: Site) -> None:  # noqa: F811
    base = form_base(client.get("/New?edit"))
    site.put("new.md", "# New\n\ncommon\n\ntheirs\n", BOB)
    page = ConflictPage(save(client, "# New\n\ncommon\n\nmine\n", base, "New"))
    assert page.status == 409
    assert "created or replaced it meanwhile" in page.explanation
    assert page.merged == (
        f"# New\n\ncommon\n\n{OURS_MARKER}\nmine\n{MIDDLE_MARKER}\ntheirs\n{THEIRS_MARKER}\n"
    )


def test_a_page_that_must_not_exist_yet(client: Any, site: Site) -> None:  # noqa: F811
    assert ConflictPage(save(client, MINE, NO_COMMIT)).status == 409
    assert save(client, "# New\n", NO_COMMIT, "New").status_code == 302


def test_a_base_this_history_does_not_know(client: Any, site: Site) -> None:  # noqa: F811
    site.pick("blue")
    other = site.head()
    site.pick("red")
    for base in ("1234567890" * 4, other):
        page = ConflictPage(save(client, MINE, base))
        assert page.status == 409
        assert "Blue" not in page.merged
        assert site.read("page.md") == START


@pytest.mark.parametrize("site", ["worktree"], indirect=True)
@pytest.mark.parametrize("with_base", [True, False])
def test_f4_an_uncommitted_edit_in_the_work_tree(
    client: Any,
    site: Site,  # noqa: F811
    with_base: bool,
) -> None:
    work_tree = site.wiki.repository.work_tree
    assert work_tree is not None
    file = Path(work_tree.root, "page.md")
    file.write_text("somebody is at it")
    page = ConflictPage(save(client, MINE, site.head() if with_base else None))
    assert page.status == 409
    assert "has not committed" in page.explanation
    assert page.merged == page.own == MINE
    assert "somebody is at it" not in page.soup.text
    assert file.read_text() == "somebody is at it"
    assert site.read("page.md") == START


@pytest.mark.parametrize("kind", ["busy", "damaged", "full"])
def test_what_goes_wrong_here_leaves_the_text_in_hand(
    client: Any,
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    from otterwiki_engine.errors import RepositoryBusy, RepositoryDamaged
    from otterwiki_engine.repository import Repository

    errors = {
        "busy": RepositoryBusy("index.lock is held"),
        "damaged": RepositoryDamaged("an object is missing"),
        "full": OSError(28, "No space left on device"),
    }

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise errors[kind]

    with monkeypatch.context() as patch:
        patch.setattr(Repository, "commit", refuse)
        page = ConflictPage(save(client, MINE, site.head()))
    assert page.status == 503
    assert page.merged == MINE
    assert "Please try again" in page.explanation
    assert save(client, page.merged, page.form["base"], resolving="1").status_code == 302
    assert site.read("page.md") == MINE


def test_a_full_disk_that_takes_no_draft_either_leaves_the_text_in_hand(
    client: Any,
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sqlite3

    import otterwiki.wiki
    from sqlalchemy.exc import OperationalError

    from otterwiki_engine.history import HistoryIndex
    from otterwiki_engine.repository import Repository

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    def no_draft(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    def no_index(*args: Any, **kwargs: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Repository, "commit", full)
        patch.setattr(otterwiki.wiki.Page, "save_draft", no_draft)
        patch.setattr(HistoryIndex, "log", no_index)
        page = ConflictPage(save(client, MINE, site.head()))
    assert page.status == 503
    assert page.merged == MINE
    assert "draft" not in page.explanation
    with monkeypatch.context() as patch:
        patch.setattr(otterwiki.wiki.Page, "discard_draft", no_draft)
        assert save(client, MINE, site.head()).status_code == 302
    assert site.read("page.md") == MINE


def test_line_ends_of_the_repository_are_no_conflict_marker_by_marker(
    client: Any,
    site: Site,  # noqa: F811
) -> None:
    base = site.put("page.md", START.replace("\n", "\r\n"))
    site.put("page.md", THEIRS_SAME_LINE.replace("\n", "\r\n"), BOB)
    page = ConflictPage(save(client, MINE, base))
    assert page.merged.count(OURS_MARKER) == 1
    assert "\r" not in page.merged


def test_g1_texts_are_escaped_on_the_conflict_page(client: Any, site: Site) -> None:  # noqa: F811
    from otterwiki_engine.authorship import Author

    evil = "</textarea><script>alert(1)</script>"
    base = site.head()
    site.put(
        "page.md", START.replace("first", evil + "theirs"), Author("e\"vil'&", "x@example.org")
    )
    response = save(client, START.replace("first", evil + "mine"), base, commit=f'">{evil}')
    page = ConflictPage(response)
    assert page.status == 409
    assert evil + "mine" in page.merged
    assert evil + "theirs" in page.merged
    assert evil not in response.data.decode()
    assert html_module.escape(evil) in response.data.decode()


def test_d6_the_conflict_form_carries_the_csrf_token(
    client: Any,
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base = site.head()
    site.put("page.md", THEIRS_SAME_LINE, BOB)
    page = ConflictPage(save(client, MINE, base))
    monkeypatch.setitem(site.app.config, "WTF_CSRF_ENABLED", True)
    form = {**page.form, "content": "# Resolved\n"}
    stolen = {name: value for name, value in form.items() if name != "csrf_token"}
    assert client.post("/Page/save", data=stolen).status_code == 400
    assert client.post("/Page/save", data=form).status_code == 302
    assert site.read("page.md") == "# Resolved\n"


@pytest.mark.parametrize("policy", ["REQUIRED", "OPTIONAL", "DISABLED"])
def test_the_conflict_page_can_be_read_aloud_and_needs_no_script(
    client: Any,
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    policy: str,
) -> None:
    monkeypatch.setitem(site.app.config, "COMMIT_MESSAGE", policy)
    base = site.head()
    site.put("page.md", THEIRS_SAME_LINE, BOB)
    page = ConflictPage(save(client, MINE, base))
    main = page.soup.find(class_="content")
    assert isinstance(main, bs4.Tag)
    for field in main.find_all(["textarea", "input"]):
        if field.get("type") != "hidden":
            assert main.find("label", attrs={"for": field["id"]}) is not None, field
    assert main.find("script") is None
    assert not [tag for tag in main.find_all(True) if any(a.startswith("on") for a in tag.attrs)]
    assert [heading.name for heading in main.find_all(["h1", "h2", "h3"])] == ["h1", "h2", "h2"]
    assert page.soup.find(id="conflict-explanation")["role"] == "alert"  # type: ignore[index]
    message = page.soup.find(id="conflict-message")
    assert (message is None) == (policy == "DISABLED")
    if isinstance(message, bs4.Tag):
        assert message.has_attr("required") == (policy == "REQUIRED")
    own = page.soup.find(id="conflict-own-text")
    assert isinstance(own, bs4.Tag)
    assert own.has_attr("readonly")
    assert not own.has_attr("name")


# ---------------------------------------------------------------------- names that lead elsewhere


@pytest.mark.parametrize("name", ["notes/edit", "static/x", "api", "notes/source/1a2b3c"])
def test_a_page_that_no_address_would_reach_is_refused(
    client: Any,
    site: Site,  # noqa: F811
    name: str,
) -> None:
    head = site.head()
    created = client.post("/-/create", data={"pagename": name})
    assert created.location == "/-/create"
    assert "that address is taken" in toasts(client)[0]
    renamed = client.post("/Page/rename", data={"new_pagename": name})
    assert renamed.status_code == 200
    assert "that address is taken" in renamed.data.decode()
    assert site.head() == head
    assert client.post("/-/create", data={"pagename": "fine"}).location == "/fine?edit"
    assert client.post("/Page/rename", data={"new_pagename": "Fine"}).status_code == 302
    assert site.read("fine.md") == START


def test_saving_under_such_a_name_is_refused_but_an_old_page_may_be_edited(
    client: Any,
    site: Site,  # noqa: F811
) -> None:
    assert save(client, "x\n", None, "notes/history").status_code == 403
    site.put("notes/history.md", "imported\n", ALICE)
    assert save(client, "x\n", None, "notes/history").status_code == 302
    assert site.read("notes/history.md") == "x\n"
