"""What one request may cost, and what it learns: work is counted, nothing is timed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from flask import Flask
from flask_wtf.csrf import CSRFProtect

from otterwiki_engine.locks import WikiLock
from otterwiki_git_http import kept_packs, routes, upload_request
from otterwiki_git_http.answering import Limits, UploadPack
from otterwiki_git_http.errors import TooSlow
from otterwiki_git_http.kept_packs import KeptPacks
from otterwiki_git_http.objects import CommitFacts, ObjectReader

from .facts import objects_of
from .served import Site, git
from .test_kept_packs import clone, folder_of
from .test_requests import MODERN, UPLOAD, ask, full, haves, index, line, post, unbanded


def made(site: Site, body: bytes, *, seconds: float = 10**9) -> UploadPack:
    """The answer to a request; its clock goes on by a second each time it is looked at."""
    asked = upload_request.parse(body)
    assert asked is not None
    ticks = iter(range(10**9))
    limits = Limits(seconds, 10**9)
    return UploadPack(site.repository(), asked, limits, ExitStack(), now=lambda: next(ticks))


def saved(site: Site, count: int) -> list[str]:
    """So many more commits, the latest last."""
    return [site.save("Page.md", f"{number}\n") for number in range(count)]


def wanting(wants: list[str]) -> bytes:
    lines = [line(f"want {wants[0]} {MODERN}\n"), *(line(f"want {w}\n") for w in wants[1:])]
    return b"".join(lines) + b"0000" + line("done\n")


def purged(site: Site) -> str:
    """A commit that is still in the repository, though nothing leads to it any more."""
    repository = site.repository().git_dir
    tree = git("rev-parse", "HEAD^{tree}", cwd=repository).strip()
    return git("commit-tree", tree, "-p", "HEAD", "-m", "purged", cwd=repository).strip()


def test_f9_wants_and_haves_cost_one_walk(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = [str(site.repository().head()), *saved(site, 40)]
    asked, original = list[bytes](), ObjectReader.commit

    def counted(self: ObjectReader, commit_id: bytes) -> CommitFacts:
        asked.append(commit_id)
        return original(self, commit_id)

    monkeypatch.setattr(ObjectReader, "commit", counted)
    made(site, wanting(commits[:8]))
    assert len(asked) <= len(commits)


def test_f9_looking_for_wants_obeys_the_clock(site: Site) -> None:
    first = str(site.repository().head())
    saved(site, 40)
    with pytest.raises(TooSlow):
        made(site, full(first, MODERN), seconds=10)


def test_f9_what_is_slow_before_the_answer_is_told_in_words(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_arguments: object) -> bool:
        raise TooSlow("This took longer.")

    monkeypatch.setattr(ObjectReader, "is_commit", slow)
    assert post(site, full("1" * 40, MODERN)) == line("ERR This took longer.")


def test_f9_unknown_haves_obey_the_clock(site: Site) -> None:
    """And so does the search for what is missing."""
    head = str(site.repository().head())
    unknown = [f"{number:040x}" for number in range(1000)]
    said = b"".join(made(site, haves(head, unknown, MODERN, "done"), seconds=100).stream())
    assert said[4:].startswith(b"ERR This took longer than 100 seconds.")


def test_f9_finding_what_is_new_obeys_the_clock(site: Site) -> None:
    first = str(site.repository().head())
    head = saved(site, 60)[-1]
    looked = made(site, haves(head, [first], MODERN, "done"), seconds=250)
    said = b"".join(looked.stream())
    assert b"PACK" not in said
    assert b"This took longer than 250 seconds." in said


def test_f9_many_wants_are_refused_in_words(site: Site) -> None:
    commits = saved(site, 9)
    assert b"PACK" in post(site, wanting(commits[1:]))
    answer = post(site, wanting(commits))
    assert answer == line("ERR Fetch at most 8 commits at once; there is only one branch here.")


def test_f9_a_clone_of_old_commits_is_the_kept_pack(site: Site, tmp_path: Path) -> None:
    commits = saved(site, 5)
    clone(site, tmp_path / "clone")
    kept = (folder_of(site) / f"{commits[-1]}.pack").read_bytes()
    for wants in ([commits[0]], [commits[1], commits[3]], commits):
        assert unbanded(post(site, wanting(wants))[8:])[0] == kept
    everything = objects_of(site.repository().git_dir, "HEAD")
    assert index(kept, tmp_path / "x.git") == everything
    assert site.kept() == [commits[-1]]


def test_f9_a_pack_of_an_old_commit_waits_for_nobody_and_holds_up_nobody(
    site: Site, tmp_path: Path
) -> None:
    first = str(site.repository().head())
    saved(site, 3)
    clone(site, tmp_path / "clone")
    packs = KeptPacks(folder_of(site), 10**9, site.repository().head)
    with (
        WikiLock(folder_of(site) / "lock"),
        ObjectReader(site.repository().git_dir / "objects") as reader,
        packs.open(reader, first.encode(), lambda: None) as file,
    ):
        assert file.read(4) == b"PACK"


def test_f9_where_another_pack_is_being_made_a_clone_makes_its_own(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_packs, "_LOCK_SECONDS", 0)
    head = saved(site, 3)[-1]
    folder_of(site).mkdir()
    with WikiLock(folder_of(site) / "lock"):
        data, other = unbanded(post(site, full(head, MODERN))[8:])
    assert b"Another pack is being made" in other
    assert index(data, tmp_path / "x.git") == objects_of(site.repository().git_dir, "HEAD")
    assert site.kept() == []


@pytest.mark.parametrize("when", ["before", "while it is renamed"])
def test_f7_a_pack_made_while_history_is_replaced_is_not_kept(
    site: Site, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    first = str(site.repository().head())
    second = site.save("Secret.md", "a secret")

    def replace() -> None:
        if site.repository().head() == second:
            site.repository().replace_head(first, expected=second)

    if when == "before":
        original = kept_packs.pack_chunks

        def chunks(*arguments: object, **options: object) -> Iterator[bytes]:
            yield from original(*arguments, **options)  # type: ignore[arg-type]
            replace()

        monkeypatch.setattr(kept_packs, "pack_chunks", chunks)
    else:
        keep = KeptPacks._keep

        def kept(*arguments: object) -> None:
            replace()
            keep(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(KeptPacks, "_keep", kept)
    assert b"PACK" in post(site, full(second, MODERN))
    assert site.repository().head() == first
    assert site.kept() == []
    assert not list(folder_of(site).glob("*.ids"))


def test_f7_haves_and_depths_dont_tell_of_a_purged_commit(site: Site) -> None:
    head, hidden, unknown = saved(site, 3)[-1], purged(site), "1234" * 10

    def answers(commit: str) -> list[bytes]:
        deepen = line(f"want {head} {MODERN} deepen-relative shallow\n")
        deepen += line(f"shallow {commit}\n") + line("deepen 1\n") + b"0000" + line("done\n")
        negotiated = [post(site, haves(head, [commit], MODERN, end)) for end in ("flush", "done")]
        return [*negotiated, post(site, deepen)]

    assert answers(hidden) == answers(unknown)


def test_f9_a_slow_request_body_has_a_timer(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    happened, read, closed = list[str](), routes.read_body, routes.closed_after

    @contextmanager
    def timed(environ: object, seconds: float) -> Iterator[None]:
        happened.append(f"timer of {seconds:.0f} s")
        with closed(environ, seconds):  # type: ignore[arg-type]
            yield
        happened.append("timer ends")

    def reading(*arguments: object) -> bytes:
        happened.append("read")
        return read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(routes, "closed_after", timed)
    monkeypatch.setattr(routes, "read_body", reading)
    assert ask(site, "POST", UPLOAD, b"0000")[0] == 200
    assert happened == ["timer of 30 s", "read", "timer ends"]


@pytest.mark.parametrize(
    "path",
    [
        "/repo.git/foo/save", "/repo.git//foo/save", "/repo.git/foo//save", "//repo.git/foo/save",
        "/repo.git//save", "/repo.git/save", "//repo.git//foo/save", "/repo.git/%2Ffoo/save",
        "/repo.git/info/refs/save", "/repo.git//info/refs/save",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
def test_c4_no_page_route_answers_below_the_repository(site: Site, path: str, method: str) -> None:
    called, app = list[str](), Flask("otterwiki")
    app.config["SECRET_KEY"] = "only for tests"
    CSRFProtect(app)

    def save(path: str) -> str:
        called.append(path)
        return "saved"

    app.add_url_rule(
        "/<path:path>/save", "save", app.extensions["csrf"].exempt(save),
        methods=["GET", "POST", "PUT", "DELETE"],
    )  # fmt: skip
    routes.install(app, site.settings)
    environ = {"HTTP_HOST": "red.localhost"}
    answer = app.test_client().open(
        base_url="http://red.localhost",
        environ_overrides={**environ, "PATH_INFO": path.replace("%2F", "/")},
        method=method,
    )
    assert (answer.status_code, called) == (404, [])
    assert "This is a repository for git" in answer.get_data(as_text=True)
    assert app.test_client().post("/Home/save", base_url="http://red.localhost").data == b"saved"
