"""/app/import: what a person brings is checked and shown first; nobody else's wiki is touched."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from otterwiki_engine.authorship import Author
from otterwiki_robot.home_page import get_home_page
from otterwiki_robot.installation import Installation
from otterwiki_robot.root import uploads
from otterwiki_robot.staged_import import StagedImports
from otterwiki_robot.transfer import staging
from otterwiki_robot.transfer.addresses import Outside
from otterwiki_robot.transfer.errors import TransferRefused
from otterwiki_robot.transfer.public_fetching import NOT_FETCHED, public_repository
from otterwiki_robot.transfer.slots import AT_ONCE, transfer_slot
from otterwiki_tenant import audit, clock, names, people, wikis
from otterwiki_tenant.access import Role
from otterwiki_tenant.audit import OPERATOR, Action, By
from otterwiki_tenant.errors import Forbidden, NoSuchWiki

from .histories import History, git
from .https_host import NAME, running_host
from .made_farm import ALICE, BOB
from .root_visitor import ADDRESS, BASE, RootVisitor
from .zips import PNG, encrypted, with_entry, zip_of

Visit = Callable[..., RootVisitor]
NOTES = {"Home.md": b"# Mine\n", "plants/Tomato.md": b"red\n", "plants/t.png": PNG}


@pytest.fixture(autouse=True)
def loaded(installation: Installation) -> None:
    """Otterwiki is loaded in every web worker before the first request."""
    installation.load_otterwiki()


@pytest.fixture
def alice(visit: Visit) -> RootVisitor:
    return visit(ALICE)


def did(handle: str) -> str:
    return names.development_did(handle)


def state(installation: Installation) -> dict[str, str]:
    """Everything of both wikis' repositories that an import might touch."""
    return {
        slug: git(installation.farm.layout.wiki(slug) / "repo.git", "for-each-ref")
        + git(installation.farm.layout.wiki(slug) / "repo.git", "count-objects", "-v")
        for slug in ("alice", "bob")
    }


def send_zip(
    visitor: RootVisitor, stream: io.BytesIO, wiki: str = "alice", **more: str
) -> TestResponse:
    data = {"wiki": wiki, "do": "zip", "zip": (stream, "notes.zip"), **more}
    return visitor.post(f"/app/import?wiki={wiki}", data, page="/app/import")  # type: ignore[arg-type]


def staged_at(response: TestResponse) -> str:
    """The path of the preview that a form led to."""
    assert response.status_code == 303, response.text
    return response.headers["Location"]


def fields(page: str) -> dict[str, str]:
    """Hidden fields of the preview's form."""
    return dict(part.split('" value="')[:2] for part in page.split('type="hidden" name="')[1:]
                for part in [part.split('">')[0]])  # fmt: skip


def say_yes(visitor: RootVisitor, address: str, **more: str) -> TestResponse:
    hidden = fields(visitor.get(address).text)
    data = {"wiki": hidden["wiki"], "base": hidden["base"], "do": "import", **more}
    return visitor.post(address, data)


def leftovers(installation: Installation) -> list[str]:
    found = installation.farm.layout.run.iterdir()
    return sorted(path.name for path in found if path.name.startswith(("import-", "staged-")))


def files_of(installation: Installation, slug: str = "alice") -> list[str]:
    with installation.farm.database.reading() as session:
        record = wikis.get(session, slug)
    return installation.farm.opened(record).wiki.repository.snapshot().files()


def page_count(installation: Installation, slug: str = "alice") -> int:
    with installation.farm.database.reading() as session:
        return wikis.get(session, slug).page_count


def write(installation: Installation, slug: str = "alice", **pages: bytes) -> None:
    with installation.farm.database.reading() as session:
        record = wikis.get(session, slug)
    content = {f"{name}.md": text for name, text in pages.items()}
    installation.farm.opened(record).wiki.repository.commit(
        content, base=None, author=Author("A", "a@x"), message="m"
    )


# ------------------------------------------------------------------ the way it goes


