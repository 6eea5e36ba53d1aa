"""Log lines: one line per event, quoted, with wiki and actor, without secrets (checklist I6)."""

from __future__ import annotations

import logging
import shlex
from typing import Any

import pytest

from otterwiki_robot.log import AccessLog, KeyValueFormatter, LineLogger, path_for_log, quote


def line_of(message: str, context: dict[str, object] | None = None, **extra: Any) -> str:
    record = logging.LogRecord("some.logger", logging.INFO, __file__, 1, message, (), None)
    record.fields = extra
    return KeyValueFormatter(lambda: context or {}).format(record)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain/path:8000", "plain/path:8000"),
        ("two words", '"two words"'),
        ('a "quote"', '"a \\"quote\\""'),
        ("", '""'),
        ("x=y", '"x=y"'),
        ("line\r\nlevel=error msg=forged", '"line\\r\\nlevel=error msg=forged"'),
        ("\x1b[31mred\u2028next", '"\\u001b[31mred\\u2028next"'),
        ("\ud800", '"\\ud800"'),
        (12.5, "12.5"),
    ],
)
def test_I6_values_are_quoted_and_stay_on_one_line(value: object, expected: str) -> None:
    assert quote(value) == expected


def test_a_line_names_time_level_logger_message_and_context() -> None:
    line = line_of("it happened", {"wiki": "alice", "actor": None}, part="web")
    fields = dict(word.split("=", 1) for word in shlex.split(line))
    assert fields.pop("time").endswith("Z")
    assert fields == {
        "level": "info",
        "logger": "some.logger",
        "msg": "it happened",
        "wiki": "alice",
        "part": "web",
    }


def test_an_exception_is_part_of_the_line() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, __file__, 1, "failed", (), (ValueError, error, error.__traceback__)
        )
    line = KeyValueFormatter(dict).format(record)
    assert "\n" not in line
    assert "ValueError: first\\nsecond" in line


@pytest.mark.parametrize(
    "path", ["/auth/dev/SECRET", "/-/confirm_email/SECRET", "/-/recover_password/SECRET"]
)
def test_I6_the_secret_part_of_a_path_is_left_out(path: str) -> None:
    assert "SECRET" not in path_for_log(path)


def call(log: AccessLog, **environ: Any) -> list[bytes]:
    body = log({"REQUEST_METHOD": "GET", "PATH_INFO": "/", **environ}, lambda *_: None)
    chunks = list(body)
    body.close()  # type: ignore[attr-defined]
    return chunks


def test_I6_the_access_line_has_no_query_and_no_header(caplog: pytest.LogCaptureFixture) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("404 NOT FOUND", [])
        return [b"no"]

    with caplog.at_level(logging.INFO):
        chunks = call(
            AccessLog(app, lambda environ: {"wiki": "alice"}),
            PATH_INFO="/a\xc3\xa4\r\nlevel=error",
            QUERY_STRING="token=SECRET",
            HTTP_COOKIE="SECRET",
            HTTP_AUTHORIZATION="Bearer SECRET",
        )
    assert chunks == [b"no"]
    line = KeyValueFormatter(dict).format(caplog.records[-1])
    assert "SECRET" not in line
    assert 'path="/aä\\r\\nlevel=error"' in line
    assert "status=404" in line
    assert "wiki=alice" in line
    assert "\n" not in line


def test_a_request_that_fails_is_logged_as_500(caplog: pytest.LogCaptureFixture) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise RuntimeError("broken")

    with caplog.at_level(logging.INFO), pytest.raises(RuntimeError):
        call(AccessLog(app, lambda environ: {}))
    assert caplog.records[-1].fields["status"] == "500"  # type: ignore[attr-defined]


def test_what_a_library_prints_becomes_lines(caplog: pytest.LogCaptureFixture) -> None:
    stream = LineLogger(logging.getLogger("printed"))
    with caplog.at_level(logging.INFO):
        stream.write("one\ntw")
        stream.write("o\n\nunfinished")
    assert [record.getMessage() for record in caplog.records] == ["one", "two"]
