"""How commands answer: words on stdout, or one JSON document with --json; progress on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from ..transfer.git import Progress

_Command = TypeVar("_Command", bound=Callable[..., Any])


def json_option(command: _Command) -> _Command:
    """Give a command the option --json, passed to it as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")(
        command
    )


def answer(as_json: bool, document: object, *lines: str) -> None:
    """Print `document` as JSON, or else `lines`."""
    if as_json:
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        for line in lines:
            click.echo(line)


def table(rows: Sequence[tuple[str, ...]], head: tuple[str, ...]) -> list[str]:
    """Lines of a plain table with aligned columns; only the head when there are no rows.

    What a terminal would take for a command (a line break, an escape) is written as ``\\u001b``.
    """
    rows = [tuple(_printable(cell) for cell in row) for row in rows]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def confirm_for_good(question: str, *, yes: bool, without_terminal: str) -> None:
    """Ask before something that can't be undone; raises click.Abort, or ClickException where
    nobody can be asked (`without_terminal` says what to do)."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.ClickException(f"nobody can be asked here: {without_terminal}")
    click.confirm(question, abort=True, err=True)


@contextmanager
def progress_bar(as_json: bool) -> Iterator[Progress]:
    """A function that draws a bar for each stage of long work; silent without a terminal."""
    if as_json or not sys.stderr.isatty():
        yield _silent
        return
    bars = _Bars()
    try:
        yield bars.show
    finally:
        bars.end()


def _silent(stage: str, done: int, total: int | None) -> None:
    """Nobody watches."""


class _Bars:
    """One bar after the other on stderr."""

    def __init__(self) -> None:
        self._stage = ""
        self._bar: Any = None

    def show(self, stage: str, done: int, total: int | None) -> None:
        """Say that `done` of `total` is done of `stage`."""
        if stage != self._stage:
            self.end()
            self._stage = stage
            if total is None:
                click.echo(f"{stage} ...", err=True)
            else:
                self._bar = click.progressbar(length=total, label=stage, file=sys.stderr)
                self._bar.__enter__()
        if self._bar is not None:
            self._bar.update(max(0, done - self._bar.pos))

    def end(self) -> None:
        """Finish the line of the bar on the screen."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
        self._bar = None
        self._stage = ""
