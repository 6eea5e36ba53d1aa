"""Attachments come from commits only, and go into commits only."""

from __future__ import annotations

import inspect
import io
from pathlib import Path
from typing import Any

import pytest
from served_wikis import Site, both_kinds, otterwiki_app, site  # noqa: F401  fixtures

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0"
    "000003010100c9fe92ef0000000049454e44ae426082"
)


@pytest.fixture(autouse=True)
def _booted(otterwiki_app: Any) -> None:  # noqa: F811
    """Every test here looks at a running Otterwiki."""


@pytest.fixture
def client(site: Site) -> Any:  # noqa: F811
    """A browser on wiki "red", which has a page; "blue" has an attachment of the same name."""
    blue = site.pick("blue")
    site.put("page.md", "# Blue page\n")
    site.put("page/a.txt", "blue a")
    site.put("page/blue.txt", "blue only")
    assert blue.get("/Page/a.txt").data == b"blue a"
    client = site.pick("red")
    site.put("page.md", "# Page\n")
    return client


def upload(
    client: Any, *files: tuple[bytes, str], url: str = "/Page/attachments", **data: Any
) -> Any:
    data["file"] = [(io.BytesIO(content), name) for content, name in files]
    return client.post(url, data=data, content_type="multipart/form-data")


def toasts(client: Any) -> list[str]:
    with client.session_transaction() as session:
        return [message for _, message in session.get("_flashes", [])]


# ---------------------------------------------------------------------- contract


def test_contract_upstreams_attachment() -> None:
    """Fails when upstream changes how attachments are made, what they have, or who holds them."""
    import otterwiki.wiki

    from otterwiki_engine.attachments import CommittedAttachment

    upstream = CommittedAttachment.__mro__[1]
    assert upstream.__module__ == "otterwiki.wiki"
    assert otterwiki.wiki.Attachment is CommittedAttachment
    for name in ("__init__", "exists", "get", "_harden_response"):
        ours, theirs = (
            list(inspect.signature(getattr(kind, name)).parameters)
            for kind in (CommittedAttachment, upstream)
        )
        assert ours == theirs, name
    assert {name for name in vars(upstream) if not name.startswith("__")} == {
        "_harden_response",
        "data",
        "delete",
        "edit",
        "exists",
        "get",
        "get_thumbnail",
        "get_thumbnail_icon",
        "get_thumbnail_url",
        "get_url",
        "rename",
    }


def test_contract_attributes(client: Any, site: Site) -> None:  # noqa: F811
    """What upstream's constructor sets, ours has too; all but the folder files were saved in."""
    import re

    from otterwiki_engine.attachments import CommittedAttachment

    source = inspect.getsource(CommittedAttachment.__mro__[1].__init__)  # type: ignore[misc]
    names = set(re.findall(r"self\.(\w+) =", source))
    site.put("page/a.txt", "x")
    with site.app.test_request_context():
        attachment = CommittedAttachment("Page", "a.txt")
        missing = {name for name in names if not hasattr(attachment, name)}
    assert missing == {"absdirectory"}


def test_contract_nothing_else_of_upstream_uses_its_paths() -> None:
    import otterwiki.renderer_embeddings
    import otterwiki.wiki

    source = inspect.getsource(otterwiki.wiki)
    assert source.count(".absdirectory") == 2  # set, and made before an upload is saved
    assert source.count("abspath") == source.count(".abspath") + source.count("resolved_abspath")
    assert inspect.getsource(otterwiki.renderer_embeddings).count("attachment.abspath") == 1


def test_contract_upload_is_called_so() -> None:
    import otterwiki.views
    import otterwiki.wiki

    from otterwiki_engine.attachments import upload_attachments

    source = " ".join(inspect.getsource(otterwiki.wiki).split())
    assert (
        "def upload_attachments( self, files, message, filename, author, inline=False ):" in source
    )
    assert otterwiki.wiki.Page.upload_attachments is upload_attachments
    assert list(inspect.signature(upload_attachments).parameters) == [
        "self",
        "files",
        "message",
        "filename",
        "author",
        "inline",
    ]


