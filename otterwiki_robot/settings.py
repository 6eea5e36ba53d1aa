"""Every setting of an installation, declared once: name, type, default and help.

`docs/settings.md` is generated from these declarations. This is the only module of the package
that reads or writes the process environment. One list, so it is longer than other modules.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otterwiki_tenant.rate_limits import LEAST_READS, Rates
from otterwiki_tenant.signup import SignupPolicy

from . import setting_kinds
from .setting_kinds import Network


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


def _rate(variable: str, *, default: int, minimum: int = 1, help: str) -> Any:  # noqa: A002
    """A rate limit. In development it is ten times as high: tests and tools come from one place."""
    return _setting(
        variable,
        setting_kinds.whole_number(minimum, 10**9),
        "number",
        default=str(default),
        development_default=str(10 * default),
        help=help,
    )


_PORT = setting_kinds.whole_number(1, 65535)
_BYTES = setting_kinds.whole_number(1, 10**12)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one installation, read and checked."""

    dev: bool = _setting(
        "ROBOT_DEV",
        setting_kinds.flag,
        "1 or 0",
        default="0",
        help="Development mode: plain HTTP, sign-in by `robot login-link`, DIDs made up by "
        "`robot user add`. Never set it where others can reach the server.",
    )
    home: Path = _setting(  # noqa: RUF009  (it returns a dataclass field)
        "ROBOT_HOME",
        setting_kinds.path,
        "path",
        default="/srv",
        development_default="./var",
        help="The folder that holds everything: wikis, database, keys, backups.",
    )
    domain: str = _setting(
        "ROBOT_DOMAIN",
        setting_kinds.domain,
        "host name",
        default=None,
        development_default="robot.localhost",
        help="The root host. Every wiki is served at SLUG.DOMAIN.",
    )
    database_url: str = _setting(
        "ROBOT_DATABASE_URL",
        setting_kinds.database_url,
        "SQLAlchemy URL",
        default="",
        help="The registry of users and wikis. Empty means SQLite in ROBOT_HOME/data/robot.db.",
    )
    web_host: str = _setting(
        "ROBOT_WEB_HOST",
        setting_kinds.text,
        "address",
        default="127.0.0.1",
        help="The address `robot web` listens on. Keep it on loopback and put a proxy in front.",
    )
    web_port: int = _setting(
        "ROBOT_WEB_PORT", _PORT, "port", default="8000", help="The port `robot web` listens on."
    )
    web_workers: int = _setting(
        "ROBOT_WEB_WORKERS",
        setting_kinds.whole_number(1, 64),
        "number",
        default="2",
        help="Web worker processes. About one for each processor core.",
    )
    web_threads: int = _setting(
        "ROBOT_WEB_THREADS",
        setting_kinds.whole_number(1, 64),
        "number",
        default="4",
        help="Threads in each web worker, the number of requests it answers at once.",
    )
    web_timeout_seconds: int = _setting(
        "ROBOT_WEB_TIMEOUT_SECONDS",
        setting_kinds.whole_number(5, 3600),
        "seconds",
        default="60",
        help="A web worker that does not answer its supervisor for this long is replaced; at "
        "shutdown, running requests get as long to finish.",
    )
    log_level: str = _setting(
        "ROBOT_LOG_LEVEL",
        setting_kinds.log_level,
        "level",
        default="INFO",
        help="The least severe log line that is written: DEBUG, INFO, WARNING or ERROR.",
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        "ROBOT_TRUSTED_PROXIES",
        setting_kinds.networks,
        "IP addresses or networks",
        default="127.0.0.1,::1",
        help="Whose X-Forwarded-For is believed when it says where a request comes from, with "
        "commas between them. Empty means nobody's.",
    )
    signup: SignupPolicy = _setting(  # noqa: RUF009
        "ROBOT_SIGNUP",
        setting_kinds.policy,
        "open, invite or closed",
        default="open",
        help="Who may join by signing in for the first time: anyone, whoever was invited to a "
        "wiki here, or nobody. `robot user add` always works.",
    )
    abuse_contact: str = _setting(
        "ROBOT_ABUSE_CONTACT",
        setting_kinds.contact,
        "mail address or https URL",
        default="",
        help="Where people report abuse or ask about a suspension; shown on the front page.",
    )
    terms_url: str = _setting(
        "ROBOT_TERMS_URL",
        setting_kinds.https_url,
        "https URL",
        default="",
        help="The terms of use, linked from the front page.",
    )
    max_wikis: int = _setting(
        "ROBOT_MAX_WIKIS",
        setting_kinds.whole_number(0, 1000),
        "number",
        default="1",
        help="How many wikis a person may make. `robot wiki create` may make more for them.",
    )
    max_pages: int = _setting(
        "ROBOT_MAX_PAGES",
        setting_kinds.whole_number(1, 1_000_000),
        "number",
        default="500",
        help="How many pages a wiki may have, unless `robot wiki limit` gave it a limit of its "
        "own. At the limit, pages can still be edited, renamed and deleted.",
    )
    max_collaborators: int = _setting(
        "ROBOT_MAX_COLLABORATORS",
        setting_kinds.whole_number(0, 10_000),
        "number",
        default="3",
        help="How many people besides its owner may have a role on a wiki.",
    )
    max_tokens: int = _setting(
        "ROBOT_MAX_TOKENS",
        setting_kinds.whole_number(1, 1000),
        "number",
        default="20",
        help="How many tokens that work a wiki may have, its first one included.",
    )
    max_page_bytes: int = _setting(
        "ROBOT_MAX_PAGE_BYTES",
        _BYTES,
        "bytes",
        default="1000000",
        help="The largest page, saved or imported.",
    )
    max_attachment_bytes: int = _setting(
        "ROBOT_MAX_ATTACHMENT_BYTES",
        _BYTES,
        "bytes",
        default="10000000",
        help="The largest attachment, uploaded or imported.",
    )
    max_repository_bytes: int = _setting(
        "ROBOT_MAX_REPOSITORY_BYTES",
        _BYTES,
        "bytes",
        default="250000000",
        help="The largest repository of a wiki, as packed by git.",
    )

    rate_anonymous_reads: int = _rate(
        "ROBOT_RATE_ANONYMOUS_READS",
        default=600,
        help="How many pages a minute people who are not signed in may open from one address (of "
        "IPv6: from one /64). A fifth as many searches.",
    )
    rate_reads: int = _rate(
        "ROBOT_RATE_READS",
        default=3000,
        minimum=LEAST_READS,
        help="How many pages a minute somebody signed in, or one token, may open; as many searches "
        f"again. Not below {LEAST_READS:,}.",
    )
    rate_writes: int = _rate(
        "ROBOT_RATE_WRITES",
        default=600,
        help="How many changes a minute one person or one token may make.",
    )
    rate_clones: int = _rate(
        "ROBOT_RATE_CLONES",
        default=60,
        help="How many times a minute one person, one token or one address may clone or fetch.",
    )
    rate_sign_ins: int = _rate(
        "ROBOT_RATE_SIGN_INS",
        default=100,
        help="How many sign-in pages a minute one address may ask for.",
    )
    rate_bad_credentials: int = _rate(
        "ROBOT_RATE_BAD_CREDENTIALS",
        default=30,
        help="How many tokens that are not valid one address may send to one wiki in five minutes "
        "(ten times as many to all), before only tokens already known to be right are let in.",
    )

    @property
    def rates(self) -> Rates:
        """How often anybody may ask."""
        return Rates(
            anonymous_reads=self.rate_anonymous_reads,
            anonymous_searches=max(1, self.rate_anonymous_reads // 5),
            reads=self.rate_reads,
            writes=self.rate_writes,
            clones=self.rate_clones,
            sign_ins=self.rate_sign_ins,
            bad_credentials=self.rate_bad_credentials,
            all_bad_credentials=10 * self.rate_bad_credentials,
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