def test_a_zip_is_shown_first_and_comes_in_after_a_yes(
    alice: RootVisitor, installation: Installation
) -> None:
    before = state(installation)
    address = staged_at(send_zip(alice, zip_of({**NOTES, ".obsidian/app.json": b"{}"})))
    page = alice.get(address).text
    for words in (
        "notes.zip", "2 of at most 500", "plants/Tomato", ".obsidian/", "hidden folder (1 file)",
        "<dd>1</dd>", "The wiki still holds only what it was made with",
    ):  # fmt: skip
        assert words in page, words
    assert state(installation) == before
    done = say_yes(alice, address)
    assert "The import is done" in alice.follow(done).text
    assert files_of(installation) == sorted(NOTES)
    assert page_count(installation) == 2
    assert state(installation)["bob"] == before["bob"]
    assert leftovers(installation) == []
    about = git(
        installation.farm.layout.wiki("alice") / "repo.git", "log", "-1", "--format=%an%n%B"
    )
    assert about.startswith("alice.test\nImport of notes.zip")
    assert f"Actor: {did(ALICE)}" in about
    with installation.farm.database.reading() as session:
        entry = audit.search(session, wiki_slug="alice", limit=1)[0]
    assert (entry.action, entry.actor_did) == (Action.WIKI_IMPORTED, did(ALICE))
    assert (entry.detail, entry.address) == ("2 pages, 1 commits", ADDRESS)


def test_a_folder_comes_with_its_paths_as_browsers_send_them(
    alice: RootVisitor, installation: Installation
) -> None:
    sent = {
        "Vault/Home.md": b"h", "Vault/a b/\xc3\x84pfel.md".encode("latin-1").decode(): b"a",
        "Vault/Say %22hi%22.md": b"q", "Vault/.obsidian/x.json": b"{}", "Vault/.git/HEAD": b"x",
    }  # fmt: skip
    uploads = [(io.BytesIO(content), name) for name, content in sent.items()]
    data = {"wiki": "alice", "do": "folder", "folder": uploads}
    address = staged_at(alice.post("/app/import", data))  # type: ignore[arg-type]
    page = alice.get(address).text
    assert 'From <strong class="text-break">Vault</strong>' in page
    assert ".obsidian/" in page and ".git/" in page
    say_yes(alice, address)
    assert files_of(installation) == ["Home.md", 'Say "hi".md', "a b/Äpfel.md"]


def test_a_readme_becomes_the_front_page(alice: RootVisitor, installation: Installation) -> None:
    address = staged_at(send_zip(alice, zip_of({"README.md": b"# Read me\n"})))
    assert "README, as there is no page Home" in alice.get(address).text
    say_yes(alice, address)
    app = installation.load_otterwiki()
    assert get_home_page(app, installation.farm, "alice") == "README"
    assert get_home_page(app, installation.farm, "bob") != "README"


def test_a_wiki_with_pages_is_only_replaced_with_a_tick_and_saved_first(
    alice: RootVisitor, installation: Installation, tmp_path: Path
) -> None:
    write(installation, Mine=b"mine\n")
    before = state(installation)
    address = staged_at(send_zip(alice, zip_of(NOTES)))
    page = alice.get(address).text
    assert "Replace what is there" in page
    assert "2 commits of history" in page
    refused = say_yes(alice, address)
    assert refused.status_code == 422
    assert "Tick this" in refused.text
    assert state(installation) == before
    assert say_yes(alice, address, replace="yes").status_code == 303
    assert files_of(installation) == sorted(NOTES)
    (bundle,) = (installation.settings.home / "wikis" / "alice" / "replaced").iterdir()
    git(tmp_path, "clone", "-q", str(bundle), str(tmp_path / "old"))
    assert (tmp_path / "old" / "Mine.md").read_bytes() == b"mine\n"
    for number in range(4):
        write(installation, **{f"More{number}": b"x\n"})
        again = staged_at(send_zip(alice, zip_of(NOTES)))
        assert say_yes(alice, again, replace="yes").status_code == 303
    assert len(list(bundle.parent.iterdir())) == 3
    assert not bundle.exists()


def test_a_save_after_the_preview_is_not_lost(
    alice: RootVisitor, installation: Installation
) -> None:
    address = staged_at(send_zip(alice, zip_of(NOTES)))
    hidden = fields(alice.get(address).text)
    write(installation, Mine=b"mine\n")
    data = {"wiki": "alice", "base": hidden["base"], "do": "import", "replace": "yes"}
    changed = alice.post(address, data)
    assert changed.status_code == 409
    assert "edited meanwhile" in changed.text and "Replace what is there" in changed.text
    assert "Mine.md" in files_of(installation)
    assert say_yes(alice, address, replace="yes").status_code == 303


