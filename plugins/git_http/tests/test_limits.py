"""Clones at once, and for how long: what is refused, in words that git prints (checklist F9)."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from otterwiki_engine.errors import RepositoryDamaged
from otterwiki_git_http import upload_request
from otterwiki_git_http.answering import Limits, UploadPack
from otterwiki_git_http.errors import Busy
from otterwiki_git_http.objects import ObjectReader
from otterwiki_git_http.settings import BadSetting, Settings, read_settings
from otterwiki_git_http.slots import Slots
from otterwiki_git_http.stalled import closed_after

from .facts import check
from .served import Site, serving
from .test_requests import ask, full

ROOT = Path(__file__).resolve().parents[3]
HERE = "127.0.0.1"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Two packs at once in all, one of a wiki and one to an address."""
    settings = replace(Settings(), packs_at_once=2, run_folder=tmp_path / "run")
    with serving(tmp_path / "wikis", settings) as made:
        yield made


def slots(site: Site) -> Slots:
    assert site.settings.run_folder is not None
    return Slots(site.settings.run_folder, site.settings.packs_at_once)


def own(site: Site, name: str = "red") -> Path:
    return site.repository(name).state_dir / "git-http"


def test_f9_a_wiki_is_cloned_by_few_at_once(site: Site, tmp_path: Path) -> None:
    with slots(site).held(own(site), "203.0.113.7"):
        said = site.git("clone", site.url(), str(tmp_path / "clone"), check=False)
        assert "remote: This wiki is being cloned by as many at once as may be." in said
        assert "503" in said
        site.git("clone", site.url("blue"), str(tmp_path / "blue"))
    site.git("clone", site.url(), str(tmp_path / "clone"))
    check(tmp_path / "clone")


def test_f9_an_address_clones_few_at_once(site: Site, tmp_path: Path) -> None:
    with slots(site).held(own(site, "blue"), HERE):
        said = site.git("clone", site.url(), str(tmp_path / "clone"), check=False)
        assert "remote: Your address is cloning or fetching as often at once as it may." in said


def test_f9_the_server_sends_few_at_once(site: Site, tmp_path: Path) -> None:
    with ExitStack() as held:
        for number in range(2):
            held.enter_context(slots(site).held(tmp_path / f"w{number}", f"203.0.113.{number}"))
        said = site.git("clone", site.url(), str(tmp_path / "clone"), check=False)
        assert "remote: This server is sending as many clones at once as it can." in said


def test_f9_a_refused_list_of_refs_says_when_to_come_back(site: Site) -> None:
    with slots(site).held(own(site), "203.0.113.7"):
        path = "/repo.git/info/refs?service=git-upload-pack"
        status, headers, content = ask(site, "GET", path)
        assert (status, headers["Retry-After"]) == (503, "10")
        assert headers["Content-Type"] == "text/plain; charset=utf-8"
        assert content.endswith(b"Try again in a moment.\n")


def test_f9_a_place_taken_between_refs_and_pack_is_told_as_well(site: Site, tmp_path: Path) -> None:
    """git shows nothing of what comes with an error status there, so it is told inside."""
    with ExitStack() as held:

        def take(path: str) -> None:
            if path.endswith("git-upload-pack"):
                held.enter_context(slots(site).held(own(site), "203.0.113.7"))

        site.before = take
        said = site.git("clone", site.url(), str(tmp_path / "clone"), check=False)
    assert "fatal: remote error: This wiki is being cloned by as many at once as may be." in said


def test_f9_a_place_is_given_back_with_the_answer(site: Site, tmp_path: Path) -> None:
    """Whether it was read to its end or not."""
    for number in range(3):
        site.save("Page.md", f"{number}\n")
        site.git("clone", site.url(), str(tmp_path / f"clone {number}"))
        said = site.git("fetch", "origin", "1234" * 10, cwd=tmp_path / "clone 0", check=False)
        assert "not our ref" in said or "unadvertised object" in said
    body = full(str(site.repository().head()), "side-band-64k ofs-delta")
    lines = ("POST /repo.git/git-upload-pack HTTP/1.1", "Host: red.localhost")
    head = "\r\n".join((*lines, f"Content-Length: {len(body)}", "", ""))
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", site.port)) as connection:
            connection.sendall(head.encode() + body)
            assert connection.recv(10).startswith(b"HTTP/1")
    with ExitStack() as held:
        wait_for(lambda: held.enter_context(slots(site).held(own(site), HERE)))


def wait_for(take: object) -> None:
    """Until a place is free that was just given back by another thread."""
    import time

    deadline = time.monotonic() + 30
    while True:
        try:
            take()  # type: ignore[operator]
            return
        except Busy:
            assert time.monotonic() < deadline
            time.sleep(0.01)