# ---------------------------------------------------------------------- serving


def test_h3_an_attachment_is_its_own_wikis(client: Any, site: Site) -> None:  # noqa: F811
    assert client.get("/Page/a.txt").status_code == 404
    site.put("page/a.txt", "red a")
    assert client.get("/Page/a.txt").data == b"red a"
    assert client.get("/Page/a/a.txt").data == b"red a"
    assert client.get("/Page/a/blue.txt").status_code == 404
    assert b"blue" not in client.get("/Page/attachments").data
    assert site.pick("blue").get("/Page/a/a.txt").data == b"blue a"


@both_kinds
def test_only_committed_content_is_served(client: Any, site: Site) -> None:  # noqa: F811
    site.put("page/a.txt", "committed")
    work_tree = site.wiki.repository.work_tree
    if work_tree is not None:
        (work_tree.root / "page" / "a.txt").write_text("not committed")
        (work_tree.root / "page" / "b.txt").write_text("not committed")
    assert client.get("/Page/a/a.txt").data == b"committed"
    assert client.get("/Page/a/b.txt").status_code == 404
    listed = client.get("/Page/attachments").data.decode()
    assert "a.txt" in listed
    assert "b.txt" not in listed


def test_the_served_copies_may_vanish(client: Any, site: Site) -> None:  # noqa: F811
    site.put("page/a.txt", "content")
    assert client.get("/Page/a/a.txt").data == b"content"
    for file in site.wiki.files_dir.rglob("*"):
        if file.is_file():
            file.unlink()
    assert client.get("/Page/a/a.txt").data == b"content"
    assert "a.txt" in client.get("/Page/attachments").data.decode()


