"""What the page service never serves and never touches (security checklist F)."""

# ruff: noqa: F811 - fixtures are imported, and named again where they are used
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from page_services import (  # noqa: F401  fixtures
    BY_ALICE,
    KEEP_CASE,
    bare_service,
    files,
    other_service,
    put,
)
from small_wikis import make_work_tree

from otterwiki_engine.errors import BadPath, Conflict, EngineError, NotFound
from otterwiki_engine.pages.errors import PageNotFound, StaleBase
from otterwiki_engine.pages.service import PageService
from otterwiki_engine.wiki import Wiki

pytestmark = pytest.mark.usefixtures("other_service")


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody at the shell does."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "shell",
        "GIT_AUTHOR_EMAIL": "shell@example.org",
        "GIT_COMMITTER_NAME": "shell",
        "GIT_COMMITTER_EMAIL": "shell@example.org",
    }
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, check=True, text=True, capture_output=True
    ).stdout


@pytest.fixture
def linked(tmp_path: Path) -> PageService:
    """A wiki in which somebody committed symbolic links at the shell."""
    folder = tmp_path / "linked"
    service = PageService(Wiki(make_work_tree(folder)), KEEP_CASE)
    service.write("Home", "home\n", by=BY_ALICE)
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "passwd.md").write_text("secret-canary\n")
    (folder / "Link.md").symlink_to(secret / "passwd.md")
    (folder / "Folder").symlink_to(secret, target_is_directory=True)
    (folder / "Home").mkdir()
    (folder / "Home/link.txt").symlink_to(secret / "passwd.md")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "links")
    return service


def test_f3_links_are_neither_served_nor_followed(linked: PageService, tmp_path: Path) -> None:
    assert files(linked) == ["Home.md"] and linked.attachments("Home") == ()
    for page in ("Link", "Folder/passwd", "Folder"):
        with pytest.raises(PageNotFound):
            linked.read(page)
        with pytest.raises(PageNotFound):
            linked.read(page, "HEAD")
    head = linked.wiki.repository.head()
    for refused in (
        lambda: linked.write("Link", "mine", by=BY_ALICE),
        lambda: linked.write("Folder/passwd", "mine", by=BY_ALICE),
        lambda: linked.append("Folder/new", "mine", by=BY_ALICE),
        lambda: linked.rename("Home", "Link", by=BY_ALICE),
        lambda: linked.rename("Home", "Folder/x", by=BY_ALICE),
        lambda: linked.write_attachment("Home", "link.txt", b"mine", by=BY_ALICE),
    ):
        with pytest.raises((BadPath, Conflict)):
            refused()
    assert linked.wiki.repository.head() == head
    assert (tmp_path / "secret/passwd.md").read_text() == "secret-canary\n"
    linked.wiki.close()


def test_f7_what_was_taken_out_of_the_history_is_not_found_any_more(
    bare_service: PageService,
) -> None:
    """The objects still lie in the repository until git removes them."""
    kept = bare_service.write("Home", "home\n", by=BY_ALICE)
    secret = bare_service.write("Home", "secret-canary\n", base=kept.revision, by=BY_ALICE)
    repository = bare_service.wiki.repository
    assert bare_service.read("Home", secret.revision).content == "secret-canary\n"
    repository.replace_head(kept.revision, expected=secret.revision)
    put(bare_service, {"Other.md": "x"})
    assert repository.resolve(secret.revision) == secret.revision
    for revision in (secret.revision, secret.revision[:10]):
        for asked in (
            lambda revision=revision: bare_service.read("Home", revision),
            lambda revision=revision: bare_service.outline("Home", revision),
            lambda revision=revision: bare_service.read_lines("Home", revision=revision),
            lambda revision=revision: bare_service.diff("Home", revision),
            lambda revision=revision: bare_service.diff("Home", "HEAD", revision),
            lambda revision=revision: bare_service.attachments("Home", revision),
            lambda revision=revision: bare_service.recent_changes(since=revision),
            lambda revision=revision: bare_service.restore("Home", revision, by=BY_ALICE),
        ):
            with pytest.raises(NotFound):
                asked()
        with pytest.raises(StaleBase) as refusal:
            bare_service.write("Home", "x", base=revision, by=BY_ALICE)
        assert refusal.value.diff == "" and "canary" not in str(refusal.value)


