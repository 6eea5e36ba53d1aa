"""What Otterwiki must find when it starts: settings, a repository, and nothing to create.

Otterwiki opens one repository and one database at import. On a farm these are a skeleton that no
request ever sees. Its settings go into a file that only this user can read, so that no secret is
in the environment, which every child process inherits.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from otterwiki_engine.authorship import Author
from otterwiki_engine.repository import Repository

from . import quotas, request_cookies

if TYPE_CHECKING:
    from .farm import Farm

_README = "Otterwiki opens this repository when it starts. It belongs to no wiki.\n"


def prepare(farm: Farm) -> Path:
    """Make the skeleton below ``run/`` where it is missing; returns the settings file's path.

    Any number of processes may do so at once.
    """
    repository = _repository(farm.layout.run / "skeleton")
    content = "".join(
        f"{name} = {value!r}\n" for name, value in sorted(settings(farm, repository).items())
    )
    target = farm.layout.run / "otterwiki_settings.py"
    aside = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    aside.rename(target)
    return target


def settings(farm: Farm, repository: Path) -> dict[str, object]:
    """The settings a farm decides for all its wikis; no environment variable changes them."""
    secure = farm.scheme == "https"
    return {
        "AUTH_METHOD": "PROXY_HEADER",  # replaced by access_control; closed where it is missing
        "ATTACHMENT_ACCESS": "APPROVED",
        "AUTO_APPROVAL": False,
        # A form sent after the session ended is answered by the root host's sign-in page.
        "CONTENT_SECURITY_POLICY_FORM_HOSTS": _root_origin(farm),
        "CONTENT_SECURITY_POLICY_REPORT_ONLY": False,
        "CONTENT_SECURITY_POLICY_SCRIPT_HOSTS": "",
        "DEBUG": False,
        "DISABLE_REGISTRATION": True,
        "GIT_ALLOW_EXTERNAL_SYMLINKS": False,
        # all wikis share the places for clones that are sent at the same time
        "GIT_HTTP_RUN_FOLDER": str(farm.layout.run / "git-http"),
        "GIT_REMOTE_PULL_ENABLED": False,
        "GIT_REMOTE_PUSH_ENABLED": False,
        "GIT_WEB_SERVER": False,
        "OTTERWIKI_API_KEY": "",  # one key for all wikis: never here
        "MAX_CONTENT_LENGTH": quotas.request_bytes(farm.limits),
        "MAX_FORM_MEMORY_SIZE": quotas.form_bytes(farm.limits),
        "PREFERRED_URL_SCHEME": farm.scheme,
        "READ_ACCESS": "APPROVED",
        # Flask-Login believes a remember-me cookie before it asks who the request is. No cookie
        # can have this name: a header's cookies are divided at the semicolon.
        "REMEMBER_COOKIE_NAME": ";",
        "REPOSITORY": str(repository),
        "RETAIN_PAGE_NAME_CASE": True,
        "SECRET_KEY": hmac.new(farm.secret_key, b"no wiki", hashlib.sha256).hexdigest(),
        "SECURITY_HEADERS": True,
        "SERVER_NAME": None,
        "SESSION_COOKIE_DOMAIN": None,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_NAME": request_cookies.session_cookie_name(farm.scheme),
        "SESSION_COOKIE_PATH": "/",
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": secure,
        "SQLALCHEMY_BINDS": {},
        "SQLALCHEMY_DATABASE_URI": "sqlite:///:memory:",
        "TESTING": False,
        "WRITE_ACCESS": "APPROVED",
        "WTF_CSRF_ENABLED": True,
    }


def _root_origin(farm: Farm) -> str:
    """The root host as a policy names it; in development it may be served on any port."""
    return f"{farm.scheme}://{farm.domain}" + ("" if farm.scheme == "https" else ":*")


def _repository(folder: Path) -> Path:
    """A work tree with one commit, for Otterwiki writes a home page into an empty repository."""
    if (folder / ".git").is_dir():
        return folder
    building = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}")
    building.mkdir(mode=0o700)
    repository = Repository.create(building / ".git", work_tree=building)
    repository.commit(
        {"README.md": _README.encode()},
        base=None,
        author=Author("robot", ""),
        message="Skeleton for Otterwiki's start",
    )
    repository.close()
    try:
        building.rename(folder)
    except OSError:
        shutil.rmtree(building)
        if not (folder / ".git").is_dir():
            raise  # anything but another process having been faster
    return folder
