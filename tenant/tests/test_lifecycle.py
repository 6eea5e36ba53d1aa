"""Wikis come and go wholly or not at all, whoever is killed and whenever."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from otterwiki_engine.authorship import Author
from otterwiki_engine.errors import BadPath, RepositoryGone
from otterwiki_engine.repository import Repository
from otterwiki_tenant import acls, files, tokens, users, wikis
from otterwiki_tenant.errors import (
    FarmBusy,
    LimitReached,
    NameRefused,
    NameTaken,
    NoSuchUser,
    NoSuchWiki,
    StrayFolder,
    WikiExists,
)
from otterwiki_tenant.farm import Farm
from otterwiki_tenant.layout import pending_of, repository_of
from otterwiki_tenant.testing import DOMAIN, add_person, make_farm
from otterwiki_tenant.users import User
from otterwiki_tenant.wikis import WikiRecord

TEMPLATE = {"Home.md": b"# Home\n", "Home/notes.txt": b"notes\n", "Second.md": b"# Two\n"}


def _record(farm: Farm, slug: str) -> WikiRecord | None:
    with farm.database.reading() as session:
        return wikis.by_slug(session, slug)


def _person(farm: Farm, username: str) -> User:
    with farm.database.reading() as session:
        found = users.by_username(session, username)
    assert found is not None
    return found


def _repository(farm: Farm, slug: str) -> Repository:
    folder = farm.layout.wiki(slug)
    return Repository(repository_of(folder), state_dir=folder)


def _hidden(farm: Farm) -> list[str]:
    return [path.name for path in farm.layout.wikis.iterdir() if path.name.startswith(".")]


def test_a_new_wiki_is_all_there(farm: Farm, carol: User) -> None:
    made = farm.create_wiki(
        None, owner_did=carol.did, is_public=True, display_name="Garden", template=TEMPLATE
    )
    record = made.record
    assert _record(farm, "carol") == record
    assert (record.slug, record.display_name, record.is_public) == ("carol", "Garden", True)
    assert (record.page_count, record.owner_did) == (2, carol.did)
    assert tokens.verify(made.token, token_id=record.token_id, token_hash=record.mcp_token_hash)
    assert made.token not in repr(made)
    repository = _repository(farm, "carol")
    assert repository.head() == record.template_revision
    assert repository.snapshot().read("Home.md") == b"# Home\n"
    commit = repository.commit_object(record.template_revision or "")
    assert commit.author == b"carol.test <did.plc.carol@users.robot.localhost>"
    assert b"Actor: did:plc:carol" in commit.message
    assert not pending_of(farm.layout.wiki("carol")).exists()
    assert _hidden(farm) == []
    assert _person(farm, "carol").wiki_count == 1
    with farm.database.reading() as session:
        assert [(acl.grantee_did, acl.role) for acl in acls.of_wiki(session, "carol")] == [
            (carol.did, "owner")
        ]


def test_an_empty_wiki_has_no_commit(farm: Farm, carol: User) -> None:
    assert farm.create_wiki("garden", owner_did=carol.did).record.template_revision is None
    assert _repository(farm, "garden").head() is None


def test_refusals_leave_nothing_behind(farm: Farm, carol: User) -> None:
    before = sorted(os.listdir(farm.layout.wikis))
    refusals: list[tuple[type[Exception], dict[str, object]]] = [
        (NoSuchUser, {"slug": "garden", "owner_did": "did:plc:nobody"}),
        (NameRefused, {"slug": "../garden"}),
        (NameRefused, {"slug": "mail"}),
        (WikiExists, {"slug": "alice"}),
        (LimitReached, {"slug": "garden", "max_wikis": 0}),
        (BadPath, {"slug": "garden", "template": {"../x.md": b""}}),
    ]
    for error, options in refusals:
        arguments: dict[str, object] = {"owner_did": carol.did, **options}
        with pytest.raises(error):
            farm.create_wiki(arguments.pop("slug"), **arguments)  # type: ignore[arg-type]
        assert sorted(os.listdir(farm.layout.wikis)) == before
    with farm.database.reading() as session:
        assert users.name_owner(session, "garden") is None
    assert _person(farm, "carol").wiki_count == 0


def test_a_slug_that_is_anothers_username_is_refused(farm: Farm, carol: User) -> None:
    dave = add_person(farm, "dave.test")
    with pytest.raises(NameTaken):
        farm.create_wiki("dave", owner_did=carol.did)
    farm.create_wiki("dave", owner_did=dave.did)


def test_deleting_removes_everything_but_the_name(farm: Farm) -> None:
    alice, robert = _person(farm, "alice"), _person(farm, "robert")
    old = _record(farm, "alice")
    farm.delete_wiki("alice")
    assert _record(farm, "alice") is None
    assert sorted(os.listdir(farm.layout.wikis)) == ["robert"]
    assert _person(farm, "alice").wiki_count == 0
    assert _person(farm, "robert").wiki_count == 1
    with pytest.raises(NoSuchWiki):
        farm.delete_wiki("alice")
    with pytest.raises(NameTaken):
        farm.create_wiki("alice", owner_did=robert.did)
    new = farm.create_wiki("alice", owner_did=alice.did).record
    assert old is not None
    assert new.session_key != old.session_key
    assert new.token_id != old.token_id
    assert _repository(farm, "alice").head() is None
    assert _repository(farm, "robert").snapshot().read("Home.md") == b"# canary-robert\n"


def test_h6_an_opened_wiki_is_not_taken_for_its_successor(farm: Farm) -> None:
    alice, old = _person(farm, "alice"), _record(farm, "alice")
    assert old is not None
    opened = farm.opened(old)
    assert farm.opened(old) is opened
    farm.delete_wiki("alice")
    new = farm.create_wiki("alice", owner_did=alice.did).record
    assert farm.opened(new) is not opened
    assert farm.opened(new).wiki.repository.head() is None


def test_a_save_after_the_deletion_finds_the_wiki_gone(farm: Farm) -> None:
    repository = _repository(farm, "alice")
    farm.delete_wiki("alice")
    with pytest.raises(RepositoryGone):
        repository.commit(
            {"New.md": b"x\n"}, base=None, author=Author("alice.test", ""), message="late"
        )
    assert sorted(os.listdir(farm.layout.wikis)) == ["robert"]


def test_a_deletion_waits_for_the_save_under_way(farm: Farm) -> None:
    repository = _repository(farm, "alice")
    saved: list[str] = []

    def save() -> None:
        try:
            result = repository.commit(
                {"New.md": b"x\n"}, base=None, author=Author("alice.test", ""), message="late"
            )
            saved.append(result.revision)
        except RepositoryGone:
            saved.append("gone")

    threads = [
        threading.Thread(target=farm.delete_wiki, args=("alice",)),
        threading.Thread(target=save),
    ]
    with _repository(farm, "alice").lock():
        for thread in threads:
            thread.start()
        while _record(farm, "alice") is not None:  # the deletion has begun
            threads[0].join(0.01)
        assert farm.layout.wiki("alice").exists()
    for thread in threads:
        thread.join(60)
    assert len(saved) == 1
    assert sorted(os.listdir(farm.layout.wikis)) == ["robert"]


def test_two_creations_at_once_make_two_wikis(farm: Farm, carol: User) -> None:
    dave = add_person(farm, "dave.test")
    made: list[str] = []

    def create(person: User) -> None:
        made.append(farm.create_wiki(None, owner_did=person.did, template=TEMPLATE).record.slug)

    threads = [threading.Thread(target=create, args=(person,)) for person in (carol, dave)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(made) == ["carol", "dave"]
    assert _hidden(farm) == []


def test_a_farm_busy_for_too_long_says_so(farm: Farm) -> None:
    with (
        files.exclusive(farm.layout.lifecycle_lock),
        pytest.raises(FarmBusy, match="Try again"),
        files.exclusive(farm.layout.lifecycle_lock, timeout_seconds=0.05),
    ):
        pass


# ---------------------------------------------------------------------- recovery


def test_recovery_never_removes_what_it_does_not_know(farm: Farm, carol: User) -> None:
    """A registry restored from yesterday must not cost a wiki made today."""
    stray = farm.layout.wiki("garden")
    stray.mkdir()
    (stray / "precious").write_text("x")
    assert farm.recover().stray == ("garden",)
    assert (stray / "precious").exists()
    with pytest.raises(StrayFolder, match="move it away"):
        farm.create_wiki("garden", owner_did=carol.did)
    assert (stray / "precious").exists()


def test_recovery_reports_a_wiki_without_its_folder(farm: Farm) -> None:
    """The disk with the wikis may simply not be mounted: no row is removed."""
    farm.layout.wiki("alice").rename(farm.layout.home / "elsewhere")
    assert farm.recover().missing == ("alice",)
    assert _record(farm, "alice") is not None
    farm.delete_wiki("alice")
    assert farm.recover().missing == ()


_CHANGING = {
    "os.rename",
    "os.mkdir",
    "os.remove",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "shutil.rmtree",
    "fcntl.flock",
}


def _changes_files(name: str, arguments: tuple[object, ...]) -> bool:
    if name == "open":
        flags = arguments[2]
        return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return name in _CHANGING


def _killed_at(step: int, home: Path, action: Callable[[Farm], object]) -> bool:
    """Do `action` in a child process that is killed before its `step`-th change; True if it was."""
    child = os.fork()
    if child == 0:
        count = 0

        def pass_step() -> None:
            nonlocal count
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

        def audit(name: str, arguments: tuple[object, ...]) -> None:
            if _changes_files(name, arguments):
                pass_step()

        status = 1
        try:
            farm = Farm(home, DOMAIN, scheme="http", bcrypt_rounds=4)
            engine = farm.database.engine
            event.listen(engine, "before_cursor_execute", lambda *_: pass_step())
            event.listen(engine, "commit", lambda *_: pass_step())
            sys.addaudithook(audit)
            action(farm)
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.fixture
def killing_ground() -> Iterator[Path]:
    """The home of a farm with Robert's wiki, and nobody who has it open.

    In memory where that can be had: a killed process loses nothing the kernel has, and hundreds of
    real fsyncs would only cost time.
    """
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        farm = make_farm(Path(folder, "home"))
        for handle in ("alice.test", "robert.test"):
            add_person(farm, handle)
        farm.create_wiki("robert", owner_did="did:plc:robert", template={"Home.md": b"canary\n"})
        farm.close()
        yield farm.layout.home


def _is_whole(farm: Farm) -> bool:
    """Whether Alice's wiki is there, wholly; fails if it is there in part. Robert's always is."""
    record = _record(farm, "alice")
    folder = farm.layout.wiki("alice")
    with farm.database.reading() as session:
        roles = acls.of_wiki(session, "alice")
    assert _person(farm, "alice").wiki_count == (1 if record else 0)
    assert len(roles) == (1 if record else 0)
    if record is not None:
        repository = _repository(farm, "alice")
        assert repository.head() == record.template_revision
        assert {path: repository.snapshot().read(path) for path in TEMPLATE} == TEMPLATE
        repository.close()
    robert = _repository(farm, "robert")
    assert robert.snapshot().read("Home.md") == b"canary\n"
    robert.close()
    return record is not None and folder.exists()


def _check_recovered(farm: Farm) -> None:
    recovery = farm.recover()
    assert (recovery.stray, recovery.missing) == ((), ())
    assert _hidden(farm) == []
    expected = {"robert"} | ({"alice"} if _record(farm, "alice") else set())
    assert set(os.listdir(farm.layout.wikis)) == expected
    assert not any(pending_of(farm.layout.wiki(slug)).exists() for slug in expected)


def _create(farm: Farm) -> None:
    farm.create_wiki("alice", owner_did="did:plc:alice", template=TEMPLATE)


def _delete(farm: Farm) -> None:
    farm.delete_wiki("alice")


def test_a_creation_killed_at_any_step(killing_ground: Path) -> None:
    """Wholly there or wholly absent; the retry works, with or without a recovery before it."""
    whole, step = [], 0
    killed = True
    while killed:
        step += 1
        killed = _killed_at(step, killing_ground, _create)
        farm = Farm(killing_ground, DOMAIN, scheme="http", bcrypt_rounds=4)
        if step % 2:
            _check_recovered(farm)
        whole.append(_is_whole(farm))
        if not whole[-1]:
            _create(farm)
        _check_recovered(farm)
        assert _is_whole(farm)
        farm.delete_wiki("alice")
        assert not _is_whole(farm)
        farm.close()
    assert step > 30
    assert whole == sorted(whole), "once it is there, it stays"
    assert not whole[0]
    assert whole[-1]


def test_a_deletion_killed_at_any_step(killing_ground: Path) -> None:
    whole, step = [], 0
    killed = True
    farm = Farm(killing_ground, DOMAIN, scheme="http", bcrypt_rounds=4)
    while killed:
        _create(farm)
        farm.close()
        step += 1
        killed = _killed_at(step, killing_ground, _delete)
        farm = Farm(killing_ground, DOMAIN, scheme="http", bcrypt_rounds=4)
        if step % 2:
            _check_recovered(farm)
        whole.append(_is_whole(farm))
        if whole[-1]:
            farm.delete_wiki("alice")
        _check_recovered(farm)
        assert not _is_whole(farm)
    farm.close()
    assert step > 20
    assert whole == sorted(whole, reverse=True), "once it is gone, it stays gone"
    assert whole[0]
    assert not whole[-1]