def test_an_import_is_used_once_and_can_be_thrown_away(
    alice: RootVisitor, installation: Installation
) -> None:
    address = staged_at(send_zip(alice, zip_of(NOTES)))
    hidden = fields(alice.get(address).text)
    say_yes(alice, address)
    after = state(installation)
    again = alice.post(address, {**hidden, "do": "import", "replace": "yes"}, page="/app/import")
    assert again.status_code == 410
    assert "not here any more" in again.text
    address = staged_at(send_zip(alice, zip_of(NOTES)))
    gone = alice.post(address, {"wiki": "alice", "do": "discard"})
    assert "thrown away" in alice.follow(gone).text
    assert alice.get(address).status_code == 410
    assert state(installation) == after
    assert leftovers(installation) == []


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (with_entry("../evil.md"), "leads out of the folder"),
        (encrypted(zip_of({"Home.md": b"x"})), "password"),
        (io.BytesIO(b"Rar!"), "not a zip file"),
        (zip_of({".obsidian/x": b""}), "nothing to import"),
        (zip_of({f"p{number}.md": b"x" for number in range(501)}), "this wiki may have 500"),
    ],
)
def test_a_refusal_says_why_and_changes_nothing(
    alice: RootVisitor, installation: Installation, stream: io.BytesIO, words: str
) -> None:
    before = state(installation)
    refused = send_zip(alice, io.BytesIO(stream.getvalue()))
    assert refused.status_code == 422
    assert words in refused.text
    assert state(installation) == before
    assert leftovers(installation) == []


def test_i1_the_page_limit_of_the_wiki_counts(
    alice: RootVisitor, installation: Installation
) -> None:
    people.set_page_limit(installation.farm, "alice", 2, OPERATOR)
    three = {**NOTES, "Third.md": b"3"}
    refused = send_zip(alice, zip_of(three))
    assert refused.status_code == 422
    assert "3 pages to import; this wiki may have 2. Leave out 1 or more" in refused.text
    assert send_zip(alice, zip_of(NOTES)).status_code == 303


def test_i1_a_limit_lowered_after_the_preview_counts_too(
    alice: RootVisitor, installation: Installation
) -> None:
    address = staged_at(send_zip(alice, zip_of(NOTES)))
    people.set_page_limit(installation.farm, "alice", 1, OPERATOR)
    before = state(installation)
    assert say_yes(alice, address).status_code == 422
    assert state(installation) == before


def test_problems_are_listed_twenty_at_most(alice: RootVisitor) -> None:
    stream = zip_of({f"../p{number}.md": b"" for number in range(25)})
    page = send_zip(alice, stream).text
    assert page.count("leads out of the folder") == 20
    assert "and 5 more" in page


def test_hostile_names_are_shown_as_text(alice: RootVisitor) -> None:
    hostile = "<img src=x onerror=alert(1)>'{{7*7}}\u202egpj.md"
    page = alice.get(staged_at(send_zip(alice, zip_of({**NOTES, hostile: b"x"})))).text
    assert "<img src=x" not in page
    assert "\\u202e" in page
    fine = "<script>alert(2)</script>.md"
    page = alice.get(staged_at(send_zip(alice, zip_of({**NOTES, fine: b"x"})))).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(2)&lt;/script&gt;" in page


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"do": "zip"}, "Choose a zip file"),
        ({"do": "folder"}, "Choose a folder"),
        ({"do": "url", "url": " "}, "Type the address"),
        ({"do": "else"}, "use a button"),
        ({"do": "url", "url": "http://git.example/x"}, "start with https://"),
        ({"do": "url", "url": "https://u:p@git.example/x"}, "user name"),
        ({"do": "url", "url": "https://127.0.0.1/x"}, "not its address in numbers"),
        ({"do": "url", "url": "https://localhost/x"}, "known to the internet"),
        ({"do": "url", "url": "https://bob.robot.localhost/repo.git"}, "wiki of this server"),
        ({"do": "url", "url": "https://rebinder.invalid/x"}, NOT_FETCHED[1:60]),
    ],
)
def test_a_form_that_can_not_be_used_says_so(
    alice: RootVisitor, installation: Installation, data: dict[str, str], words: str
) -> None:
    refused = alice.post("/app/import", {"wiki": "alice", **data})
    assert refused.status_code == 422
    assert words in refused.text
    if "url" in data:
        assert f'value="{data["url"]}"' in refused.text
    assert leftovers(installation) == []


