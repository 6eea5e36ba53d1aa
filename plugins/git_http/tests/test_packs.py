"""The parts that packs are made of, beside dulwich and git, for any content and any history."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from dulwich.pack import apply_delta
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otterwiki_git_http import entries, negotiation, packets
from otterwiki_git_http.commits import is_ancestor, missing, reach
from otterwiki_git_http.contents import new_objects
from otterwiki_git_http.errors import PackDamaged
from otterwiki_git_http.objects import ObjectReader
from otterwiki_git_http.pack_ids import PackIds, Place, record
from otterwiki_git_http.pack_writing import Plan, Written, pack_chunks
from otterwiki_git_http.upload_request import UploadRequest

from .served import git

# ------------------------------------------------------------------ deltas


@given(start=st.binary(max_size=400), old=st.binary(max_size=400), new=st.binary(max_size=400),
       end=st.binary(max_size=400))  # fmt: skip
def test_a_delta_makes_the_new_content(start: bytes, old: bytes, new: bytes, end: bytes) -> None:
    base, content = start + old + end, start + new + end
    found = entries.delta(base, content)
    if found is None:
        assert len(new) > len(content) / 2 or not content
    else:
        assert b"".join(apply_delta([base], [found])) == content
        assert len(found) < len(content) + 40


@pytest.mark.parametrize("size", [0, 1, 127, 128, 65_535, 65_536, 0xFFFFFF, 0x1000000, 40_000_000])
def test_deltas_of_any_size(size: int) -> None:
    base = bytes(range(256)) * (size // 256) + bytes(size % 256)
    for content in (base + b"!", b"!" + base, base[: size // 2] + b"!" * 300 + base[size // 2 :]):
        found = entries.delta(base, content)
        if found is not None:
            assert b"".join(apply_delta([base], [found])) == content
    assert size < 700 or entries.delta(base, base + b"!") is not None


# ------------------------------------------------------------------ where objects lie

_NAMES = st.binary(min_size=20, max_size=20)


@given(st.dictionaries(_NAMES, st.tuples(st.integers(0, 2**60), st.integers(0, 255))), _NAMES)
def test_ids_are_found_and_no_others(
    tmp_path_factory: pytest.TempPathFactory,
    places: dict[bytes, tuple[int, int]],
    other: bytes,
) -> None:
    records = [record(name, Place(*place)) for name, place in places.items()]
    path = tmp_path_factory.mktemp("ids") / "x.ids"
    PackIds.of(records, b"c" * 20, made_anew_bytes=7).write(path)
    ids = PackIds.read(path)
    assert (len(ids), ids.checksum, ids.made_anew_bytes) == (len(places), b"c" * 20, 7)
    for name, place in places.items():
        assert ids.find(name.hex().encode()) == Place(*place)
    assert (other.hex().encode() in ids) == (other in places)
    assert sorted(ids.each()) == sorted(records)


@pytest.mark.parametrize("content", [b"", b"x" * 43, b"OWGPACK1" + b"\0" * 35, b"y" * 5000])
def test_a_damaged_list_of_ids_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.ids").write_bytes(content)
    with pytest.raises(PackDamaged):
        PackIds.read(tmp_path / "x.ids")


# ------------------------------------------------------------------ histories

#: Commits in the order they are made: by which earlier ones, when, and what they write where.
_HISTORIES = st.lists(
    st.tuples(
        st.lists(st.integers(0, 20), max_size=3),
        st.integers(-5, 5),
        st.lists(
            st.tuples(st.sampled_from(["a", "b/c", "b/d/e", "b"]), st.integers(0, 4)), max_size=3
        ),
    ),
    min_size=1,
    max_size=14,
)


class History:
    """Commits made by git from such a list, in a bare repository."""

    def __init__(self, folder: Path, drawn: list[tuple[list[int], int, list[tuple[str, int]]]]):
        self.folder = folder
        git("init", "-q", "--bare", str(folder))
        lines = list[str]()
        for number, (below, skew, files) in enumerate(drawn):
            parents = sorted({parent for parent in below if parent < number}, reverse=True)
            time = 1_700_000_000 + number * 2 + skew  # some before their parents
            lines += [f"commit refs/heads/c{number}", f"mark :{number + 1}",
                      f"committer C <c@example.org> {time} +0000", "data 1", "x"]  # fmt: skip
            for place, parent in enumerate(parents):
                lines.append(f"{'merge' if place else 'from'} :{parent + 1}")
            for path, content in files:
                lines += [f"M 100644 inline {path}", "data 2", f"{content}", ""]
            lines.append("")
        subprocess.run(
            ["git", "fast-import", "--quiet", "--force"],
            input="\n".join(lines).encode(),
            cwd=folder,
            check=True,
        )
        self.ids = [
            git("rev-parse", f"c{number}", cwd=folder).strip().encode()
            for number in range(len(drawn))
        ]

    def rev_list(self, *arguments: str) -> set[str]:
        said = git("rev-list", *arguments, cwd=self.folder)
        return {line.split()[0] for line in said.split("\n") if line}


_slow = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_slow
@given(drawn=_HISTORIES, pick=st.data())
def test_what_is_sent_is_what_git_would_send_or_little_more(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[list[int], int, list[tuple[str, int]]]],
    pick: st.DataObject,
) -> None:
    history = History(tmp_path_factory.mktemp("history") / "x.git", drawn)
    want = pick.draw(st.sampled_from(history.ids))
    haves = pick.draw(st.lists(st.sampled_from(history.ids), max_size=3, unique=True))
    names = [have.decode() for have in haves]
    with ObjectReader(history.folder / "objects") as reader:
        found = missing(reader, [want], haves)
        sent = [wanted.id.decode() for wanted in new_objects(
            reader, found.commits, frozenset(), had_commits=found.had
        )]  # fmt: skip
        plan = Plan(objects=list(new_objects(reader, found.commits, frozenset(),
                                             had_commits=found.had)), is_thin=True)  # fmt: skip
        pack = b"".join(pack_chunks(plan, reader, Written()))
    assert len(set(sent)) == len(sent)
    had = history.rev_list("--objects", *names) if names else set()
    everything = history.rev_list("--objects", want.decode())
    assert everything - had <= set(sent), "all that the client does not have"
    assert set(sent) <= everything, "nothing that the want does not lead to"
    commits = {commit.decode() for commit in found.commits}
    for place, commit in enumerate(found.commits):
        parents = git("rev-parse", f"{commit.decode()}^@", cwd=history.folder).split()
        for parent in parents:
            if parent in commits:
                assert parent.encode() in found.commits[:place], "parents first"
    if not haves:
        assert set(sent) == everything
    _unpack(history, pack, names, want.decode())


def _unpack(history: History, pack: bytes, had: list[str], want: str) -> None:
    """A client with `had` takes the pack and then has everything."""
    client = history.folder.with_name("client.git")
    git("init", "-q", "--bare", "-b", "main", str(client))
    if had:
        subprocess.run(
            ["git", "-C", str(client), "fetch", "-q", str(history.folder), *had],
            check=True, capture_output=True,
        )  # fmt: skip
    subprocess.run(
        ["git", "index-pack", "--stdin", "--fix-thin", "--strict"], input=pack, cwd=client,
        check=True, capture_output=True,
    )  # fmt: skip
    git("update-ref", "refs/heads/main", want, cwd=client)
    assert git("fsck", "--full", "--strict", "--no-dangling", "--no-progress", cwd=client) == ""


@_slow
@given(drawn=_HISTORIES, pick=st.data())
def test_depths_and_shallow_clients(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[list[int], int, list[tuple[str, int]]]],
    pick: st.DataObject,
) -> None:
    """A clone of some depth; then a fetch that deepens it, shortens it, or makes it whole."""
    history = History(tmp_path_factory.mktemp("history") / "x.git", drawn)
    want = pick.draw(st.sampled_from(history.ids))
    first, second = pick.draw(st.integers(1, 6)), pick.draw(st.integers(1, 8) | st.just(0x7FFFFFFF))
    with ObjectReader(history.folder / "objects") as reader:
        near = reach(reader, [want], first)
        sent = set(missing(reader, [want], [], new_shallow=near.ends).commits)
        assert sent == near.ends | near.inside
        far = reach(reader, [want], second)
        more = missing(reader, [want], [want], client_shallow=near.ends, new_shallow=far.ends)
        assert sent | set(more.commits) >= far.ends | far.inside
        assert set(more.commits) <= (far.ends | far.inside) - (near.inside | near.ends)
        kept = missing(reader, [want], [want], client_shallow=near.ends)
        assert not kept.commits
    names = history.rev_list(want.decode())
    assert {commit.decode() for commit in sent} <= names
    if second == 0x7FFFFFFF:
        assert {commit.decode() for commit in sent | set(more.commits)} == names


@_slow
@given(drawn=_HISTORIES, pick=st.data())
def test_ancestors(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[list[int], int, list[tuple[str, int]]]],
    pick: st.DataObject,
) -> None:
    history = History(tmp_path_factory.mktemp("history") / "x.git", drawn)
    tip = pick.draw(st.sampled_from(history.ids))
    below = history.rev_list(tip.decode())
    with ObjectReader(history.folder / "objects") as reader:
        for commit in history.ids:
            assert is_ancestor(reader, commit, tip) == (commit.decode() in below)


# ------------------------------------------------------------------ what is said


def test_long_messages_and_line_breaks_fit_into_a_packet() -> None:
    bands = packets.Bands(frozenset({b"side-band"}))
    said = bands.failure("one\ntwo " + "x" * 5000)
    assert int(said[:4], 16) == len(said) <= 1000
    assert said[4:12] == b"\x03one two"
    assert packets.error("one\r\ntwo")[4:] == b"ERR one two"


def test_nothing_is_negotiated_where_only_the_depth_is_asked() -> None:
    asked = UploadRequest((b"1" * 40,), frozenset(), frozenset(), 1, (), False, False)
    found = negotiation.negotiate(asked, lambda _: True)
    assert (found.answer, found.is_over) == (b"", False)