_HOLDER = """
import sys
from pathlib import Path
from otterwiki_git_http.slots import Slots
with Slots(Path(sys.argv[1]), 2).held(Path(sys.argv[2]), "203.0.113.7"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_f9_a_killed_process_gives_its_places_back(site: Site) -> None:
    arguments = [str(site.settings.run_folder), str(own(site))]
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(Busy):
        slots(site).check(own(site), HERE)
    holder.kill()
    holder.communicate()
    slots(site).check(own(site), HERE)


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:3::1", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        (None, "", True),
        ("not an address", None, False),
    ],
)
def test_f9_ipv6_is_counted_by_network(
    tmp_path: Path, one: str | None, other: str | None, are_one: bool
) -> None:
    places = Slots(tmp_path / "run", 2)
    with places.held(tmp_path / "red", one):
        try:
            places.check(tmp_path / "blue", other)
            assert not are_one
        except Busy:
            assert are_one


def test_h6_the_folder_of_a_deleted_wiki_is_not_made_again(site: Site) -> None:
    """Its name could not be used any more. Whoever was let in a moment ago gets an error."""
    folder, head = site.repository().state_dir, str(site.repository().head())
    folder.rename(folder.with_name("gone"))
    path = "/repo.git/info/refs?service=git-upload-pack"
    assert ask(site, "GET", path)[0] == 503
    body = full(head, "side-band-64k ofs-delta")
    assert ask(site, "POST", "/repo.git/git-upload-pack", body)[0] == 503
    assert not folder.exists()
    folder.with_name("gone").rename(folder)


# ------------------------------------------------------------------ time


def answer(site: Site, seconds: float, clock: list[float]) -> bytes:
    """The whole answer to a full clone, with a clock that goes on by a second each time it is
    looked at."""

    def now() -> float:
        clock[0] += 1
        return clock[0]

    head = str(site.repository().head())
    asked = upload_request.parse(full(head, "side-band-64k ofs-delta"))
    assert asked is not None
    limits = Limits(seconds, 10**9)
    made = UploadPack(site.repository(), asked, limits, ExitStack(), now=now)
    return b"".join(made.stream())


def test_f9_a_clone_that_takes_too_long_ends_in_words(site: Site) -> None:
    for number in range(30):
        site.save(f"Page {number}.md", f"{number}\n")
    slow = answer(site, 10, [0.0])
    assert b"\x03This took longer than 10 seconds." in slow
    assert not slow.endswith(b"0000"), "not the end of a whole pack"
    assert site.kept() == []
    assert answer(site, 10_000, [0.0]).endswith(b"0000")


def test_f9_a_client_that_does_not_read_is_disconnected() -> None:
    ours, theirs = socket.socketpair()
    with theirs, closed_after({"gunicorn.socket": ours}, 0.01):
        assert theirs.recv(1) == b""  # returns only because the connection is shut down
        with pytest.raises(OSError, match="Broken pipe"):
            ours.sendall(b"x" * 10_000_000)
    ours.close()


def test_f9_a_client_that_reads_is_not() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for environ in ({"werkzeug.socket": ours}, {}):
            with closed_after(environ, 60):
                ours.sendall(b"x")
                assert theirs.recv(1) == b"x"


def test_a_damaged_repository_is_told_in_words(site: Site, tmp_path: Path) -> None:
    site.save("Page.md", "x\n")
    with ObjectReader(site.repository().git_dir / "objects") as reader:
        tree = reader.commit(str(site.repository().head()).encode()).tree.decode()
        (site.repository().git_dir / "objects" / tree[:2] / tree[2:]).unlink()
        with pytest.raises(RepositoryDamaged):
            reader.tree(tree.encode())
    said = site.git("clone", site.url(), str(tmp_path / "clone"), check=False)
    assert "The server could not read or write what it needs for this." in said


# ------------------------------------------------------------------ settings


def test_settings_come_from_otterwikis_or_the_environment() -> None:
    assert read_settings({}, {}) == Settings()
    environment = {"GIT_HTTP_PACKS_AT_ONCE": " 7 ", "GIT_HTTP_SECONDS": "9"}
    found = read_settings({"GIT_HTTP_SECONDS": 11}, environment)
    assert (found.packs_at_once, found.seconds) == (7, 11)
    found = read_settings({"GIT_HTTP_RUN_FOLDER": "/run/x"}, {"GIT_HTTP_KEPT_PACK_BYTES": "5"})
    assert (found.run_folder, found.kept_pack_bytes) == (Path("/run/x"), 5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GIT_HTTP_PACKS_AT_ONCE", "0"),
        ("GIT_HTTP_PACKS_AT_ONCE", "many"),
        ("GIT_HTTP_SECONDS", "-1"),
        ("GIT_HTTP_SECONDS", "1.5"),
        ("GIT_HTTP_KEPT_PACK_BYTES", "²"),
        ("GIT_HTTP_RUN_FOLDER", "run"),
    ],
)
def test_settings_that_cant_be_used_say_what_to_write(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=name):
        read_settings({}, {name: value})