def test_conditional_requests_compare_content(client: Any, site: Site) -> None:  # noqa: F811
    site.put("page/a.txt", "one")
    first = client.get("/Page/a/a.txt")
    tag = first.headers["ETag"]
    assert "Last-Modified" not in first.headers
    assert first.headers["Cache-Control"] == "no-cache, private"
    same = client.get("/Page/a/a.txt", headers={"If-None-Match": tag})
    assert (same.status_code, same.data) == (304, b"")
    assert "sandbox" in same.headers["Content-Security-Policy"]
    site.put("page/a.txt", "two")  # within the same second
    changed = client.get(
        "/Page/a/a.txt",
        headers={"If-None-Match": tag, "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
    )
    assert (changed.status_code, changed.data) == (200, b"two")
    by_time = client.get(
        "/Page/a/a.txt", headers={"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    )
    assert by_time.status_code == 200
    site.put("page/a.txt", "one")
    assert client.get("/Page/a/a.txt", headers={"If-None-Match": tag}).status_code == 304


def test_ranges(client: Any, site: Site) -> None:  # noqa: F811
    site.put("page/a.mp4", b"0123456789")
    part = client.get("/Page/a/a.mp4", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.data) == (206, b"234")
    assert part.headers["Content-Range"] == "bytes 2-4/10"
    assert client.get("/Page/a/a.mp4", headers={"Range": "bytes=20-"}).status_code == 416
    assert client.head("/Page/a/a.mp4").headers["Content-Length"] == "10"


@both_kinds
def test_old_revisions(client: Any, site: Site) -> None:  # noqa: F811
    first = site.put("page/a.txt", "one")
    second = site.put("page/a.txt", "two")
    for revision, content in ((first, b"one"), (second, b"two"), (first[:6], b"one")):
        response = client.get(f"/Page/a/a.txt/{revision}")
        assert (response.status_code, response.data) == (200, content)
        assert "immutable" in response.headers["Cache-Control"]
        assert "private" in response.headers["Cache-Control"]
        assert client.get(f"/Page/a/a.txt?revision={revision}").data == content
    assert "immutable" not in client.get("/Page/a/a.txt/HEAD").headers["Cache-Control"]
    site.put("page/a.txt", None)
    assert client.get(f"/Page/a/a.txt/{first}").data == b"one"
    assert client.get("/Page/a/a.txt").status_code == 404


@pytest.mark.parametrize(
    "revision", ["--output=x", "HEAD~1", "0" * 40, "zzzz", "@{0}", "1", "-", ":(top)"]
)
def test_f1_a_revision_that_is_none_is_not_found(
    client: Any,
    site: Site,  # noqa: F811
    revision: str,
) -> None:
    site.put("page/a.txt", "one")
    assert client.get(f"/Page/a/a.txt/{revision}").status_code == 404


def test_f1_a_revision_of_the_other_wiki_is_not_found(client: Any, site: Site) -> None:  # noqa: F811
    site.put("page/a.txt", "red")
    site.pick("blue")
    other = site.head()
    site.pick("red")
    assert client.get(f"/Page/a/a.txt/{other}").status_code == 404


def test_g5_names_in_headers(client: Any, site: Site) -> None:  # noqa: F811
    site.put('page/日 "quoted"; x=y.html', "x")
    response = client.get('/Page/a/日 "quoted"; x=y.html')
    assert response.status_code == 200
    disposition = response.headers["Content-Disposition"]
    assert disposition.startswith("attachment; ")
    disposition.encode("latin-1")


def test_a_compressed_archive_arrives_as_it_is(client: Any, site: Site) -> None:  # noqa: F811
    site.put("page/a.tar.gz", b"\x1f\x8bwhatever")
    response = client.get("/Page/a/a.tar.gz")
    assert response.data == b"\x1f\x8bwhatever"
    assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize(
    "url",
    [
        "/Page/a/..",
        "/Page/a/%2e%2e",
        "/Page/a/.git",
        "/Page/a/.GIT",
        "/Page/a/git~1",
        "/.git/a/config",
        "/Page/.git/a/config",
        "/Page/a/%00",
        "/Page/a/a%0d%0ab",
        "/Page/t/..",
        "/Page/a/%5c..%5cx",
    ],
)
def test_f2_paths_that_leave_the_page_are_not_found(
    client: Any,
    site: Site,  # noqa: F811
    url: str,
) -> None:
    site.put("page/a.txt", "x")
    response = client.get(url)
    assert response.status_code == 404
    assert b"[core]" not in response.data


def test_f2_an_attachment_object_refuses_with_otterwikis_error(site: Site) -> None:  # noqa: F811
    from otterwiki.gitstorage import StorageError
    from otterwiki.wiki import Attachment

    with site.app.test_request_context():
        for name in ("../x.txt", "../../secret.cfg", ".git/config", "a/../../x", "", ".", "a\0"):
            with pytest.raises(StorageError, match="Invalid attachment path"):
                Attachment("page", name)
        with pytest.raises(StorageError, match="traversal"):
            Attachment("page", "../../secret.cfg")


@pytest.mark.parametrize("site", ["worktree"], indirect=True)
def test_f3_links_in_a_tree_are_not_served(client: Any, site: Site) -> None:  # noqa: F811
    import subprocess

    site.put("page/a.txt", "x")
    work_tree = site.wiki.repository.work_tree
    assert work_tree is not None
    Path(work_tree.root, "page", "link.txt").symlink_to("/etc/passwd")
    git = ["git", "-C", work_tree.root, "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*git, "add", "page/link.txt"], check=True)
    subprocess.run([*git, "commit", "-qm", "link"], check=True)
    assert client.get("/Page/a/link.txt").status_code == 404
    assert client.get("/Page/link.txt").status_code == 404
    assert b"link.txt" not in client.get("/Page/attachments").data


def test_thumbnails(client: Any, site: Site) -> None:  # noqa: F811
    site.put("page/a.png", PNG)
    for url in ("/Page/t/a.png", "/Page/a.png?thumbnail", "/Page/a.png?width=20"):
        response = client.get(url)
        assert response.status_code == 200
        assert response.mimetype == "image/png"
        assert "sandbox" in response.headers["Content-Security-Policy"]
    site.put("page/a.svg", "<svg/>")
    assert client.get("/Page/t/a.svg").data == b"<svg/>"
    site.put("page/a.txt", "x")
    assert client.get("/Page/t/a.txt").status_code == 404
    assert client.get("/Page/t/missing.png").status_code == 404


def test_i8_without_permission_nothing_is_served(
    client: Any,
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    revision = site.put("page/a.png", PNG)
    monkeypatch.setitem(site.app.config, "READ_ACCESS", "APPROVED")
    for url in ("/Page/a/a.png", f"/Page/a/a.png/{revision}", "/Page/a.png", "/Page/t/a.png"):
        response = client.get(url)
        assert response.status_code in (302, 403), url
        assert PNG not in response.data
        missing = client.get(url.replace("a.png", "missing.png"))
        if url.startswith("/Page/a/"):
            assert missing.status_code == response.status_code
    monkeypatch.setitem(site.app.config, "ATTACHMENT_ACCESS", "APPROVED")
    head = site.head()
    assert upload(client, (b"x", "b.txt")).status_code == 403
    assert site.head() == head


# ---------------------------------------------------------------------- uploading


@both_kinds
def test_an_upload_is_one_commit_by_its_author(client: Any, site: Site) -> None:  # noqa: F811
    before = site.wiki.history.count()
    response = upload(client, (b"one", "a.txt"), (b"two", "b.txt"), message="my files")
    assert response.status_code == 302
    assert response.location == "/Page/attachments"
    assert toasts(client) == ["Added attachment(s): a.txt, b.txt."]
    assert site.wiki.history.count() == before + 1
    record = site.wiki.history.log(limit=1)[0]
    assert set(record.files) == {"page/a.txt", "page/b.txt"}
    assert record.message.strip() == "my files"
    assert (site.read("page/a.txt"), site.read("page/b.txt")) == ("one", "two")
    assert b"b.txt" in client.get("/Page/attachments").data
    site.pick("blue")
    assert site.read("page/a.txt") == "blue a"


def test_an_upload_may_replace_a_named_attachment(client: Any, site: Site) -> None:  # noqa: F811
    site.put("page/a.txt", "one")
    upload(client, (b"two", "other name.bin"), filename="a.txt")
    assert toasts(client) == ["Updated attachment: a.txt."]
    assert site.read("page/a.txt") == "two"
    assert site.wiki.history.log(limit=1)[0].message.strip() == "Updated attachment: a.txt."


@both_kinds
def test_identical_bytes_are_no_failure(client: Any, site: Site) -> None:  # noqa: F811
    upload(client, (b"one", "a.txt"))
    head = site.head()
    assert upload(client, (b"one", "a.txt")).status_code == 302
    inline = upload(client, (b"one", "a.txt"), url="/Page/inline_attachment")
    assert inline.status_code == 200
    assert inline.json["filename"] == "./a.txt"
    assert site.head() == head


def test_the_editors_upload_is_answered_in_json(client: Any, site: Site) -> None:  # noqa: F811
    answer = upload(client, (PNG, "a.png"), url="/Page/inline_attachment")
    assert answer.status_code == 200
    assert answer.json["filename"] == "./a.png"
    assert [item["filename"] for item in answer.json["attachments"]] == ["a.png"]
    assert answer.json["attachments"][0]["filesize"] == f"{len(PNG)}.0B"
    assert site.wiki.history.log(limit=1)[0].message.strip() == "Uploaded via inline attachment"
    assert toasts(client) == []
    nothing = client.post(
        "/Page/inline_attachment",
        data={"file": (io.BytesIO(b""), "")},
        content_type="multipart/form-data",
    )
    assert nothing.status_code == 500


def test_no_file_chosen_changes_nothing(client: Any, site: Site) -> None:  # noqa: F811
    head = site.head()
    assert upload(client, (b"", "")).status_code == 302
    assert site.head() == head
    assert toasts(client) == []


@pytest.mark.parametrize("name", [".git", ".GIT", "git~1", ".git::$INDEX_ALLOCATION", "x" * 300])
@pytest.mark.parametrize("url", ["/Page/attachments", "/Page/inline_attachment"])
def test_f2_a_name_that_is_not_allowed_is_refused_whole(
    client: Any,
    site: Site,  # noqa: F811
    name: str,
    url: str,
) -> None:
    head = site.head()
    response = upload(client, (b"good", "good.txt"), (b"bad", name), url=url)
    assert response.status_code == 403
    assert b"Invalid attachment path" in response.data
    assert site.head() == head
    assert site.read("page/good.txt") is None


def test_f2_folders_in_an_uploads_name_are_dropped(client: Any, site: Site) -> None:  # noqa: F811
    upload(client, (b"x", "../../evil.txt"), (b"y", "temp/Градове.txt"))
    assert site.read("page/evil.txt") == "x"
    assert site.read("page/Градове.txt") == "y"
    assert site.read("evil.gif") is None


@pytest.mark.parametrize("site", ["worktree"], indirect=True)
def test_f4_somebodys_uncommitted_file_is_not_overwritten(client: Any, site: Site) -> None:  # noqa: F811
    work_tree = site.wiki.repository.work_tree
    assert work_tree is not None
    site.put("page/a.txt", "committed")
    file = Path(work_tree.root, "page", "a.txt")
    file.write_text("being edited")
    head = site.head()
    response = upload(client, (b"upload", "a.txt"))
    assert response.status_code == 409
    assert b"Nothing was uploaded" in response.data
    assert file.read_text() == "being edited"
    assert site.head() == head
    assert client.get("/Page/a/a.txt").data == b"committed"


def test_a_busy_wiki_says_so(
    client: Any,
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from otterwiki_engine.errors import RepositoryBusy
    from otterwiki_engine.repository import Repository

    def busy(*args: Any, **kwargs: Any) -> None:
        raise RepositoryBusy("index.lock is held")

    monkeypatch.setattr(Repository, "commit", busy)
    response = upload(client, (b"x", "a.txt"))
    assert response.status_code == 503
    assert b"index.lock is held" in response.data


# ---------------------------------------------------------------------- rename, delete, embed


@both_kinds
def test_rename_and_delete(client: Any, site: Site) -> None:  # noqa: F811
    first = site.put("page/a.txt", "x")
    assert b"change page/a.txt" in client.get("/Page/attachment/a.txt").data
    response = client.post("/Page/attachment/a.txt", data={"new_filename": "b.txt"})
    assert response.status_code == 302
    assert (site.read("page/a.txt"), site.read("page/b.txt")) == (None, "x")
    assert client.get(f"/Page/a/a.txt/{first}").data == b"x"
    client.post("/Page/attachment/b.txt", data={"delete": "1"})
    assert site.read("page/b.txt") is None
    assert client.get("/Page/attachment/b.txt").status_code == 404
    site.pick("blue")
    assert site.read("page/a.txt") == "blue a"


def test_f2_a_rename_can_not_leave_the_page(client: Any, site: Site) -> None:  # noqa: F811
    site.put("page/a.txt", "x")
    for name in (".git", "../../x", "git~1"):
        client.post("/Page/attachment/a.txt", data={"new_filename": name})
    assert site.read("x") is None
    assert all(".git" not in path for path in site.wiki.repository.snapshot().files())


def test_a_table_embedded_from_a_file(client: Any, site: Site) -> None:  # noqa: F811
    site.put("page/t.csv", "name;n\nred;1\n")
    site.put("page.md", "# Page\n\n{{datatable\n|src=t.csv\n}}\n")
    assert "<td>red</td>" in client.get("/Page").data.decode()
    site.put("page.md", "# Page\n\n{{datatable\n|src=blue.txt\n}}\n")
    assert "not found" in client.get("/Page").data.decode()
    site.put("page.md", "# Page\n\n{{datatable\n|src=/page/../../x\n}}\n")
    assert "traversal" in client.get("/Page").data.decode()
