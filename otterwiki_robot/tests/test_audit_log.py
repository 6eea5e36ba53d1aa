"""An audit row's log line, as it stands in the log: one line, whatever the row holds."""

from __future__ import annotations

import pytest

from otterwiki_robot.installation import Installation
from otterwiki_robot.log import configure_logging
from otterwiki_tenant import people, users
from otterwiki_tenant.people import OPERATOR

from .made_farm import ALICE

FORGED = 'spam\r\ntime=2026 level=error logger=x msg="forged"\x1b[2J\u2028end'


def test_i6_an_audit_line_can_not_be_broken_or_forged(
    installation: Installation, capfd: pytest.CaptureFixture[str]
) -> None:
    with installation.farm.database.reading() as session:
        alice = users.get(session, ALICE)
    configure_logging("INFO")
    try:
        people.suspend_user(installation.farm, alice.did, OPERATOR, FORGED)
    finally:
        configure_logging("WARNING")
    written = capfd.readouterr().err
    (line,) = [line for line in written.splitlines() if "msg=audit" in line]
    assert "logger=otterwiki_tenant.audit msg=audit action=user_suspended actor=operator" in line
    assert f"subject={alice.did}" in line
    escaped = r"spam\r\ntime=2026 level=error logger=x msg=\"forged\"\u001b[2J\u2028end"
    assert f'detail="{escaped}"' in line
    assert written.count("\n") == 1
