"""Comparing texts takes bounded time, whatever somebody writes (security checklist G6)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from difflib import SequenceMatcher
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from served_wikis import Site, otterwiki_app, site  # noqa: F401

from otterwiki_engine import renames
from otterwiki_engine.matching import BoundedMatcher, QuickMatcher, bounded_difflib
from otterwiki_engine.merge import merge_text
from otterwiki_engine.tree_changes import FileChange, FileState

MOST_SECONDS = 10.0  # of a slow machine; what is tested here took minutes or hours


def cpu_seconds(action: Callable[[], Any]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def repeating(count: int, changed_every: int = 0) -> list[str]:
    """Lines that repeat themselves: what difflib takes cubic time for."""
    return [
        "z\n" if changed_every and index % changed_every == 0 else f"{index % 105}\n"
        for index in range(count)
    ]


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
@pytest.mark.parametrize("matcher", [BoundedMatcher, QuickMatcher])
def test_blocks_are_what_difflib_promises(
    matcher: type[BoundedMatcher], old: list[str], new: list[str]
) -> None:
    blocks = matcher(None, old, new).get_matching_blocks()
    assert blocks[-1] == (len(old), len(new), 0)
    reached = (-1, -1)
    for a, b, size in blocks[:-1]:
        assert size > 0
        assert old[a : a + size] == new[b : b + size]
        assert a >= reached[0] and b >= reached[1] and (a, b) != reached
        reached = (a + size, b + size)
    kept = sum(block.size for block in blocks)
    assert kept >= sum(
        block.size for block in SequenceMatcher(None, old, new).get_matching_blocks()
    )


def test_g6_merging_texts_that_repeat_themselves() -> None:
    base, theirs = repeating(20_000), repeating(20_000, changed_every=7)
    ours = ["first\n", *base[3:], *base]
    assert cpu_seconds(lambda: merge_text(*map("".join, (base, ours, theirs)))) < MOST_SECONDS


def test_g6_otterwikis_own_diffs(otterwiki_app: Any) -> None:  # noqa: F811
    import otterwiki.util

    assert otterwiki.util.difflib.SequenceMatcher is QuickMatcher
    old, new = repeating(20_000), repeating(20_000, changed_every=7)
    assert (
        cpu_seconds(lambda: otterwiki.util.diff_content("".join(old), "".join(new))) < MOST_SECONDS
    )
    line, changed = (" ".join(text[:5000]).replace("\n", "") for text in (old, new))
    assert cpu_seconds(lambda: otterwiki.util.diff_words(line, changed)) < MOST_SECONDS
    assert (
        '<span class="diff-word added">new</span>'
        in otterwiki.util.diff_words("some old words", "some new words")[1]
    )


def test_the_copy_of_difflib_leaves_the_original_alone() -> None:
    import difflib

    copy = bounded_difflib()
    assert copy.SequenceMatcher is QuickMatcher
    assert difflib.SequenceMatcher is SequenceMatcher
    texts = ["a\n", "b\n", "c\n"], ["a\n", "x\n", "c\n"]
    assert list(copy.unified_diff(*texts)) == list(difflib.unified_diff(*texts))


def test_what_was_put_in_stands_where_difflib_has_it(otterwiki_app: Any) -> None:  # noqa: F811
    import otterwiki.util

    old = ("Lorem ipsum dolor sit amet. " * 10).strip()
    new = old.replace("amet. Lorem", "amet. <Abc> Lorem", 1)
    added = otterwiki.util.diff_words(old, new)[1]
    assert '<span class="diff-word added"> &lt;Abc&gt;</span>' in added


def test_g6_two_new_pages_that_have_little_in_common(site: Site) -> None:  # noqa: F811
    from otterwiki_engine.conflict_page import merged_texts

    site.put("page.md", "a\nb\n" * 5000)
    current = site.wiki.repository.snapshot()
    assert (
        cpu_seconds(lambda: merged_texts("page.md", "a\n" * 5000, "0" * 40, current)) < MOST_SECONDS
    )


class Blobs:
    """Stands for an ObjectReader: files of 200 KB, no two alike. Counts what is read."""

    def __init__(self) -> None:
        self.read_bytes = 0

    def blob(self, blob_id: bytes) -> bytes:
        start = random.Random(blob_id).randrange(10**6)
        content = b"".join(b"%d\n" % number for number in range(start, start + 27_000))
        self.read_bytes += len(content)
        return content


def test_looking_for_renames_among_many_large_files_ends() -> None:
    reader = Blobs()
    changes = [
        change
        for number in range(190)
        for change in (
            FileChange(None, FileState(b"new/%d" % number, 0o100644, b"n%d" % number)),
            FileChange(FileState(b"old/%d" % number, 0o100644, b"o%d" % number), None),
        )
    ]
    seconds = cpu_seconds(lambda: renames.with_renames(reader, changes))  # type: ignore[arg-type]
    assert seconds < MOST_SECONDS
    assert reader.read_bytes < 20 * 1024 * 1024
