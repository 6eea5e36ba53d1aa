"""Fetching from a URL of a stranger: real git, a real https host, and a canary on loopback."""

from __future__ import annotations

import contextlib
import http.server
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from otterwiki_engine.repository import Repository
from otterwiki_robot.transfer import public_fetching
from otterwiki_robot.transfer.addresses import Address, AddressRefused, Outside, is_allowed
from otterwiki_robot.transfer.errors import TransferRefused
from otterwiki_robot.transfer.git import Progress
from otterwiki_robot.transfer.public_fetching import (
    NOT_FETCHED,
    fetch_public,
    public_repository,
)

from .histories import History, git
from .https_host import NAME, Canary, Host, running_host

MOST_BYTES = 2_000_000
Handler = http.server.BaseHTTPRequestHandler


def anything(_address: Address) -> bool:
    return True


@pytest.fixture
def history(tmp_path: Path) -> History:
    (tmp_path / "root").mkdir()
    made = History(tmp_path / "root" / "notes.git")
    made.write(Home_md=b"one\n")
    made.write(Home_md=b"two\n")
    return made


@pytest.fixture
def host(tmp_path: Path, history: History) -> Iterator[Host]:
    with running_host(tmp_path, tmp_path / "root") as running:
        yield running


@pytest.fixture
def canary() -> Iterator[Canary]:
    listener = Canary()
    yield listener
    listener.close()


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Repository]:
    (tmp_path / "work").mkdir()
    made = Repository.create(tmp_path / "work" / "repo.git", state_dir=tmp_path / "work" / "state")
    yield made
    made.close()


class Fetch:
    """Fetches from the host; it is "the internet", whose addresses a resolver of ours gives."""

    def __init__(self, host: Host, private: Repository, progress: Progress) -> None:
        self.host, self.private, self.progress = host, private, progress
        self.asked: list[str] = []
        self.allows: Callable[[Address], bool] = anything
        self.port = host.port
        self.answers: list[list[str]] = [["127.0.0.1"]]

    def resolve(self, name: str, _port: int) -> list[str]:
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(name)
        return answer

    def __call__(self, path: str = "/notes.git") -> str:
        outside = Outside(self.resolve, self.allows, self.port, str(self.host.ca_file))
        source = public_repository(f"https://{NAME}{path}", own_domain="farm.test", outside=outside)
        return fetch_public(
            source, self.private.git_dir, max_bytes=MOST_BYTES, progress=self.progress
        )

    def refused(self, path: str = "/notes.git") -> str:
        """The refusal's words; nothing was fetched."""
        with pytest.raises(TransferRefused) as refusal:
            self(path)
        refs = git(self.private.git_dir, "for-each-ref")
        assert refs == ""
        return str(refusal.value)


@pytest.fixture
def fetch(host: Host, private: Repository, progress: Progress) -> Fetch:
    return Fetch(host, private, progress)


def test_a_public_repository_comes_with_its_history(fetch: Fetch, history: History) -> None:
    assert fetch() == history.head
    assert git(fetch.private.git_dir, "rev-list", "--count", "refs/import/head") == "2"
    assert fetch.asked == [NAME]


@pytest.mark.parametrize("version", [(0,), (1, 99), (2, 36)])
def test_a_git_that_would_ask_for_the_name_again_fetches_nothing(
    fetch: Fetch, monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...]
) -> None:
    monkeypatch.setattr(public_fetching, "git_version", lambda: version)
    assert fetch.refused() == public_fetching.GIT_TOO_OLD
    assert fetch.asked == []


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("git version 2.36.6", (2, 36)),
        ("git version 2.37.0 (Apple Git-136)", (2, 37)),
        ("git version 2.100.1", (2, 100)),
        ("something else", (0,)),
    ],
)
def test_the_version_is_what_git_says(
    monkeypatch: pytest.MonkeyPatch, said: str, version: tuple[int, ...]
) -> None:
    def run(arguments: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(arguments, 0, f"{said}\n", "")

    monkeypatch.setattr(subprocess, "run", run)
    assert public_fetching.git_version() == version


# ------------------------------------------------------------------ where it may go


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["140.82.112.3", "127.0.0.1"],
        ["127.0.0.1", "140.82.112.3"],
        ["0.0.0.0"],
        ["64:ff9b::7f00:1"],
        [],
    ],
)
def test_e1_e2_names_of_addresses_that_are_not_public_reach_nothing(
    fetch: Fetch, canary: Canary, answers: list[str]
) -> None:
    fetch.allows, fetch.port, fetch.answers = is_allowed, canary.port, [answers]
    assert fetch.refused() == NOT_FETCHED
    assert not canary.was_hit
    assert fetch.host.requests == []


