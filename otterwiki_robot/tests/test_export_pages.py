"""/app/export: whoever has a role on a wiki takes it away; nobody else."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from otterwiki_robot.installation import Installation
from otterwiki_tenant import audit, names, people
from otterwiki_tenant.access import Role
from otterwiki_tenant.audit import OPERATOR, Action

from .histories import git
from .made_farm import ALICE, BOB
from .root_visitor import ADDRESS, BASE, RootVisitor

Visit = Callable[..., RootVisitor]


def export(visitor: RootVisitor, kind: str, wiki: str = "alice") -> TestResponse:
    return visitor.post("/app/export", {"wiki": wiki, "kind": kind}, page="/app/account")


def exported(installation: Installation, wiki: str = "alice") -> list[tuple[str | None, ...]]:
    with installation.farm.database.reading() as session:
        entries = audit.search(session, wiki_slug=wiki, action=Action.WIKI_EXPORTED)
    return [(entry.actor_did, entry.detail, entry.address) for entry in entries]


def left(installation: Installation) -> list[Path]:
    run = installation.farm.layout.run
    return list(run.glob("import-*"))


def test_the_owner_gets_a_zip_of_the_files(installation: Installation, visit: Visit) -> None:
    alice = visit(ALICE)
    assert "Download the zip file" in alice.get("/app/export").text
    answer = export(alice, "zip")
    assert answer.status_code == 200
    assert answer.mimetype == "application/zip"
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith("attachment; filename=alice-20")
    assert disposition.endswith(".zip")
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert "Home.md" in archive.namelist()
    assert exported(installation) == [(names.development_did(ALICE), "zip", ADDRESS)]
    assert left(installation) == []


def test_a_bundle_holds_the_whole_history(
    installation: Installation, visit: Visit, tmp_path: Path
) -> None:
    bundle = tmp_path / "alice.bundle"
    bundle.write_bytes(export(visit(ALICE), "bundle").data)
    git(tmp_path, "clone", "-q", str(bundle), str(tmp_path / "clone"))
    repository = installation.farm.layout.wiki("alice") / "repo.git"
    assert git(tmp_path / "clone", "rev-parse", "HEAD") == git(repository, "rev-parse", "HEAD")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
def test_members_may_export_until_they_are_none(
    installation: Installation, visit: Visit, carol: str, role: Role
) -> None:
    grantee = names.development_did(carol)
    visitor = visit(carol)
    assert export(visitor, "zip").status_code == 404
    assert visitor.get("/app/export?wiki=alice").status_code == 404
    people.grant(installation.farm, "alice", grantee, role, OPERATOR)
    assert visitor.get("/app/export?wiki=alice").status_code == 200
    assert export(visitor, "zip").status_code == 200
    people.revoke(installation.farm, "alice", grantee, OPERATOR)
    assert export(visitor, "zip").status_code == 404
    assert len(exported(installation)) == 1


def test_h5_a_private_wiki_and_none_are_answered_alike(visit: Visit) -> None:
    bob = visit(BOB)
    private, missing = export(bob, "zip", "alice"), export(bob, "zip", "nowhere")
    assert private.status_code == missing.status_code == 404
    assert private.text.replace("alice", "nowhere") == missing.text


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "same-site"}])
def test_d6_d7_a_download_takes_a_form_of_ours(
    installation: Installation, visit: Visit, headers: dict[str, str]
) -> None:
    alice = visit(ALICE)
    data = {"wiki": "alice", "kind": "zip"}
    refused = alice.client.post("/app/export", base_url=BASE, data=data, headers=headers)
    assert refused.status_code == 403
    assert alice.get("/app/export?kind=zip").mimetype == "text/html"
    assert exported(installation) == []


def test_an_unknown_kind_and_a_suspended_wiki_are_refused(
    installation: Installation, visit: Visit
) -> None:
    alice = visit(ALICE)
    assert export(alice, "tar").status_code == 422
    people.suspend_wiki(installation.farm, "alice", OPERATOR)
    assert export(alice, "zip").status_code == 403
    assert exported(installation) == []


def test_nobody_is_sent_to_sign_in(visit: Visit) -> None:
    assert visit().get("/app/export").status_code == 303
