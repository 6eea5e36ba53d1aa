"""Every setting of an installation, declared once: name, type, default and help.

`docs/settings.md` is generated from these declarations. This is the only module of the package
that reads or writes the process environment.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class BadSetting(Exception):
    """A setting that can't be used; the message is one line that says what to do."""


@dataclass(frozen=True)
class Declaration:
    """What is known about one setting before its value is read.

    ``default`` and ``development_default`` are written as they would be in the environment;
    None as ``default`` means that production must set it.
    """

    variable: str
    parse: Callable[[str], Any]
    kind: str
    default: str | None
    development_default: str | None
    help: str


def _text(value: str) -> str:
    if not value:
        raise ValueError("is empty")
    return value


def _path(value: str) -> Path:
    return Path(os.path.abspath(Path(_text(value)).expanduser()))  # links are kept


def _flag(value: str) -> bool:
    known = {
        "1": True,
        "true": True,
        "yes": True,
        "0": False,
        "false": False,
        "no": False,
        "": False,
    }
    if value.lower() not in known:
        raise ValueError("must be 1 or 0")
    return known[value.lower()]


def _whole_number(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,15}", value) or not minimum <= int(value) <= maximum:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        return int(value)

    return parse


def _domain(value: str) -> str:
    label = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    if not re.fullmatch(rf"{label}(?:\.{label})+", value) or len(value) > 200:
        raise ValueError("must be a lower-case host name with a dot and without a port")
    if re.fullmatch(r"[0-9]+", value.rsplit(".", 1)[1]):
        raise ValueError("must be a host name, not an address: every wiki is a host below it")
    return value


def _database_url(value: str) -> str:
    if value and not re.match(r"(sqlite|postgresql)(\+[a-z0-9_]+)?://", value):
        raise ValueError("must start with sqlite:/// or postgresql://")
    return value


def _log_level(value: str) -> str:
    if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
    return value.upper()


def _setting(
    variable: str,
    parse: Callable[[str], Any],
    kind: str,
    *,
    default: str | None,
    development_default: str | None = None,
    help: str,  # noqa: A002  (the word every settings reference uses)
) -> Any:
    declaration = Declaration(variable, parse, kind, default, development_default, help)
    return dataclasses.field(metadata={"declaration": declaration})


_PORT = _whole_number(1, 65535)
_BYTES = _whole_number(1, 10**12)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one installation, read and checked."""

    dev: bool = _setting(
        "ROBOT_DEV",
        _flag,
        "1 or 0",
        default="0",
        help="Development mode: plain HTTP, sign-in by `robot login-link`, DIDs made up by "
        "`robot user add`. Never set it where others can reach the server.",
    )
    home: Path = _setting(  # noqa: RUF009  (it returns a dataclass field)
        "ROBOT_HOME",
        _path,
        "path",
        default="/srv",
        development_default="./var",
        help="The folder that holds everything: wikis, database, keys, backups.",
    )
    domain: str = _setting(
        "ROBOT_DOMAIN",
        _domain,
        "host name",
        default=None,
        development_default="robot.localhost",
        help="The root host. Every wiki is served at SLUG.DOMAIN.",
    )
    database_url: str = _setting(
        "ROBOT_DATABASE_URL",
        _database_url,
        "SQLAlchemy URL",
        default="",
        help="The registry of users and wikis. Empty means SQLite in ROBOT_HOME/data/robot.db.",
    )
    web_host: str = _setting(
        "ROBOT_WEB_HOST",
        _text,
        "address",
        default="127.0.0.1",
        help="The address `robot web` listens on. Keep it on loopback and put a proxy in front.",
    )
    web_port: int = _setting(
        "ROBOT_WEB_PORT", _PORT, "port", default="8000", help="The port `robot web` listens on."
    )
    web_workers: int = _setting(
        "ROBOT_WEB_WORKERS",
        _whole_number(1, 64),
        "number",
        default="2",
        help="Web worker processes. About one for each processor core.",
    )
    web_threads: int = _setting(
        "ROBOT_WEB_THREADS",
        _whole_number(1, 64),
        "number",
        default="4",
        help="Threads in each web worker, the number of requests it answers at once.",
    )
    web_timeout_seconds: int = _setting(
        "ROBOT_WEB_TIMEOUT_SECONDS",
        _whole_number(5, 3600),
        "seconds",
        default="60",
        help="A web worker that does not answer its supervisor for this long is replaced; at "
        "shutdown, running requests get as long to finish.",
    )
    log_level: str = _setting(
        "ROBOT_LOG_LEVEL",
        _log_level,
        "level",
        default="INFO",
        help="The least severe log line that is written: DEBUG, INFO, WARNING or ERROR.",
    )
    max_page_bytes: int = _setting(
        "ROBOT_MAX_PAGE_BYTES",
        _BYTES,
        "bytes",
        default="1000000",
        help="The largest page an import may bring.",
    )
    max_attachment_bytes: int = _setting(
        "ROBOT_MAX_ATTACHMENT_BYTES",
        _BYTES,
        "bytes",
        default="10000000",
        help="The largest attachment an import may bring.",
    )
    max_repository_bytes: int = _setting(
        "ROBOT_MAX_REPOSITORY_BYTES",
        _BYTES,
        "bytes",
        default="250000000",
        help="The largest repository an import may bring, as packed by git.",
    )

    @property
    def scheme(self) -> str:
        """``http`` in development, ``https`` in production."""
        return "http" if self.dev else "https"

    @property
    def public_port(self) -> int | None:
        """The port in public URLs, None when it is the scheme's own.

        In development browsers reach the web process itself, in production a proxy on 443.
        """
        return self.web_port if self.dev and self.web_port != 80 else None

    @property
    def root_url(self) -> str:
        """The public URL of the root host, without a final slash."""
        return f"{self.scheme}://{self.domain}{self._port_suffix}"

    def wiki_url(self, slug: str) -> str:
        """The public URL of the wiki `slug`, without a final slash."""
        return f"{self.scheme}://{slug}.{self.domain}{self._port_suffix}"

    @property
    def _port_suffix(self) -> str:
        return f":{self.public_port}" if self.public_port else ""


def declarations() -> dict[str, Declaration]:
    """Every declaration by the name of its field, in the order of the reference table."""
    return {field.name: field.metadata["declaration"] for field in dataclasses.fields(Settings)}


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings from `environment` (default: the process environment).

    Raises :class:`BadSetting` naming the variable, its value and what it should be.
    """
    source = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    for name, declaration in declarations().items():
        default = declaration.default
        if values.get("dev") and declaration.development_default is not None:
            default = declaration.development_default
        text = source.get(declaration.variable, default)
        if text is None:
            raise BadSetting(
                f"{declaration.variable} is not set: {declaration.help} "
                "(On a development machine set ROBOT_DEV=1 instead.)"
            )
        try:
            values[name] = declaration.parse(text.strip())
        except ValueError as error:
            raise BadSetting(f"{declaration.variable}={text!r} can't be used: it {error}") from None
    return Settings(**values)


_NETWORK_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssh_auth_sock")


def network_environment() -> dict[str, str]:
    """The variables by which a program started here reaches the network: proxies, SSH agent."""
    return {name: value for name, value in os.environ.items() if name.lower() in _NETWORK_VARIABLES}


def inherited_environment() -> dict[str, str]:
    """The environment a child process of the farm should get: this process's own."""
    return dict(os.environ)