def test_i1_an_upload_over_the_limit_is_refused_in_words(
    alice: RootVisitor, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otterwiki_robot.root.uploads._FORM_BYTES", -249_000_000)
    refused = send_zip(alice, io.BytesIO(os.urandom(1_200_000)))
    assert refused.status_code == 413
    assert "250 MB and 5000 files" in refused.text
    assert leftovers(installation) == []


def test_i1_more_files_than_can_be_taken_are_refused_in_words(
    alice: RootVisitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otterwiki_robot.root.uploads._MORE_PARTS", -4990)
    uploads = [(io.BytesIO(b"x"), f"V/p{number}.md") for number in range(20)]
    refused = alice.post("/app/import", {"do": "folder", "folder": uploads})  # type: ignore[dict-item]
    assert refused.status_code == 413
    assert "Hidden folders, such as .git, count too" in refused.text


def test_a_thousand_files_take_one_file_on_disk(
    alice: RootVisitor, installation: Installation
) -> None:
    uploads = [(io.BytesIO(b"x" * 600), f"V/n/f{number}.txt") for number in range(1500)]
    uploads.append((io.BytesIO(b"h"), "V/Home.md"))
    before = len(os.listdir("/proc/self/fd"))
    address = staged_at(alice.post("/app/import", {"do": "folder", "folder": uploads}))  # type: ignore[dict-item]
    assert len(os.listdir("/proc/self/fd")) < before + 20
    assert "<dd>1500</dd>" in alice.get(address).text
    assert len(leftovers(installation)) == 1


# ------------------------------------------------------------------ from the attacker's side


def test_h1_only_the_owner_may_import(
    visit: Visit, installation: Installation, carol: str, alice: RootVisitor
) -> None:
    address = staged_at(send_zip(alice, zip_of(NOTES)))
    before = state(installation)
    stranger = visit(carol)
    for role, expected in ((None, 404), (Role.VIEWER, 403), (Role.EDITOR, 403)):
        if role:
            people.grant(installation.farm, "alice", did(carol), role, OPERATOR)
        assert stranger.get("/app/import?wiki=alice").status_code == expected
        data = {"wiki": "alice", "do": "zip", "zip": (zip_of(NOTES), "n.zip")}
        assert (
            stranger.post("/app/import?wiki=alice", data, page="/app/account").status_code
            == expected
        )  # type: ignore[arg-type]
        assert stranger.get(address).status_code == expected
        for do in ("import", "discard"):
            said = stranger.post(
                address, {"wiki": "alice", "do": do, "replace": "yes"}, page="/app/account"
            )
            assert said.status_code == expected
    assert state(installation) == before
    assert alice.get(address).status_code == 200


def test_h3_another_persons_staged_import_does_not_exist(
    visit: Visit, installation: Installation, alice: RootVisitor
) -> None:
    bob = visit(BOB)
    address = staged_at(send_zip(alice, zip_of({"Home.md": b"secret-of-alice"})))
    staged_id = address.partition("?")[0].rpartition("/")[2]
    before = state(installation)
    hidden = fields(bob.get(staged_at(send_zip(bob, zip_of(NOTES), wiki="bob"))).text)
    for target in (f"/app/import/{staged_id}?wiki=bob", f"/app/import/{staged_id}"):
        assert bob.get(target).status_code == 410
        data = {**hidden, "wiki": "bob", "do": "import", "replace": "yes"}
        assert bob.post(target, data, page="/app/import").status_code == 410
        assert (
            bob.post(target, {"wiki": "bob", "do": "discard"}, page="/app/import").status_code
            == 410
        )
    assert bob.get(f"/app/import/{staged_id}?wiki=alice").status_code == 404
    assert state(installation) == before
    assert say_yes(alice, address).status_code == 303
    assert state(installation)["bob"] == before["bob"]


@pytest.mark.parametrize("staged_id", ["..", "%2e%2e", "x", "0" * 32, "0" * 31 + "%00", "A" * 32])
def test_f2_an_id_is_never_a_path(alice: RootVisitor, staged_id: str) -> None:
    assert alice.get(f"/app/import/{staged_id}").status_code in (404, 410)


def test_h1_an_import_into_another_wiki_of_the_same_owner_is_none(
    alice: RootVisitor, installation: Installation
) -> None:
    installation.farm.create_wiki("alice-two", owner_did=did(ALICE))
    address = staged_at(send_zip(alice, zip_of(NOTES)))
    other = address.replace("wiki=alice", "wiki=alice-two")
    assert alice.get(other).status_code == 410
    data = {"wiki": "alice-two", "base": "", "do": "import"}
    assert alice.post(other, data, page="/app/import").status_code == 410


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://bob.robot.localhost:8000"},
        {"Sec-Fetch-Site": "same-origin", "Origin": BASE},  # but no token
    ],
)
def test_d6_forms_of_others_stage_and_do_nothing(
    alice: RootVisitor, installation: Installation, headers: dict[str, str]
) -> None:
    address = staged_at(send_zip(alice, zip_of(NOTES)))
    hidden = fields(alice.get(address).text)
    before, run = state(installation), leftovers(installation)
    for path, data in (
        (address, {**hidden, "form_token": "", "do": "import"}),
        (address, {"wiki": "alice", "do": "discard"}),
        ("/app/import", {"do": "zip", "zip": (zip_of(NOTES), "n.zip")}),
    ):
        refused = alice.client.post(path, base_url=BASE, data=data, headers=headers)
        assert refused.status_code == 403
    assert state(installation) == before
    assert leftovers(installation) == run


