"""The command line, run as people and scripts run it: answers, exit codes, one-line refusals."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from otterwiki_robot import log
from otterwiki_robot.cli import cli, main
from otterwiki_robot.installation import Installation
from otterwiki_robot.new_wiki import plain_text
from otterwiki_robot.settings import read_settings
from otterwiki_robot.tests.made_farm import make_home
from otterwiki_tenant import audit, clock, names, users
from otterwiki_tenant.credentials import CredentialRefused
from otterwiki_tenant.layout import repository_of

SECRET_WORDS = ("mcp_token_hash", "session_key", "$2b$")


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    exit_code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON it printed."""
        return json.loads(self.out)


Robot = Callable[..., Outcome]


@pytest.fixture
def robot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Robot]:
    """Runs `robot` in this process, in development, at home in a temporary folder."""
    for name in [name for name in os.environ if name.startswith("ROBOT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ROBOT_DEV", "1")
    monkeypatch.setenv("ROBOT_HOME", str(tmp_path / "home"))

    def run(*arguments: str, **environment: str) -> Outcome:
        with monkeypatch.context() as patched:
            for name, value in environment.items():
                patched.setenv(name, value)
            capfd.readouterr()
            with pytest.raises(SystemExit) as left:
                main(arguments)
        captured = capfd.readouterr()
        code = left.value.code
        return Outcome(code if isinstance(code, int) else 0, captured.out, captured.err)

    yield run
    log.configure_logging("WARNING")


@pytest.fixture(scope="session")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A farm with Alice and Bob, who have a wiki each, made once."""
    return make_home(tmp_path_factory.mktemp("made") / "home")


@pytest.fixture
def farm(robot: Robot, made_home: Path, tmp_path: Path) -> Robot:
    """A copy of the farm with Alice and Bob."""
    shutil.copytree(made_home, tmp_path / "home", symlinks=True)
    return robot


def refusal(outcome: Outcome, exit_code: int = 1) -> str:
    """The one line with which a command refused."""
    assert (outcome.exit_code, outcome.out) == (exit_code, "")
    (line,) = outcome.err.splitlines()
    assert line.startswith("robot: ")
    return line


def commands(
    group: click.Group = cli, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that is not a group, with its words."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


# ------------------------------------------------------------------ every command


@pytest.mark.parametrize(("words", "command"), list(commands()), ids=lambda value: str(value))
def test_every_command_has_help_and_takes_json(
    words: tuple[str, ...], command: click.Command
) -> None:
    options = {option for parameter in command.params for option in parameter.opts}
    assert "--json" in options
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(words)} {parameter.opts}"


def test_the_commands_that_scripts_rely_on_exist() -> None:
    found = {" ".join(words) for words, _ in commands()}
    assert found >= {
        "init", "serve", "web", "upgrade", "doctor", "login-link", "user add", "user list",
        "wiki create", "wiki delete", "wiki list", "wiki import", "wiki export",
        "acl grant", "acl revoke", "acl list", "user suspend", "user resume", "user delete",
        "wiki suspend", "wiki resume", "wiki limit", "audit",
        "token create", "token list", "token revoke",
    }  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "list"),
        ("wiki", "list"),
        ("wiki", "create", "alice", "--owner", "alice.test"),
        ("login-link", "alice.test"),
        ("acl", "grant", "alice", "bob.test", "editor"),
        ("user", "suspend", "alice.test"),
        ("user", "delete", "alice.test", "--yes"),
        ("wiki", "limit", "alice", "--pages", "9"),
        ("token", "create", "alice"),
        ("audit",),
        ("serve",),
        ("web",),
    ],
)
def test_before_init_every_command_says_so(robot: Robot, arguments: tuple[str, ...]) -> None:
    assert "Run: robot init" in refusal(robot(*arguments))


# ------------------------------------------------------------------ setting up


def test_init_makes_private_keys_once(robot: Robot, tmp_path: Path) -> None:
    assert robot("init", "--json").document == {"home": str(tmp_path / "home")}
    data = tmp_path / "home" / "data"
    keys = {path: path.read_bytes() for path in (data / "signing_key.pem", data / "secret_key")}
    for path in keys:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert robot("init").exit_code == 0
    assert {path: path.read_bytes() for path in keys} == keys


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({"ROBOT_WEB_PORT": "http"}, "ROBOT_WEB_PORT='http'"),
        ({"ROBOT_DEV": "0"}, "ROBOT_DOMAIN is not set"),
        ({"ROBOT_DOMAIN": "10.0.0.1"}, "ROBOT_DOMAIN='10.0.0.1'"),
    ],
)
def test_a_bad_setting_is_one_line_and_exit_code_2(
    robot: Robot, environment: dict[str, str], word: str
) -> None:
    assert word in refusal(robot("init", **environment), 2)


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("wiki", "nonsense"), ("wiki", "create"), ("init", "--nonsense")]
)
def test_a_wrong_call_is_one_line_and_exit_code_2(robot: Robot, arguments: tuple[str, ...]) -> None:
    assert "--help" in refusal(robot(*arguments), 2)


def test_settings_show_no_password(robot: Robot) -> None:
    url = "postgresql://robot:s3cret@db.example/farm"
    shown = robot("settings", "--json", ROBOT_DATABASE_URL=url)
    assert shown.document["ROBOT_DATABASE_URL"] == "postgresql://robot:***@db.example/farm"
    assert shown.document["ROBOT_DEV"] is True


def test_upgrade_makes_what_a_wiki_lacks(farm: Robot, tmp_path: Path) -> None:
    assert farm("upgrade", "--json").document["wikis"] == 2
    for slug in ("alice", "bob"):
        assert (tmp_path / "home" / "wikis" / slug / "wiki.db").exists()


# ------------------------------------------------------------------ people


def test_a_person_gets_a_derived_did_in_development(robot: Robot) -> None:
    robot("init")
    first = robot("user", "add", "@Alice.Test", "--json").document
    assert (first["handle"], first["username"]) == ("alice.test", "alice")
    assert first["did"].startswith("did:plc:")
    assert len(first["did"]) == len("did:plc:") + 24
    named = robot("user", "add", "bob.test", "--did", "did:web:bob.test", "--json").document
    assert named["did"] == "did:web:bob.test"
    assert [user["handle"] for user in robot("user", "list", "--json").document] == [
        "alice.test",
        "bob.test",
    ]
    assert "alice.test" in robot("user", "list").out


def test_production_asks_for_the_did(robot: Robot) -> None:
    production = {"ROBOT_DEV": "0", "ROBOT_DOMAIN": "wikis.example"}
    assert robot("init", **production).exit_code == 0
    assert "--did" in refusal(robot("user", "add", "alice.test", **production), 2)


@pytest.mark.parametrize(
    ("handle", "reason"),
    [("alice.test", "registered already"), ("alice", "looks like"), ("admin.test", "reserved")],
)
def test_people_who_cannot_be_added(farm: Robot, handle: str, reason: str) -> None:
    assert reason in refusal(farm("user", "add", handle))


def test_a_login_link_is_for_development_and_known_people(farm: Robot) -> None:
    document = farm("login-link", "alice.test", "--json").document
    assert set(document) == {"url"}
    assert document["url"].startswith("http://robot.localhost:8000/auth/dev/")
    assert "no user" in refusal(farm("login-link", "nobody.test"))
    production = {"ROBOT_DEV": "0", "ROBOT_DOMAIN": "wikis.example"}
    assert "ROBOT_DEV=1" in refusal(farm("login-link", "alice.test", **production))


# ------------------------------------------------------------------ wikis


def test_a_wiki_is_made_listed_and_deleted_and_the_other_stays(farm: Robot, tmp_path: Path) -> None:
    other = sorted(path.name for path in (tmp_path / "home" / "wikis" / "bob").rglob("*"))
    listed = farm("wiki", "list", "--json")
    assert [wiki["slug"] for wiki in listed.document] == ["alice", "bob"]
    assert not any(word in listed.out for word in SECRET_WORDS)
    assert "add --yes" in refusal(farm("wiki", "delete", "alice"))
    assert farm("wiki", "delete", "alice", "--yes", "--json").document["deleted"] is True
    assert not (tmp_path / "home" / "wikis" / "alice").exists()
    assert other == sorted(path.name for path in (tmp_path / "home" / "wikis" / "bob").rglob("*"))
    assert "no wiki" in refusal(farm("wiki", "delete", "alice", "--yes"))
    again = farm("wiki", "create", "alice", "--owner", "alice.test", "--public", "--json").document
    assert again["public"] is True


def test_a_new_wiki_says_all_that_a_script_needs(farm: Robot) -> None:
    made = farm("wiki", "create", "notes", "--owner", "bob.test", "--name", "Notes", "--json")
    document = made.document
    assert document["url"] == "http://notes.robot.localhost:8000"
    assert (document["slug"], document["name"], document["public"]) == ("notes", "Notes", False)
    assert document["token"].startswith("rbt_")
    assert not any(word in made.out for word in SECRET_WORDS)
    assert document["token"] not in farm("wiki", "list", "--json").out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("alice", "--owner", "alice.test"), "already"),
        (("www", "--owner", "alice.test"), "reserved"),
        (("Notes", "--owner", "alice.test"), "lower-case"),
        (("bob", "--owner", "alice.test"), "already"),
        (("notes", "--owner", "nobody.test"), "no user"),
    ],
)
def test_wikis_that_cannot_be_made(farm: Robot, arguments: tuple[str, ...], reason: str) -> None:
    assert reason in refusal(farm("wiki", "create", *arguments))


def test_a_history_goes_in_and_comes_out_whole(farm: Robot, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    git = ["git", "-C", str(notes), "-c", "user.name=Dora", "-c", "user.email=d@example.org"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    for text in ("one\n", "two\n"):
        (notes / "README.md").write_text(text)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-q", "-m", text], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True).stdout

    before = {wiki["slug"]: wiki["pages"] for wiki in farm("wiki", "list", "--json").document}
    done = farm("wiki", "import", "alice", str(notes), "--json").document
    assert (done["commits"], done["pages"], done["home_page"]) == (2, 1, "README")
    assert done["revision"] == head.strip()
    pages = {wiki["slug"]: wiki["pages"] for wiki in farm("wiki", "list", "--json").document}
    assert pages == {"alice": 1, "bob": before["bob"]}

    assert "--replace" in refusal(farm("wiki", "import", "alice", str(tmp_path)))
    target = tmp_path / "out.bundle"
    assert farm("wiki", "export", "alice", str(target)).exit_code == 0
    back = farm("wiki", "import", "bob", str(target), "--json").document
    assert (back["revision"], back["backup"]) == (head.strip(), None)

    (notes / "Home.md").write_text("home\n")
    replaced = farm("wiki", "import", "bob", str(notes / ".."), "--replace")
    assert replaced.exit_code == 1  # the folder above holds a whole farm, with bad names in it
    assert list((tmp_path / "home" / "run").glob("import-*")) == []


def test_an_import_without_home_shows_its_readme_and_one_with_home_does_not(
    farm: Robot, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "readme.md").write_text("read me\n")
    assert farm("wiki", "import", "alice", str(folder), "--json").document["home_page"] == "readme"
    assert preference(tmp_path, "alice") == "readme"
    (folder / "Home.md").write_text("home\n")
    farm("wiki", "import", "bob", str(folder))
    assert preference(tmp_path, "bob") in (None, "")
    (folder / "readme.md").unlink()
    done = farm("wiki", "import", "alice", str(folder), "--replace", "--json").document
    assert done["home_page"] is None
    assert Path(done["backup"]).is_file()
    assert preference(tmp_path, "alice") == ""


def preference(tmp_path: Path, slug: str) -> str | None:
    """HOME_PAGE in a wiki's database."""
    import sqlite3

    path = tmp_path / "home" / "wikis" / slug / "wiki.db"
    with sqlite3.connect(path) as connection:
        row = connection.execute("SELECT value FROM preferences WHERE name='HOME_PAGE'").fetchone()
    connection.close()
    return row[0] if row else None


def test_imports_of_missing_wikis_and_sources_are_refused(farm: Robot, tmp_path: Path) -> None:
    assert "no wiki" in refusal(farm("wiki", "import", "nobody", str(tmp_path)))
    assert "does not exist" in refusal(farm("wiki", "import", "alice", str(tmp_path / "none")))


# ------------------------------------------------------------------ roles and people


def roles(farm: Robot, slug: str) -> dict[str, str]:
    """Handles and roles on a wiki."""
    return {m["handle"]: m["role"] for m in farm("acl", "list", slug, "--json").document}


def test_roles_are_given_listed_and_taken_away_and_the_other_wiki_stays(farm: Robot) -> None:
    given = farm("acl", "grant", "alice", "bob.test", "viewer", "--json").document
    assert (given["slug"], given["handle"], given["role"], given["before"]) == (
        "alice", "bob.test", "viewer", None,
    )  # fmt: skip
    changed = farm("acl", "grant", "alice", given["did"], "editor")
    assert changed.out == "bob.test is editor of alice, was viewer\n"
    assert roles(farm, "alice") == {"alice.test": "owner", "bob.test": "editor"}
    assert "bob.test" in farm("acl", "list", "alice").out
    assert farm("acl", "revoke", "alice", "bob.test", "--json").document["role"] is None
    assert roles(farm, "alice") == {"alice.test": "owner"}
    assert roles(farm, "bob") == {"bob.test": "owner"}


@pytest.mark.parametrize(
    ("arguments", "reason", "exit_code"),
    [
        (("grant", "alice", "nobody.test", "editor"), "no user", 1),
        (("grant", "nothing", "bob.test", "editor"), "no wiki", 1),
        (("grant", "alice", "alice.test", "viewer"), "one owner", 1),
        (("grant", "alice", "bob.test", "owner"), "'editor', 'viewer'", 2),
        (("revoke", "alice", "bob.test"), "no collaborator", 1),
        (("revoke", "alice", "alice.test"), "owner", 1),
        (("list", "nothing"), "no wiki", 1),
    ],
)
def test_roles_that_cannot_be(
    farm: Robot, arguments: tuple[str, ...], reason: str, exit_code: int
) -> None:
    assert reason in refusal(farm("acl", *arguments), exit_code)


def _admit(tmp_path: Path, slug: str, token: str) -> str | None:
    """The role that a token is worth on a wiki, None where it is refused."""
    settings = read_settings({"ROBOT_DEV": "1", "ROBOT_HOME": str(tmp_path / "home")})
    installation = Installation(settings)
    try:
        return installation.farm.admit_authorized(slug, f"Bearer {token}").role
    except CredentialRefused:
        return None
    finally:
        installation.close()


def test_tokens_are_made_listed_and_revoked_and_the_other_wiki_stays(
    farm: Robot, tmp_path: Path
) -> None:
    owner = next(u for u in farm("user", "list", "--json").document if u["handle"] == "alice.test")
    plain = farm("token", "create", "alice", "--json").document
    assert (plain["name"], plain["role"], plain["expires_at"]) == ("token", "editor", None)
    assert (plain["maker_did"], plain["state"]) == (owner["did"], "active")
    asked = ("--name", "agent", "--role", "viewer", "--expires", "30")
    made = farm("token", "create", "alice", *asked, "--json").document
    assert (made["name"], made["role"]) == ("agent", "viewer")
    lives = clock.parse(made["expires_at"]) - clock.parse(made["created_at"])
    assert lives.days == 30
    assert _admit(tmp_path, "alice", plain["token"]) == "editor"
    assert _admit(tmp_path, "alice", made["token"]) == "viewer"
    assert _admit(tmp_path, "bob", made["token"]) is None
    listed = farm("token", "list", "alice", "--json")
    assert {item["name"] for item in listed.document} == {"first token", "token", "agent"}
    assert not any(word in listed.out for word in (*SECRET_WORDS, plain["token"], made["token"]))
    assert made["id"] in farm("token", "list", "alice").out
    done = farm("token", "revoke", "alice", made["id"], "--json").document
    assert done == {"slug": "alice", "id": made["id"], "name": "agent", "revoked": True}
    assert _admit(tmp_path, "alice", made["token"]) is None
    states = {
        item["name"]: item["state"] for item in farm("token", "list", "alice", "--json").document
    }
    assert states == {"first token": "active", "token": "active", "agent": "revoked"}
    assert [i["name"] for i in farm("token", "list", "bob", "--json").document] == ["first token"]
    words = farm("token", "create", "bob", "--name", "Bob's").out
    assert "Bob's" in words and "Shown only now: rbt_" in words
    trail = farm("audit", "--wiki", "alice", "--json")
    assert [entry["action"] for entry in trail.document][:3] == [
        "token_revoked",
        "token_made",
        "token_made",
    ]
    assert made["token"] not in trail.out


@pytest.mark.parametrize(
    ("arguments", "reason", "exit_code"),
    [
        (("create", "nothing"), "no wiki", 1),
        (("create", "alice", "--name", ""), "name is empty", 1),
        (("create", "alice", "--name", "a<b"), "must not contain", 1),
        (("create", "alice", "--role", "owner"), "'owner'", 2),
        (("create", "alice", "--expires", "0"), "--expires", 2),
        (("create", "alice", "--expires", "4000"), "--expires", 2),
        (("list", "nothing"), "no wiki", 1),
        (("revoke", "alice", "0" * 16), "no such token", 1),
        (("revoke", "nothing", "0" * 16), "no wiki", 1),
    ],
)
def test_tokens_that_cannot_be(
    farm: Robot, arguments: tuple[str, ...], reason: str, exit_code: int
) -> None:
    assert reason in refusal(farm("token", *arguments), exit_code)


def test_i1_the_limit_on_tokens_holds(farm: Robot) -> None:
    assert "has 1 token" in refusal(farm("token", "create", "alice", ROBOT_MAX_TOKENS="1"))


def test_i1_the_limits_of_the_settings_hold(farm: Robot) -> None:
    farm("user", "add", "carol.test")
    limits = {"ROBOT_MAX_COLLABORATORS": "1", "ROBOT_MAX_PAGES": "7"}
    assert farm("acl", "grant", "alice", "bob.test", "viewer", **limits).exit_code == 0
    words = refusal(farm("acl", "grant", "alice", "carol.test", "viewer", **limits))
    assert "1 collaborator, as many as a wiki may have. Remove one" in words
    assert farm("acl", "grant", "alice", "bob.test", "editor", **limits).exit_code == 0
    own = farm("wiki", "limit", "alice", "--pages", "900", "--json", **limits).document
    assert own == {"slug": "alice", "max_pages": 900, "own_limit": True}
    shown = {w["slug"]: w["max_pages"] for w in farm("wiki", "list", "--json", **limits).document}
    assert shown == {"alice": 900, "bob": 7}
    assert farm("wiki", "limit", "alice", "--default", "--json", **limits).document == {
        "slug": "alice", "max_pages": 7, "own_limit": False,
    }  # fmt: skip
    for wrong in ((), ("--pages", "5", "--default"), ("--pages", "0")):
        assert "--help" in refusal(farm("wiki", "limit", "alice", *wrong), 2)


def test_a_suspended_person_is_listed_as_such_and_gets_no_link(farm: Robot) -> None:
    done = farm("user", "suspend", "alice.test", "--reason", "spam", "--json").document
    assert (done["suspended"], done["changed"]) == (True, True)
    assert farm("user", "suspend", "alice.test").out == "alice.test was suspended already\n"
    states = {u["handle"]: u["suspended_at"] for u in farm("user", "list", "--json").document}
    assert states["alice.test"] is not None
    assert states["bob.test"] is None
    assert f"suspended {states['alice.test']}" in farm("user", "list").out
    words = refusal(farm("login-link", "alice.test"))
    assert "alice.test is suspended since" in words
    assert "robot user resume alice.test" in words
    assert "suspended" in refusal(farm("wiki", "create", "notes", "--owner", "alice.test"))
    assert farm("user", "resume", "alice.test").exit_code == 0
    assert farm("login-link", "alice.test").exit_code == 0
    assert farm("user", "resume", "alice.test", "--json").document["changed"] is False


def test_a_suspended_wiki_is_listed_as_such(farm: Robot) -> None:
    assert farm("wiki", "suspend", "bob", "--json").document["changed"] is True
    shown = {w["slug"]: w["suspended_at"] for w in farm("wiki", "list", "--json").document}
    assert shown["bob"] is not None
    assert shown["alice"] is None
    assert f"suspended {shown['bob']}" in farm("wiki", "list").out
    assert farm("wiki", "resume", "bob", "--json").document["suspended"] is False
    assert "public" in farm("wiki", "list").out
    assert "no wiki" in refusal(farm("wiki", "suspend", "nothing"))


def test_an_account_is_deleted_with_its_wikis_and_the_other_stays(
    farm: Robot, tmp_path: Path
) -> None:
    farm("acl", "grant", "bob", "alice.test", "editor")
    assert "add --yes to delete alice.test with alice" in refusal(
        farm("user", "delete", "alice.test")
    )
    done = farm("user", "delete", "alice.test", "--yes", "--json").document
    assert (done["deleted"], done["wikis"]) == (True, ["alice"])
    assert [path.name for path in (tmp_path / "home" / "wikis").iterdir()] == ["bob"]
    assert [u["handle"] for u in farm("user", "list", "--json").document] == ["bob.test"]
    assert roles(farm, "bob") == {"bob.test": "owner"}
    assert "no user" in refusal(farm("login-link", "alice.test"))
    other = ("user", "add", "alice.test", "--did", "did:plc:other")
    assert "somebody else has this name" in refusal(farm(*other))
    assert farm("user", "add", "alice.test", "--json").document["did"] == done["did"]


def test_who_has_no_handle_today_is_called_by_their_did(farm: Robot, tmp_path: Path) -> None:
    installation = Installation(
        read_settings({"ROBOT_DEV": "1", "ROBOT_HOME": str(tmp_path / "home")})
    )
    try:
        with installation.farm.database.writing() as session:
            bob = users.get(session, "bob.test").did
            users.release_handle(
                session, "bob.test", names.development_did("alice.test"), clock.now()
            )
            audit.record(
                session,
                audit.Action.SIGN_IN_REFUSED,
                now=clock.now(),
                actor_did=None,
                detail="old row",
            )
        made = farm("wiki", "create", "notes", "--owner", bob)
        assert f"owned by {bob}\n" in made.out
        repository = repository_of(installation.farm.layout.wiki("notes"))
        git = ("git", "-C", str(repository), "log", "--format=%an")
        done = subprocess.run(git, capture_output=True, text=True, check=True, timeout=30)
        assert done.stdout.splitlines() == [bob]
        shown = ("git", "-C", str(repository), "grep", "-c", "-F", plain_text(bob), "HEAD")
        assert subprocess.run(shown, capture_output=True, check=False, timeout=30).returncode == 0
    finally:
        installation.close()
    (line,) = [line for line in farm("audit").out.splitlines() if "old row" in line]
    assert line.split()[1:3] == ["sign_in_refused", "nobody"]


def test_i6_the_audit_trail_tells_who_did_what_and_holds_no_secret(farm: Robot) -> None:
    made = farm("wiki", "create", "notes", "--owner", "bob.test", "--json").document
    link = farm("login-link", "bob.test").out.strip()
    farm("acl", "grant", "alice", "bob.test", "editor")
    farm("user", "suspend", "bob.test", "--reason", "line\nbreak \x1b[2J")
    farm("wiki", "delete", "notes", "--yes")
    everything = farm("audit", "--json")
    assert [e["action"] for e in everything.document][:4] == [
        "wiki_deleted", "user_suspended", "granted", "wiki_created",
    ]  # fmt: skip
    assert all(entry["actor_did"] is None for entry in everything.document)
    assert made["token"] not in everything.out
    assert link.rsplit("/", 1)[1] not in everything.out
    assert not any(word in everything.out for word in SECRET_WORDS)
    of_bob = farm("audit", "--user", "bob.test", "--json").document
    assert [e["action"] for e in of_bob] == ["user_suspended", "granted"]
    assert farm("audit", "--user", of_bob[0]["subject_did"], "--json").document == of_bob
    assert len(farm("audit", "--wiki", "notes", "--json").document) == 2
    assert len(farm("audit", "--limit", "1").out.splitlines()) == 2  # and the head
    shown = farm("audit").out
    assert "line\\u000abreak \\u001b[2J" in shown
    assert "\x1b" not in shown
    assert "no user" in refusal(farm("audit", "--user", "nobody.test"))
    assert "--help" in refusal(farm("audit", "--limit", "0"), 2)


# ------------------------------------------------------------------ doctor, demo, processes


def test_doctor_answers_in_words_and_in_json(farm: Robot, tmp_path: Path) -> None:
    well = farm("doctor")
    assert well.exit_code == 0
    assert "OK    wiki alice" in well.out
    (tmp_path / "home" / "data" / "signing_key.pem").chmod(0o644)
    ill = farm("doctor", "--json")
    assert ill.exit_code == 1
    assert [entry["subject"] for entry in ill.document if entry["level"] == "FAIL"] == ["keys"]


def test_the_demo_is_made_once(robot: Robot, tmp_path: Path) -> None:
    first = robot("demo", "--json").document
    assert first["wiki"] == "http://demo.robot.localhost:8000/"
    assert first["sign_in"].startswith("http://robot.localhost:8000/auth/dev/")
    (wiki,) = robot("wiki", "list", "--json").document
    assert (wiki["public"], wiki["pages"]) == (True, 5)
    assert robot("demo", "--json").document["sign_in"] != first["sign_in"]
    assert robot("wiki", "delete", "demo", "--yes").exit_code == 0
    assert robot("demo").exit_code == 0
    assert robot("wiki", "list", "--json").document == []
    production = {"ROBOT_DEV": "0", "ROBOT_DOMAIN": "wikis.example"}
    assert "ROBOT_DEV=1" in refusal(robot("demo", **production))


def test_robot_is_installed() -> None:
    script = Path(sys.executable).with_name("robot")
    done = subprocess.run([str(script), "--version"], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("robot, version ")
