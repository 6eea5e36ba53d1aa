"""The doctor sees what is wrong and says what to do."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace

import pytest

from otterwiki_robot import doctor
from otterwiki_robot.doctor import Finding, Level, examine, sqlite_finding
from otterwiki_robot.installation import Installation
from otterwiki_robot.settings import Settings
from otterwiki_robot.transfer.git import Progress


def findings(installation: Installation, progress: Progress, **options: bool) -> list[Finding]:
    found = list(examine(installation, fsck=options.get("fsck", False), progress=progress))
    for finding in found:
        assert finding.level is Level.OK or finding.advice, finding
    return found


def worst(found: list[Finding]) -> dict[str, Level]:
    """Subjects that are not OK, SQLite left out: its version is this machine's."""
    return {f.subject: f.level for f in found if f.level is not Level.OK and f.subject != "SQLite"}


def test_a_new_farm_is_well(installation: Installation, progress: Progress) -> None:
    found = findings(installation, progress, fsck=True)
    assert worst(found) == {}
    assert {"wiki alice", "wiki bob", "registry", "disk"} <= {f.subject for f in found}


def test_a_git_that_is_too_old_for_urls_is_warned_of(
    installation: Installation, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "git_version", lambda: (2, 36))
    (finding,) = [f for f in findings(installation, progress) if f.subject == "git"]
    assert finding.level is Level.WARN
    assert "imports from a URL are refused" in finding.message


@pytest.mark.parametrize(("contact", "level"), [("", Level.WARN), ("help@wikis.example", Level.OK)])
def test_in_production_somebody_must_be_named_to_report_abuse_to(
    settings: Settings, progress: Progress, contact: str, level: Level
) -> None:
    production = replace(settings, dev=False, domain="wikis.example", abuse_contact=contact)
    installation = Installation(production)
    found = {f.subject: f for f in findings(installation, progress)}
    installation.close()
    assert found["abuse contact"].level is level


def test_before_init_the_advice_is_init(installation: Installation, progress: Progress) -> None:
    shutil.rmtree(installation.settings.home)
    found = findings(installation, progress)
    assert found[-1].level is Level.FAIL
    assert found[-1].advice == "run: robot init"


def test_a_readable_key_fails(installation: Installation, progress: Progress) -> None:
    installation.bare_farm.layout.signing_key.chmod(0o644)
    assert worst(findings(installation, progress)) == {"keys": Level.FAIL}


def test_a_home_that_others_may_write_to_is_warned_of(
    installation: Installation, progress: Progress
) -> None:
    installation.settings.home.chmod(0o777)
    assert worst(findings(installation, progress)) == {"home": Level.WARN}


def test_one_damaged_wiki_fails_and_the_other_is_well(
    installation: Installation, progress: Progress
) -> None:
    shutil.rmtree(installation.bare_farm.layout.wiki("alice") / "repo.git" / "objects")
    assert worst(findings(installation, progress)) == {"wiki alice": Level.FAIL}


def test_a_missing_folder_fails_and_a_stray_one_is_kept(
    installation: Installation, progress: Progress
) -> None:
    layout = installation.bare_farm.layout
    layout.wiki("alice").rename(layout.wiki("found"))
    assert worst(findings(installation, progress)) == {
        "wiki alice": Level.FAIL,
        "wikis": Level.WARN,
    }
    assert layout.wiki("found").is_dir()


def test_leftovers_are_removed_and_told(installation: Installation, progress: Progress) -> None:
    layout = installation.bare_farm.layout
    leftover = layout.run / "import-0123456789abcdef"
    leftover.mkdir()
    found = findings(installation, progress)
    assert any(str(leftover) in f.message for f in found)
    assert not leftover.exists()
    assert not any("leftovers" in f.subject for f in findings(installation, progress))


def test_a_git_lock_is_only_stale_after_a_while(
    installation: Installation, progress: Progress
) -> None:
    lock = installation.bare_farm.layout.wiki("bob") / "repo.git" / "refs" / "heads" / "main.lock"
    lock.write_text("")
    assert worst(findings(installation, progress)) == {}
    past = time.time() - doctor.STALE_LOCK_SECONDS - 1
    os.utime(lock, (past, past))
    assert worst(findings(installation, progress)) == {"wiki bob": Level.WARN}


def test_a_registry_that_is_behind_fails(installation: Installation, progress: Progress) -> None:
    installation.bare_farm.layout.registry.unlink()
    found = findings(installation, progress)
    assert worst(found) == {"registry": Level.FAIL}
    assert "robot upgrade" in found[-1].advice


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ((3, 40, 1), Level.WARN),
        ((3, 44, 5), Level.WARN),
        ((3, 44, 6), Level.OK),
        ((3, 45, 0), Level.WARN),
        ((3, 50, 6), Level.WARN),
        ((3, 50, 7), Level.OK),
        ((3, 51, 2), Level.WARN),
        ((3, 51, 3), Level.OK),
        ((3, 6, 23), Level.OK),
    ],
)
def test_the_wal_reset_bug_is_known_by_version(version: tuple[int, ...], level: Level) -> None:
    assert sqlite_finding(version).level is level


def test_low_disk_fails(
    installation: Installation, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: Usage)
    assert worst(findings(installation, progress)) == {"disk": Level.FAIL}