@pytest.mark.parametrize(
    "word", ["\ud800", "a\0b", "x" * 5000, "\U0010ffff", "a\n\u2028b", "%_*'\""]
)
def test_whatever_is_asked_for_is_answered_or_refused_with_words(
    bare_service: PageService, word: str
) -> None:
    bare_service.write("Home", "# Home\n\ntext\n", by=BY_ALICE)
    head = bare_service.wiki.repository.head()
    by = BY_ALICE
    for ask in (
        lambda: bare_service.read(word),
        lambda: bare_service.read(word, "HEAD"),
        lambda: bare_service.read("Home", word),
        lambda: bare_service.read_section("Home", word),
        lambda: bare_service.outline(word),
        lambda: bare_service.history(word),
        lambda: bare_service.diff(word, "HEAD"),
        lambda: bare_service.list(prefix=word),
        lambda: bare_service.list(category=word),
        lambda: bare_service.list(tag=word),
        lambda: bare_service.list(cursor=word),
        lambda: bare_service.wiki_outline(word),
        lambda: bare_service.links(word),
        lambda: bare_service.recent_changes(since=word),
        lambda: bare_service.search(word),
        lambda: bare_service.search("x", prefix=word),
        lambda: bare_service.attachments(word),
        lambda: bare_service.read_attachment("Home", word),
        lambda: bare_service.edit(word, "a", "b", by=by),
        lambda: bare_service.edit("Home", word, "b", by=by),
        lambda: bare_service.append("Home", "x", section=word, by=by),
        lambda: bare_service.delete(word, by=by),
        lambda: bare_service.rename(word, "New", by=by),
        lambda: bare_service.restore(word, "HEAD", by=by),
        lambda: bare_service.delete_attachment("Home", word, by=by),
    ):
        try:
            ask()
        except EngineError as refusal:
            str(refusal).encode("utf-8", "backslashreplace")
    assert bare_service.wiki.repository.head() == head


@pytest.mark.parametrize(
    "page", [".git/config", ".GIT/hooks/post-commit", "a/.git/x", "git~1/config", ".gitmodules/x"]
)
def test_f4_no_page_reaches_gits_own_files(tmp_path: Path, page: str) -> None:
    service = PageService(Wiki(make_work_tree(tmp_path / "wiki")), KEEP_CASE)
    service.write("Home", "home\n", by=BY_ALICE)
    config = (tmp_path / "wiki/.git/config").read_bytes()
    for write in (
        lambda: service.write(page, "[core]\n", by=BY_ALICE),
        lambda: service.append(page, "x", by=BY_ALICE),
        lambda: service.rename("Home", page, by=BY_ALICE),
        lambda: service.write_attachment("Home", page, b"x", by=BY_ALICE),
    ):
        with pytest.raises(EngineError):
            write()
    assert (tmp_path / "wiki/.git/config").read_bytes() == config
    assert files(service) == ["Home.md"]
    service.wiki.close()


def test_the_page_service_needs_no_web_framework() -> None:
    """A sidecar and a worker import it by itself."""
    code = (
        "import sys, otterwiki_engine.pages.service\n"
        "print(sorted({'flask', 'werkzeug', 'jinja2', 'otterwiki', 'fastmcp'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        check=True,
        text=True,
        capture_output=True,
    )
    assert found.stdout.strip() == "[]"


def test_an_edit_at_the_shell_that_is_not_committed_is_not_overwritten(tmp_path: Path) -> None:
    service = PageService(Wiki(make_work_tree(tmp_path / "wiki")), KEEP_CASE)
    service.write("Home", "home\n", by=BY_ALICE)
    (tmp_path / "wiki/Home.md").write_text("typing ...\n")
    with pytest.raises(Conflict):
        service.append("Home", "more", by=BY_ALICE)
    assert (tmp_path / "wiki/Home.md").read_text() == "typing ...\n"
    assert service.append("Log", "more", by=BY_ALICE).created
    service.wiki.close()


def test_a_commit_made_at_the_shell_meanwhile_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "wiki"
    service = PageService(Wiki(make_work_tree(folder)), KEEP_CASE)
    first = service.write("Home", "home\n", by=BY_ALICE)
    (folder / "Home.md").write_text("shell\n")
    git(folder, "commit", "-qam", "at the shell")
    with pytest.raises(StaleBase) as refusal:
        service.write("Home", "x", base=first.revision, by=BY_ALICE)
    assert "+shell" in refusal.value.diff
    service.append("Home", "more", by=BY_ALICE)
    assert (folder / "Home.md").read_text() == "shell\nmore\n"
    assert git(folder, "status", "--porcelain") == ""
    service.wiki.close()
