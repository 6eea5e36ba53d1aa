"""Requests as git's relatives send them, and as nobody should: by hand, without git."""

from __future__ import annotations

import gzip
import http.client
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from otterwiki_git_http import request_body, upload_request
from otterwiki_git_http.errors import BadRequest

from .facts import objects_of
from .served import Site, git

UPLOAD = "/repo.git/git-upload-pack"
MODERN = "multi_ack_detailed no-done side-band-64k thin-pack ofs-delta"


def line(text: str) -> bytes:
    return f"{len(text) + 4:04x}{text}".encode()


def ask(
    site: Site, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    sent = {"Host": f"red.localhost:{site.port}"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, sent)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, dict(response.headers.items()), content


def post(site: Site, body: bytes, **headers: str) -> bytes:
    """The answer to a request that is one."""
    status, found, content = ask(site, "POST", UPLOAD, body, **headers)
    assert status == 200, content
    assert found["Content-Type"] == "application/x-git-upload-pack-result"
    assert found["Cache-Control"] == "no-cache"
    return content


def full(want: str, capabilities: str) -> bytes:
    return line(f"want {want} {capabilities}\n") + b"0000" + line("done\n")


def index(pack: bytes, folder: Path) -> set[str]:
    """The ids of the objects in a whole pack; git checks each of them."""
    git("init", "-q", "--bare", str(folder))
    subprocess.run(
        ["git", "index-pack", "--stdin", "--strict"], input=pack, cwd=folder, check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    said = git("cat-file", "--batch-check=%(objectname)", "--batch-all-objects", cwd=folder)
    return set(said.split())


def unbanded(content: bytes) -> tuple[bytes, bytes]:
    """What came on band 1, and on the others."""
    data, other, at = b"", b"", 0
    while content[at : at + 4] != b"0000":
        length = int(content[at : at + 4], 16)
        band, piece = content[at + 4], content[at + 5 : at + length]
        data, other = (data + piece, other) if band == 1 else (data, other + piece)
        at += length
    assert at + 4 == len(content)
    return data, other


# ------------------------------------------------------------------ clients of all kinds


@pytest.mark.parametrize(
    "capabilities", ["ofs-delta", "agent=x ofs-delta", "multi_ack thin-pack ofs-delta"]
)
def test_a_client_without_side_bands_gets_the_bare_pack(
    site: Site, tmp_path: Path, capabilities: str
) -> None:
    for number in range(10):
        site.save("Page.md", f"{number}\n" * 100)
    head = str(site.repository().head())
    answer = post(site, full(head, capabilities))
    assert answer.startswith(b"0008NAK\nPACK")
    assert index(answer[8:], tmp_path / "x.git") == objects_of(site.repository().git_dir, "HEAD")


@pytest.mark.parametrize(
    ("capabilities", "longest"), [("side-band", 1000), ("side-band-64k", 65520)]
)
def test_side_bands_have_the_size_the_client_knows(
    site: Site, tmp_path: Path, capabilities: str, longest: int
) -> None:
    site.save("Large.bin", zlib.compress(bytes(range(256)) * 2000, 0))
    answer = post(site, full(str(site.repository().head()), f"{capabilities} ofs-delta"))
    data, other = unbanded(answer[8:])
    assert index(data, tmp_path / "x.git") == objects_of(site.repository().git_dir, "HEAD")
    assert other == b"Preparing the pack.\n"
    assert max(int(answer[8:12], 16), 0) <= longest
    quiet = post(site, full(str(site.repository().head()), f"{capabilities} no-progress ofs-delta"))
    assert unbanded(quiet[8:])[1] == b""


def test_f9_a_client_that_knows_no_offsets_is_refused_in_words(site: Site) -> None:
    """For it every version of a page would be sent whole, at each request anew."""
    answer = post(site, full(str(site.repository().head()), "thin-pack side-band-64k"))
    assert answer[4:].startswith(b"ERR This git is too old")
    assert b"ofs-delta" in answer
    assert b"PACK" not in answer


def haves(want: str, had: list[str], capabilities: str, end: str) -> bytes:
    lines = b"".join(line(f"have {commit}\n") for commit in had)
    ending = b"0000" if end == "flush" else line("done\n")
    return line(f"want {want} {capabilities} ofs-delta\n") + b"0000" + lines + ending


def test_negotiation_in_all_three_ways(site: Site) -> None:
    first = str(site.repository().head())
    second = site.save("Page.md", "x\n")
    head, unknown = site.save("Page.md", "y\n"), "1234" * 10

    def said(capabilities: str, had: list[str], end: str) -> list[str]:
        answer = post(site, haves(head, had, capabilities, end))
        lines, at = [], 0
        while answer[at : at + 4].strip() and answer[at : at + 4] != b"PACK":
            length = int(answer[at : at + 4], 16)
            if length < 5 or answer[at + 4] in b"\x01\x02\x03":
                break
            lines.append(answer[at + 4 : at + length].decode().strip())
            at += length
        return [*lines, "PACK"] if b"PACK" in answer else lines

    both = [second, first]
    assert said("", [unknown], "flush") == ["NAK"]
    assert said("", both, "flush") == [f"ACK {second}"]
    assert said("", both, "done") == [f"ACK {second}", "PACK"]
    assert said("", [unknown], "done") == ["NAK", "PACK"]
    assert said("multi_ack", [unknown, second], "flush") == [f"ACK {second} continue", "NAK"]
    assert said("multi_ack", both, "done") == [
        f"ACK {second} continue", f"ACK {first} continue", f"ACK {first}", "PACK",
    ]  # fmt: skip
    detailed = "multi_ack_detailed"
    assert said(detailed, [unknown], "flush") == ["NAK"]
    assert said(detailed, [second], "flush") == [
        f"ACK {second} common", f"ACK {second} ready", "NAK",
    ]  # fmt: skip
    assert said(f"{detailed} no-done", [second, unknown], "flush") == [
        f"ACK {second} common", f"ACK {unknown} ready", "NAK", f"ACK {second}", "PACK",
    ]  # fmt: skip
    assert said(detailed, [second], "done") == [f"ACK {second} common", f"ACK {second}", "PACK"]


def test_an_empty_request_is_answered_by_nothing(site: Site) -> None:
    assert post(site, b"") == b""
    assert post(site, b"0000") == b""


def test_gzip_bodies(site: Site) -> None:
    body = full(str(site.repository().head()), MODERN)
    plain, packed = post(site, body), post(site, gzip.compress(body), Content_Encoding="gzip")
    assert plain == packed
    assert b"PACK" in plain


# ------------------------------------------------------------------ what may be wanted


def test_f6_only_what_the_branch_leads_to_may_be_wanted(site: Site) -> None:
    repository = site.repository().git_dir
    first = str(site.repository().head())
    head = site.save("Page.md", "x\n")
    blob = git("rev-parse", "HEAD:Page.md", cwd=repository).strip()
    tree = git("rev-parse", "HEAD^{tree}", cwd=repository).strip()
    unused = git("commit-tree", tree, "-m", "unused", cwd=repository).strip()
    git("update-ref", "refs/heads/other", unused, cwd=repository)
    blue = str(site.repository("blue").head())
    for want in (blob, tree, unused, blue, "0" * 40, "1234" * 10):
        answer = post(site, full(want, MODERN))
        assert answer == line(f"ERR upload-pack: not our ref {want}")
    for want in (head, first):  # as a save may have moved the branch since it was named
        assert b"PACK" in post(site, full(want, MODERN))
    several = line(f"want {head} {MODERN}\n") + line(f"want {unused}\n") + b"0000" + line("done\n")
    assert b"not our ref" in post(site, several)


@pytest.mark.parametrize(
    "body",
    [
        b"junk",
        b"00",
        b"zzzz",
        b"0003",
        b"fff1want",
        b"0032want " + b"1" * 40,
        b"\x1f\x8b",
        line("have " + "1" * 40),
        line("want 123"),
        line("want " + "G" * 40),
        line("want " + "1" * 64),
        line("want " + "1" * 40) + line("deepen x"),
        line("want " + "1" * 40) + line("deepen -1"),
        line("want " + "1" * 40) + line("deepen 99999999999"),
        line("want " + "1" * 40) + line("deepen-since 1"),
        line("want " + "1" * 40) + line("deepen-not main"),
        line("want " + "1" * 40) + line("filter blob:none"),
        line("want " + "1" * 40) + line("shallow x"),
        line("want " + "1" * 40) + b"0000" + line("have x"),
        line("want " + "1" * 40) + b"0000" + line("want " + "1" * 40),
        line("want " + "1" * 40 + " object-format=sha256"),
        line("want " + "1" * 40) * 1001,
        line("command=ls-refs\n") + b"0000",
        b"0000" + line("command=fetch"),
        line("shallow " + "1" * 40),
    ],
)
def test_what_is_no_request_is_refused(site: Site, body: bytes) -> None:
    with pytest.raises(BadRequest):
        if upload_request.parse(body) is None:
            raise BadRequest("empty")
    if body != b"0000" + line("command=fetch"):
        status, headers, content = ask(site, "POST", UPLOAD, body)
        assert (status, headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
        assert content.strip()


BAD_BODIES: dict[str, tuple[Callable[[], bytes], str]] = {
    "large": (lambda: b"0" * 9_000_000, ""),
    "half a megabyte that is 500": (lambda: gzip.compress(bytes(500_000_000)), "gzip"),
    "cut off": (lambda: gzip.compress(b"0000")[:-3], "gzip"),
    "with more behind it": (lambda: gzip.compress(b"0000") + b"x", "gzip"),
    "twice": (lambda: gzip.compress(b"0000") * 2, "gzip"),
    "not packed": (lambda: b"not gzip at all", "gzip"),
    "empty": (lambda: b"", "gzip"),
    "of another kind": (lambda: b"0000", "br"),
    "packed twice": (lambda: b"0000", "gzip, gzip"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_f9_bodies_that_are_too_large_or_nothing(site: Site, name: str) -> None:
    make, encoding = BAD_BODIES[name]
    body = make()
    headers = {"Content_Encoding": encoding} if encoding else {}
    status, _, content = ask(site, "POST", UPLOAD, body, **headers)
    assert status == 400
    assert b"request" in content.lower()


def test_f9_an_inflated_body_never_takes_more_than_its_limit() -> None:
    """However little of it comes at once."""

    class Slowly:
        def __init__(self, content: bytes) -> None:
            self.content = content
            self.read_bytes = 0

        def read(self, size: int, /) -> bytes:
            piece = self.content[self.read_bytes :][: min(size, 100)]
            self.read_bytes += len(piece)
            return piece

    body = b"0" * request_body.MOST_BYTES
    assert request_body.read_body(Slowly(gzip.compress(body)), "gzip") == body
    stream = Slowly(gzip.compress(body + b"0" * 50_000_000))
    with pytest.raises(BadRequest):
        request_body.read_body(stream, "gzip")
    assert stream.read_bytes < len(stream.content) / 2


# ------------------------------------------------------------------ nothing else is served


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "/HEAD", "/config", "/description", "/info/refs", "/info/refs?service=",
        "/info/refs?service=git-upload-archive", "/info/refs?service=upload-pack",
        "/objects/info/packs", "/objects/pack/pack-1.pack", "/objects/12/34", "/packed-refs",
        "/refs/heads/main", "/otterwiki/index.db", "/../wiki.db", "/%2e%2e/wiki.db", "/.git/config",
        "/git-upload-pack", "/git-receive-pack", "/hooks/post-update", "/info/refs/",
    ],
)  # fmt: skip
def test_f6_the_dumb_protocol_is_off(site: Site, path: str) -> None:
    head = str(site.repository().head())
    for method in ("GET", "HEAD"):
        status, headers, content = ask(site, method, "/repo.git" + path)
        assert status in (404, 405, 308)
        assert head.encode() not in content
        assert b"[core]" not in content
        if status == 404 and method == "GET":
            assert headers["Content-Type"] == "text/plain; charset=utf-8"
            assert f"git clone http://red.localhost:{site.port}/repo.git".encode() in content


def test_f6_git_without_the_smart_protocol_is_told(site: Site, tmp_path: Path) -> None:
    said = site.git("clone", site.url(), str(tmp_path / "clone"), check=False, GIT_SMART_HTTP="0")
    assert "remote: There is no page here. This is a repository for git" in said
    assert not (tmp_path / "clone").exists()


def test_f6_a_push_is_refused_in_words(site: Site, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    site.git("clone", site.url(), str(clone))
    before = site.repository().head()
    git("commit", "--allow-empty", "-qm", "mine", cwd=clone)
    said = site.git("push", "origin", "HEAD:main", cwd=clone, check=False)
    assert "remote: This repository can be cloned and fetched, but not pushed to." in said
    assert "403" in said
    for path in ("/info/refs?service=git-receive-pack", "/git-receive-pack"):
        method = "POST" if path.endswith("/git-receive-pack") else "GET"
        status, _, content = ask(site, method, "/repo.git" + path, b"0000")
        assert status == 403
        assert b"not pushed to" in content
    assert site.repository().head() == before


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "MKCOL", "PROPFIND", "LOCK"])
def test_f6_other_methods_mean_nothing(site: Site, method: str) -> None:
    for path in ("/info/refs", "/git-upload-pack", "/HEAD"):
        assert ask(site, method, "/repo.git" + path, b"x")[0] == 404
