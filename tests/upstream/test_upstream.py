"""Otterwiki's own tests, over its own storage and over the engine's two.

Over the stock storage every one must pass, which proves the fixtures written here. Over the engine
every one must pass but those in expected_failures.toml, and those must fail.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.upstream.document import DOCUMENT, as_markdown
from tests.upstream.fetch import installed_version, upstream_files
from tests.upstream.running import (
    Outcome,
    complaints,
    deal,
    read_expectations,
    run_files,
    scratch_parent,
)
from tests.upstream.storages import StorageKind

BATCHES = 4
EXPECTATIONS = read_expectations()


@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize("kind", list(StorageKind), ids=lambda kind: kind.value)
def test_upstream(kind: StorageKind, batch: int) -> None:
    files = deal(_fetched_files(), BATCHES)[batch]
    with tempfile.TemporaryDirectory(dir=scratch_parent()) as scratch:
        outcomes = run_files(kind, files, Path(scratch))
    wrong = complaints(outcomes, EXPECTATIONS.failing(kind, [file.name for file in files]))
    if wrong:
        pytest.fail("\n\n".join([f"{len(wrong)} of {len(outcomes)}", *wrong]), pytrace=False)


def test_every_upstream_test_is_run(tmp_path: Path) -> None:
    """The batches hold the whole suite, and it is the one that the list was made for."""
    batches = deal(_fetched_files(), BATCHES)
    files = sorted(file for batch in batches for file in batch)
    collected = run_files(StorageKind.STOCK, files, tmp_path, "--collect-only")
    assert files == upstream_files()
    assert installed_version() == EXPECTATIONS.version
    assert len(collected) == EXPECTATIONS.tests
    known = {file.name for file in files}
    assert {failure.test.partition("::")[0] for failure in EXPECTATIONS.failures} <= known


def _fetched_files() -> list[Path]:
    if not (files := upstream_files()):
        pytest.fail("the files are not here yet: run python tests/upstream/fetch.py", pytrace=False)
    return files


def test_complaints_name_what_differs_from_the_list() -> None:
    passed, failed = Outcome(True, ""), Outcome(False, "the traceback")
    outcomes = {"a": passed, "b": failed, "c": passed, "d": failed, "e": None}
    assert complaints(outcomes, {"c", "d", "f"}) == [
        "FAILED b\nthe traceback",
        "PASSES, so take it off expected_failures.toml: c",
        "DID NOT RUN e",
        "LISTED, but there is no such test: f",
    ]


def test_a_list_that_excuses_stock_or_repeats_itself_is_refused(tmp_path: Path) -> None:
    head = 'version = "1"\ntests = 1\n'
    group = '[[exceptions]]\nreason = "symlink"\nbecause = "x"\ntests = ["a"]\n'
    for text, error in (
        (head + group + 'storages = ["stock"]\n', "must pass its own tests"),
        (head + group + 'storages = ["bare", "bare"]\n', "listed twice"),
        (head + group.replace("symlink", "slow") + 'storages = ["bare"]\n', "not a valid Reason"),
    ):
        (tmp_path / "list.toml").write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=error):
            read_expectations(tmp_path / "list.toml")


def test_the_page_in_docs_is_made_from_the_list() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == as_markdown(EXPECTATIONS), (
        "run python -m tests.upstream.document"
    )
