"""Write docs/upstream-tests.md from the list of expected failures.

Run `python -m tests.upstream.document` whenever the list has changed; a test compares the two.
"""

from __future__ import annotations

from pathlib import Path

from tests.upstream.running import Expectations, Reason, read_expectations
from tests.upstream.storages import StorageKind

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "upstream-tests.md"

HEAD = """\
# Otterwiki's own tests

`make test` runs the {tests} tests of Otterwiki {version} against three storages:

| storage | what is behind it | pass | fail as listed below |
|---|---|---|---|
{rows}
The test files come from Otterwiki's source distribution and run unchanged. It lacks their
`conftest.py`, so ours is `tests/upstream/fixtures.py`; the first row proves it. Every test gets a
new repository. A test that fails and is not listed fails our suite, and so does one that is listed
and passes. The list is `tests/upstream/expected_failures.toml`, this page is made from it.

Two things are done for the bare storage alone, in `tests/upstream/storages.py`. Tests that write a
file into the repository's folder and commit it, to get a page that is not UTF-8, have that file
handed to the engine's commit. Tests that import Otterwiki afresh, in `test_home_page.py` and
`test_settings_env_types.py`, start it on a repository with a work tree, as a farm does, and so
repeat the row above.
"""

TITLES = {
    StorageKind.STOCK: "Otterwiki's `GitStorage`, none of our plugins",
    StorageKind.WORKTREE: "the engine over a repository with a work tree, beside a stock Otterwiki",
    StorageKind.BARE: "the engine over a bare repository, as on the farm",
}


def as_markdown(expectations: Expectations) -> str:
    """The page for a list of expected failures."""
    rows = ""
    for kind, title in TITLES.items():
        failing = sum(failure.kind is kind for failure in expectations.failures)
        rows += f"| {kind.value} | {title} | {expectations.tests - failing} | {failing} |\n"
    text = HEAD.format(tests=expectations.tests, version=expectations.version, rows=rows)
    for reason in Reason:
        text += f"\n## {reason.value[0].upper()}{reason.value[1:]}\n"
        groups: dict[str, dict[str, list[str]]] = {}
        for failure in expectations.failures:
            if failure.reason is reason:
                tests = groups.setdefault(failure.because, {})
                tests.setdefault(failure.test, []).append(failure.kind.value)
        for because, tests in groups.items():
            text += f"\n{because}\n\n"
            text += "".join(f"- `{test}` ({', '.join(kinds)})\n" for test, kinds in tests.items())
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(as_markdown(read_expectations()), encoding="utf-8")
