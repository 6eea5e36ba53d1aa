"""The documentation says what the program does: settings, commands, make targets, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from otterwiki_robot.cli import cli
from otterwiki_robot.settings_reference import settings_markdown

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md"),
                 *ROOT.glob("plugins/*/README.md"))
)  # fmt: skip
#: Options every command has, said once on the page and not in each row.
EVERYWHERE = {"--json", "--help", "--version", "-h"}


def commands(
    group: click.Group = cli, words: tuple[str, ...] = ("robot",)
) -> Iterator[tuple[str, click.Command]]:
    """Every command and group with its whole name."""
    for name, command in sorted(group.commands.items()):
        yield " ".join((*words, name)), command
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))


def test_the_settings_page_is_up_to_date() -> None:
    page = ROOT / "docs" / "settings.md"
    assert page.read_text("utf-8") == settings_markdown(), "run: make docs"


def test_every_command_and_option_is_described() -> None:
    page = (ROOT / "docs" / "operating.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `robot ")]
    described = set()
    for name, command in commands():
        if isinstance(command, click.Group):
            continue
        (row,) = [row for row in rows if re.match(rf"\| `{name}(?:[ `])", row)] or [""]
        assert row, f"docs/operating.md has no row for {name}"
        described.add(row)
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not EVERYWHERE & set(parameter.opts):
                assert parameter.opts[0] in row, f"{name} {parameter.opts[0]}"
            elif isinstance(parameter, click.Argument):
                shown = parameter.make_metavar(click.Context(command))
                assert shown in row, f"{name} {shown}"
    assert set(rows) == described, "rows for commands that are not there"


def test_no_option_is_described_that_does_not_exist() -> None:
    known = EVERYWHERE | {
        option
        for _, command in commands()
        for parameter in command.params
        for option in parameter.opts
    }
    page = (ROOT / "docs" / "operating.md").read_text("utf-8")
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page)) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_make_targets_that_are_written_about_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert {"install", "run", "test", "check", "bench", "soak"} <= targets
    for page in PAGES:
        text = page.read_text("utf-8")
        fenced = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
        for name in re.findall(r"^make ([a-z]+)", fenced, re.MULTILINE):
            assert name in targets, f"{page.name}: make {name}"
        for name in re.findall(r"`make ([a-z]+)[^`]*`", text):
            assert name in targets, f"{page.name}: make {name}"


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = (folder / "README.md").read_text("utf-8")
    for path in folder.glob("[0-9]*.md"):
        title = path.read_text("utf-8").partition("\n")[0].removeprefix("# ")
        assert f"| [{path.name[:4]}]({path.name}) | {title} |" in listed


def test_the_readme_starts_with_two_commands() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    block = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert block is not None
    commands_shown = [line.split("#")[0].strip() for line in block[1].splitlines()]
    assert commands_shown == ["make install", "make run"]