def test_e9_a_name_that_changes_its_address_meanwhile_is_not_asked_again(
    fetch: Fetch, history: History
) -> None:
    """git makes several requests; each goes to the address that was looked at."""
    elsewhere = Canary("127.0.0.2")
    fetch.answers = [["127.0.0.1"], ["127.0.0.2"]]
    assert fetch() == history.head
    assert len(fetch.host.requests) >= 2
    assert fetch.asked == [NAME]
    assert not elsewhere.was_hit
    elsewhere.close()


def test_e9_a_thousand_tries_of_a_rebinding_resolver() -> None:
    answers = [["140.82.112.3"], ["127.0.0.1"], ["140.82.112.3", "127.0.0.1"]]
    given: list[str] = []
    tries = iter(range(1000))
    outside = Outside(resolve=lambda name, port: answers[next(tries) % 3])
    for _ in range(1000):
        with contextlib.suppress(AddressRefused):
            given += [str(each) for each in outside.addresses_of(NAME)]
    assert set(given) == {"140.82.112.3"}
    assert len(given) == 334


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_e1_redirects_are_not_followed(
    fetch: Fetch, canary: Canary, status: int, scheme: str
) -> None:
    def send_on(handler: Handler) -> bool:
        handler.send_response(status)
        handler.send_header("Location", f"{scheme}://127.0.0.1:{canary.port}{handler.path}")
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    fetch.host.answer = send_on
    assert "leads on to another one" in fetch.refused()
    assert not canary.was_hit
    assert len(fetch.host.requests) == 1


def test_e1_a_repository_that_borrows_its_objects_elsewhere_is_not_followed(
    fetch: Fetch, canary: Canary, history: History
) -> None:
    """The dumb protocol knows alternates: addresses from which the objects are to be fetched."""
    git(history.folder, "update-server-info")
    alternates = history.folder / "objects" / "info" / "http-alternates"
    alternates.write_text(
        f"https://127.0.0.1:{canary.port}/objects\nhttp://127.0.0.1:{canary.port}/objects\n"
    )

    def as_files(handler: Handler) -> bool:
        path = history.folder.parent / handler.path.partition("?")[0].lstrip("/")
        is_object = "/objects/" in handler.path and "/info/" not in handler.path
        content = b"" if is_object or not path.is_file() else path.read_bytes()
        handler.send_response(200 if content else 404)
        handler.send_header("Content-Type", "text/plain")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)
        return True

    fetch.host.answer = as_files
    assert fetch.refused() == NOT_FETCHED
    assert any("http-alternates" in request for request in fetch.host.requests)
    assert not canary.was_hit