def test_what_nobody_sends_is_not_read(visit: Visit, installation: Installation) -> None:
    stranger = visit()
    reads: list[int] = []

    class Body(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            reads.append(size or 0)
            return super().read(size)

    raw = b'--b\r\nContent-Disposition: form-data; name="zip"; filename="z"\r\n\r\nx\r\n--b--\r\n'
    answer = stranger.client.post(
        "/app/import",
        base_url=BASE,
        headers={"Sec-Fetch-Site": "same-origin", "Origin": BASE},
        content_type="multipart/form-data; boundary=b",
        input_stream=Body(raw),
        environ_overrides={"CONTENT_LENGTH": str(len(raw))},
    )
    assert answer.status_code == 403
    assert reads == []


def test_a_staged_import_ends_after_an_hour_and_with_the_next(
    alice: RootVisitor, installation: Installation
) -> None:
    first = staged_at(send_zip(alice, zip_of(NOTES)))
    second = staged_at(send_zip(alice, zip_of(NOTES)))
    assert alice.get(first).status_code == 410
    assert len(leftovers(installation)) == 1
    imports, by = StagedImports(installation.farm), By(did(ALICE))
    staged_id = second.partition("?")[0].rpartition("/")[2]
    now = clock.now()
    assert imports.preview("alice", staged_id, by, now + timedelta(minutes=59)).pages
    with pytest.raises(Exception, match="older than an hour"):
        imports.preview("alice", staged_id, by, now + timedelta(minutes=61))
    assert installation.clean_up() == []
    (folder,) = installation.farm.layout.run.glob("staged-*")
    about = folder / "about.json"
    about.write_text(about.read_text().replace('"staged_at": ', '"staged_at": 1e3, "was": '))
    assert str(folder) in installation.clean_up()
    assert leftovers(installation) == []


def test_suspended_wikis_take_no_import(alice: RootVisitor, installation: Installation) -> None:
    address = staged_at(send_zip(alice, zip_of(NOTES)))
    people.suspend_wiki(installation.farm, "alice", OPERATOR)
    assert alice.get("/app/import").status_code == 200
    assert send_zip(alice, zip_of(NOTES)).status_code == 403
    before = state(installation)
    hidden = {"wiki": "alice", "base": "", "do": "import"}
    assert alice.post(address, hidden, page="/app/import").status_code == 403
    assert state(installation) == before


def test_i2_few_imports_are_read_at_once(alice: RootVisitor, installation: Installation) -> None:
    run = installation.farm.layout.run
    with transfer_slot(run, did(ALICE)):
        assert "of yours is still running" in send_zip(alice, zip_of(NOTES)).text
    with transfer_slot(run, "did:plc:one"), transfer_slot(run, "did:plc:two"):
        assert AT_ONCE == 2
        assert "busy with other people" in send_zip(alice, zip_of(NOTES)).text
    assert send_zip(alice, zip_of(NOTES)).status_code == 303


# ------------------------------------------------------------------ from a repository


def test_a_repository_is_fetched_shown_and_brought_in(
    alice: RootVisitor, installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "root").mkdir()
    history = History(tmp_path / "root" / "notes.git")
    history.write(Home_md=b"one\n")
    newest = history.write(Home_md=b"[[Other|x]] two\n", Other_md=b"o\n", **{".hidden": b"h\n"})
    imports, by, now = StagedImports(installation.farm), By(did(ALICE), ADDRESS), clock.now()
    with running_host(tmp_path, tmp_path / "root") as host:
        outside = Outside(
            lambda name, port: ["127.0.0.1"], lambda each: True, host.port, str(host.ca_file)
        )
        source = public_repository(f"https://{NAME}/notes.git", own_domain="x.y", outside=outside)
        staged_id = imports.stage("alice", by, now, lambda limits: source, source.shown)
        for who, error in ((By(did(BOB)), NoSuchWiki), (By("did:plc:nobody"), Forbidden)):
            with pytest.raises(error):
                imports.stage("alice", who, now, lambda limits: source, "x")
    page = alice.get(f"/app/import/{staged_id}").text
    for words in (f"https://{NAME}/notes.git", "2 commits", "1 hidden file", "WikiLink Style"):
        assert words in page, words
    assert say_yes(alice, f"/app/import/{staged_id}").status_code == 303
    repository = installation.farm.layout.wiki("alice") / "repo.git"
    assert git(repository, "rev-parse", "HEAD") == newest


def test_f3_a_repository_with_a_link_is_refused_and_named(
    installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "root").mkdir()
    history = History(tmp_path / "root" / "notes.git")
    history.commit(history.tree(("120000", history.blob(b"/etc/passwd"), b"link.md")))
    history.write(Home_md=b"clean\n")
    before = state(installation)
    imports, by = StagedImports(installation.farm), By(did(ALICE))
    with running_host(tmp_path, tmp_path / "root") as host:
        outside = Outside(
            lambda name, port: ["127.0.0.1"], lambda each: True, host.port, str(host.ca_file)
        )
        source = public_repository(f"https://{NAME}/notes.git", own_domain="x.y", outside=outside)
        with pytest.raises(TransferRefused, match=r"link\.md .*symbolic link"):
            imports.stage("alice", by, clock.now(), lambda limits: source, "x")
    assert state(installation) == before
    assert leftovers(installation) == []


@pytest.mark.parametrize("kind", ["trees", "blob", "deep"])
def test_g4_a_small_repository_that_unfolds_to_a_huge_one_is_refused(
    installation: Installation, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "root").mkdir()
    history = History(tmp_path / "root" / "bomb.git")
    if kind == "blob":
        history.commit(history.tree(("100644", history.blob(b"\0" * 60_000_000), b"z.bin")))
        history.write(Home_md=b"clean\n")
    else:
        tree = history.tree(("100644", history.blob(b"x"), b"a.md"))
        copies = 10 if kind == "trees" else 1
        for _ in range(12 if kind == "trees" else 150):
            tree = history.tree(*[("40000", tree, b"%d" % number) for number in range(copies)])
        history.commit(tree)
    imports, by = StagedImports(installation.farm), By(did(ALICE))
    began = time.monotonic()
    with running_host(tmp_path, tmp_path / "root") as host:
        outside = Outside(
            lambda name, port: ["127.0.0.1"], lambda each: True, host.port, str(host.ca_file)
        )
        source = public_repository(f"https://{NAME}/bomb.git", own_domain="x.y", outside=outside)
        with pytest.raises(TransferRefused) as refused:
            imports.stage("alice", by, clock.now(), lambda limits: source, "x")
    assert {"trees": "billions of files", "blob": "unpacks to", "deep": "100 deep"}[kind] in str(
        refused.value
    )
    assert time.monotonic() - began < 30


def test_a_form_without_room_for_it_is_not_read(
    alice: RootVisitor, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = staging.FREE_BYTES + 50_000

    made: list[Path] = []
    monkeypatch.setattr(uploads, "Spool", made.append)
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: Usage)
    refused = send_zip(alice, zip_of({"large.png": os.urandom(60_000)}))
    assert refused.status_code == 503
    assert "too little room" in refused.text
    assert made == [] == leftovers(installation)
    monkeypatch.undo()
    staged_at(send_zip(alice, zip_of(NOTES)))
