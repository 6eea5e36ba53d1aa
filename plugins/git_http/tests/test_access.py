"""Who may clone, asked on every request; what git says to those who may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from otterwiki_engine import hooks

from .facts import check, head_of
from .served import Site, git


def test_a_token_in_the_address_or_in_a_header(site: Site, tmp_path: Path) -> None:
    site.readers = {"red": {"t0ken"}, "blue": {"other"}}
    site.git("clone", site.url(password="t0ken"), str(tmp_path / "address"))
    header = ["-c", "http.extraHeader=Authorization: Bearer t0ken"]
    site.git(*header, "clone", site.url(), str(tmp_path / "header"))
    for clone in (tmp_path / "address", tmp_path / "header"):
        assert head_of(clone) == site.repository().head()
        check(clone)
    site.save("New.md", "# New\n")
    site.git("pull", cwd=tmp_path / "address")
    assert head_of(tmp_path / "address") == site.repository().head()


def test_git_asks_for_a_password_and_remembers_it(site: Site, tmp_path: Path) -> None:
    site.readers = {"red": {"t0ken"}, "blue": set()}
    helper = "!f() { echo username=x; echo password=t0ken; }; f"
    said = site.git("-c", f"credential.helper={helper}", "clone", site.url(), str(tmp_path / "c"))
    assert "Authentication failed" not in said
    assert site.requests[0].startswith("GET /repo.git/info/refs")
    assert len([r for r in site.requests if "info/refs" in r]) == 2, "asked once, then answered"


def test_nobody_and_a_wrong_token_get_nothing(site: Site, tmp_path: Path) -> None:
    site.readers = {"red": {"t0ken"}, "blue": {"other"}}
    said = site.git("clone", site.url(), str(tmp_path / "clone"), check=False)
    assert "could not read Username" in said
    for wrong in ("wrong", "other"):  # another wiki's is wrong here
        said = site.git("clone", site.url(password=wrong), str(tmp_path / "clone"), check=False)
        assert "remote: That is no token of this wiki." in said
        assert "Authentication failed" in said
    assert not (tmp_path / "clone").exists()
    site.git("clone", site.url("blue", "other"), str(tmp_path / "blue"))


def _withdraw_before_the_pack(site: Site) -> None:
    def withdraw(path: str) -> None:
        if path.endswith("git-upload-pack"):
            site.readers = {"red": set(), "blue": {""}}

    site.before = withdraw


@pytest.mark.parametrize("password", ["t0ken", ""])
def test_f8_who_loses_the_right_between_refs_and_pack_gets_no_pack(
    site: Site, tmp_path: Path, password: str
) -> None:
    site.readers = {"red": {password}, "blue": {""}}
    _withdraw_before_the_pack(site)
    said = site.git("clone", site.url(password=password), str(tmp_path / "clone"), check=False)
    assert any(request.startswith("POST") for request in site.requests)
    assert "fatal" in said
    assert not (tmp_path / "clone" / "HEAD").exists()
    assert not list(tmp_path.rglob("*.pack"))


def test_f8_private_public_and_private_again(site: Site, tmp_path: Path) -> None:
    site.readers = {"red": {"t0ken"}, "blue": {""}}
    clone = tmp_path / "clone"
    assert "fatal" in site.git("clone", site.url(), str(clone), check=False)
    site.readers["red"].add("")
    site.git("clone", site.url(), str(clone))
    site.save("New.md", "# New\n")
    site.git("fetch", cwd=clone)
    before = head_of(clone, "origin/main")
    site.readers["red"].remove("")
    site.save("Later.md", "# Later\n")
    assert "fatal" in site.git("fetch", cwd=clone, check=False)
    assert head_of(clone, "origin/main") == before


def test_i8_without_anybody_who_decides_it_is_a_no(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks.manager.unregister(site)
    try:
        said = site.git("ls-remote", site.url(), check=False)
    finally:
        hooks.manager.register(site)
    assert "could not read Username" in said


def test_somebody_known_who_may_not_read_is_not_asked_again(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from . import served

    nobody = served.Actor(handle="known", permissions=frozenset())
    monkeypatch.setattr(served, "READER", nobody)
    said = site.git("clone", site.url(), str(tmp_path / "clone"), check=False)
    assert "remote: You may not read this wiki." in said
    assert "403" in said


def test_refs_and_pack_are_each_asked_for(site: Site, tmp_path: Path) -> None:
    site.git("clone", site.url(), str(tmp_path / "clone"))
    asked = [request.partition("?")[0] for request in site.requests]
    assert asked == ["GET /repo.git/info/refs", "POST /repo.git/git-upload-pack"]
    assert git("status", "--porcelain", cwd=tmp_path / "clone") == ""
