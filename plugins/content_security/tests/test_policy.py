"""The policy and its settings, as text."""

from __future__ import annotations

import pytest

from otterwiki_content_security.policy import FILE_POLICY, PagePolicy
from otterwiki_content_security.settings import (
    FORM_HOSTS,
    REPORT_ONLY,
    SCRIPT_HOSTS,
    BadSetting,
    Settings,
    read_settings,
)


def test_g2_the_policy_of_a_page() -> None:
    policy = PagePolicy(Settings()).header("abc", "wiki.test/static/mathjax/")
    assert policy.split("; ") == [
        "default-src 'none'",
        "script-src 'nonce-abc' wiki.test/static/mathjax/",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: https:",
        "media-src 'self' https:",
        "font-src 'self' data: https://cdn.jsdelivr.net/npm/@mathjax/",
        "connect-src 'self'",
        "frame-src https://www.youtube.com",
        "worker-src blob:",
        "manifest-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    ]


def test_g2_no_setting_weakens_more_than_it_names() -> None:
    settings = Settings(script_hosts=("https://a.test",), form_hosts=("https://b.test",))
    plain = PagePolicy(Settings()).header("abc", "").split("; ")
    wider = PagePolicy(settings).header("abc", "").split("; ")
    assert [line for line in wider if line not in plain] == [
        "script-src 'nonce-abc' https://a.test",
        "connect-src 'self' https://a.test",
        "form-action 'self' https://b.test",
    ]
    assert len(wider) == len(plain)


def test_g2_what_is_no_page_runs_nothing() -> None:
    assert FILE_POLICY.startswith("default-src 'none'; ")
    assert "script-src" not in FILE_POLICY
    assert "frame-ancestors 'self'" in FILE_POLICY


def test_settings_come_from_otterwikis_configuration_first() -> None:
    environment = {REPORT_ONLY: "true", SCRIPT_HOSTS: "https://a.test *.b.test:8443"}
    assert read_settings({}, {}) == Settings()
    assert read_settings({}, environment) == Settings(
        report_only=True, script_hosts=("https://a.test", "*.b.test:8443")
    )
    decided = {REPORT_ONLY: False, SCRIPT_HOSTS: "", FORM_HOSTS: "http://robot.localhost:*"}
    assert read_settings(decided, environment) == Settings(form_hosts=("http://robot.localhost:*",))
    path = "https://cdn.jsdelivr.net/npm/@mathjax/"
    assert read_settings({SCRIPT_HOSTS: path}, {}).script_hosts == (path,)


@pytest.mark.parametrize(
    "value",
    ["'unsafe-inline'", "*", "https:", "data:", "a.test;", "a.test,b.test", "a.test/x?y", "//a"],
)
@pytest.mark.parametrize("name", [SCRIPT_HOSTS, FORM_HOSTS])
def test_a_host_is_a_host_and_nothing_else(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match="is no host"):
        read_settings({name: value}, {})


def test_a_flag_is_true_or_false() -> None:
    with pytest.raises(BadSetting, match="write true or false"):
        read_settings({}, {REPORT_ONLY: "perhaps"})