def test_e5_proxies_and_settings_of_this_machine_are_ignored(
    fetch: Fetch, canary: Canary, history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    home = tmp_path / "user"
    home.mkdir()
    (home / ".netrc").write_text(f"machine {NAME} login robot password hunter2\n")
    (home / ".gitconfig").write_text(
        f'[http]\n\tproxy = http://127.0.0.1:{canary.port}\n[url "http://127.0.0.1:{canary.port}/"]\n'
        f"\tinsteadOf = https://{NAME}\n"
    )
    monkeypatch.setenv("HOME", str(home))
    sent: list[str] = []

    def look(handler: Handler) -> bool:
        sent.extend(handler.headers.keys())
        return False

    fetch.host.answer = look
    assert fetch() == history.head
    assert not canary.was_hit
    assert "Authorization" not in sent
    assert "Cookie" not in sent


def test_another_hosts_certificate_is_refused(fetch: Fetch, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_text(Path("/etc/ssl/certs/ca-certificates.crt").read_text())
    fetch.host.ca_file = other
    assert fetch.refused() == NOT_FETCHED
    assert fetch.host.requests == []


@pytest.mark.parametrize("host_name", ["farm.test", "alice.farm.test", "FARM.test."])
def test_wikis_of_this_farm_are_not_fetched_from(host_name: str) -> None:
    with pytest.raises(TransferRefused, match="wiki of this server"):
        public_repository(f"https://{host_name}/repo.git", own_domain="farm.test")


# ------------------------------------------------------------------ what is said


def test_e6_all_failures_to_get_there_are_told_alike(fetch: Fetch, canary: Canary) -> None:
    missing = fetch.refused("/nothing.git")
    fetch.host.answer = lambda handler: handler.send_error(401) or True  # type: ignore[func-returns-value]
    signed_in = fetch.refused()
    fetch.host.answer = lambda handler: handler.send_error(500) or True  # type: ignore[func-returns-value]
    broken = fetch.refused()
    fetch.port = canary.port  # where nobody speaks TLS
    canary.close()
    closed = fetch.refused()
    fetch.allows = is_allowed
    blocked = fetch.refused()
    assert {missing, signed_in, broken, closed, blocked} == {NOT_FETCHED}
    assert "127.0.0.1" not in NOT_FETCHED


# ------------------------------------------------------------------ how much it may take


def _running_below(folder: Path) -> list[str]:
    """Command lines of processes that work in `folder`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            if str(folder) in line:
                found.append(line)
    return found


def test_e4_a_server_that_answers_byte_by_byte_is_given_up(
    fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_fetching, "FETCH_SECONDS", 1.0)
    stopped: list[bool] = []

    def drip(handler: Handler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
        handler.end_headers()
        deadline = time.monotonic() + 30
        try:
            while time.monotonic() < deadline:
                handler.wfile.write(b"0")
        except OSError:
            stopped.append(True)
        return True

    fetch.host.answer = drip
    began = time.monotonic()
    assert fetch.refused() == NOT_FETCHED
    assert time.monotonic() - began < 10
    assert _running_below(fetch.private.git_dir) == []


def test_e4_a_list_of_branches_without_an_end_does_not_fill_the_memory(
    fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With memory for a small list only, git gives up long before its time is over."""
    monkeypatch.setattr(public_fetching, "_MEMORY_KIB", 300_000)
    sent = [0]
    chunk = b"003d" + b"0" * 40 + b" refs/heads/" + b"b" * 4 + b"\n"

    def flood(handler: Handler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
        handler.end_headers()
        try:
            handler.wfile.write(b"001e# service=git-upload-pack\n0000")
            while sent[0] < 4_000_000_000:
                handler.wfile.write(chunk * 10_000)
                sent[0] += len(chunk) * 10_000
        except OSError:
            pass
        return True

    fetch.host.answer = flood
    assert fetch.refused() == NOT_FETCHED
    assert 0 < sent[0] < 1_000_000_000


def test_i1_a_repository_over_the_limit_is_stopped(fetch: Fetch, history: History) -> None:
    noise = Path("/dev/urandom").open("rb").read(5_000_000)  # noqa: SIM115
    history.commit(history.tree(("100644", history.blob(noise), b"big.bin")))
    assert "larger than 2 MB" in fetch.refused()


def test_f10_what_git_takes_for_dangerous_is_refused(fetch: Fetch, history: History) -> None:
    inner = history.tree(("100644", history.blob(b"[core]\n"), b"config"))
    history.commit(history.tree(("40000", inner, b".git")))
    assert "damaged or dangerous" in fetch.refused()


def test_an_empty_repository_is_told_apart(fetch: Fetch, tmp_path: Path) -> None:
    History(tmp_path / "root" / "empty.git")
    assert "no commits" in fetch.refused("/empty.git")
