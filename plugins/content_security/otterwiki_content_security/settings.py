"""The settings of this plugin, each declared once. Nothing else here reads the environment.

They are read once, when Otterwiki starts: what a single wiki of a farm is set to later has no say.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

REPORT_ONLY = "CONTENT_SECURITY_POLICY_REPORT_ONLY"
SCRIPT_HOSTS = "CONTENT_SECURITY_POLICY_SCRIPT_HOSTS"
FORM_HOSTS = "CONTENT_SECURITY_POLICY_FORM_HOSTS"

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("", "0", "false", "no", "off")
#: A host source of CSP level 3, section 2.3.1, without the characters a header gives a meaning.
_HOST = re.compile(
    r"(?:https?://)?(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::(?:[0-9]{1,5}|\*))?(?:/[a-zA-Z0-9/@._~-]*)?"
)


class BadSetting(ValueError):
    """A setting of this plugin that can't be used; the message says what to write instead."""


@dataclass(frozen=True)
class Settings:
    """What an operator may decide.

    ``report_only``: tell the browser to report to its console instead of blocking.
    ``script_hosts``: other hosts whose scripts may run here, and be talked to by them.
    ``form_hosts``: other hosts a form may lead to, also by a redirect after it was sent.
    """

    report_only: bool = False
    script_hosts: tuple[str, ...] = ()
    form_hosts: tuple[str, ...] = ()


def read_settings(
    config: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> Settings:
    """The settings from Otterwiki's configuration, else from `environment`.

    None stands for the process's own. Raises :class:`BadSetting`.
    """
    source = os.environ if environment is None else environment

    def value(name: str) -> str:
        found = config.get(name)
        return str(source.get(name, "") if found is None else found).strip()

    return Settings(
        report_only=_flag(REPORT_ONLY, value(REPORT_ONLY)),
        script_hosts=_hosts(SCRIPT_HOSTS, value(SCRIPT_HOSTS)),
        form_hosts=_hosts(FORM_HOSTS, value(FORM_HOSTS)),
    )


def _flag(name: str, value: str) -> bool:
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise BadSetting(f"{name}={value!r}: write true or false")


def _hosts(name: str, value: str) -> tuple[str, ...]:
    hosts = tuple(value.split())
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise BadSetting(
                f"{name}: {host!r} is no host. Write hosts with spaces between them, each like"
                " https://scripts.example.org"
            )
    return hosts
