"""Settings are declared once, checked, and refused with one line."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from otterwiki_robot.settings import BadSetting, declarations, read_settings
from otterwiki_tenant.rate_limits import Rates
from otterwiki_tenant.signup import SignupPolicy

DEV = {"ROBOT_DEV": "1"}


def test_development_needs_nothing_but_the_switch() -> None:
    settings = read_settings(DEV)
    assert settings.home == Path.cwd() / "var"
    assert settings.root_url == "http://robot.localhost:8000"
    assert settings.wiki_url("alice") == "http://alice.robot.localhost:8000"
    assert settings.web_host == "127.0.0.1"


def test_production_is_https_on_the_standard_port_and_below_srv() -> None:
    settings = read_settings({"ROBOT_DOMAIN": "wikis.example"})
    assert settings.home == Path("/srv")
    assert settings.root_url == "https://wikis.example"
    assert settings.wiki_url("alice") == "https://alice.wikis.example"


def test_production_must_name_its_domain() -> None:
    with pytest.raises(BadSetting, match="ROBOT_DOMAIN is not set"):
        read_settings({})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ROBOT_DEV", "maybe"),
        ("ROBOT_DOMAIN", "Wikis.Example"),
        ("ROBOT_DOMAIN", "wikis.example:8000"),
        ("ROBOT_DOMAIN", "localhost"),
        ("ROBOT_DOMAIN", "127.0.0.1"),
        ("ROBOT_DOMAIN", "wikis.example\n"[:-1] + "/"),
        ("ROBOT_DATABASE_URL", "mysql://x"),
        ("ROBOT_WEB_PORT", "0"),
        ("ROBOT_WEB_PORT", "65536"),
        ("ROBOT_WEB_PORT", "٨٠"),
        ("ROBOT_WEB_PORT", ""),
        ("ROBOT_WEB_WORKERS", "-1"),
        ("ROBOT_WEB_THREADS", "four"),
        ("ROBOT_LOG_LEVEL", "LOUD"),
        ("ROBOT_MAX_PAGE_BYTES", "1e6"),
        ("ROBOT_HOME", ""),
        ("ROBOT_SIGNUP", "everybody"),
        ("ROBOT_MAX_WIKIS", "-1"),
        ("ROBOT_MAX_PAGES", "0"),
        ("ROBOT_MAX_COLLABORATORS", "three"),
        ("ROBOT_ABUSE_CONTACT", "help"),
        ("ROBOT_ABUSE_CONTACT", "http://wikis.example/help"),
        ("ROBOT_ABUSE_CONTACT", "javascript:alert(1)//@x.example"),
        ("ROBOT_ABUSE_CONTACT", "help@wikis.example, other@wikis.example"),
        ("ROBOT_ABUSE_CONTACT", "https://"),
        ("ROBOT_TERMS_URL", "help@wikis.example"),
        ("ROBOT_TERMS_URL", "https://wikis.example/a b"),
        ("ROBOT_TERMS_URL", "https://[::1"),
        ("ROBOT_TRUSTED_PROXIES", "10.0.0.1 10.0.0.2"),
        ("ROBOT_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("ROBOT_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("ROBOT_TRUSTED_PROXIES", "localhost"),
    ],
)
def test_a_bad_value_is_named_with_what_it_should_be(variable: str, value: str) -> None:
    with pytest.raises(BadSetting) as refused:
        read_settings({**DEV, variable: value})
    message = str(refused.value)
    assert message.startswith(f"{variable}=")
    assert "\n" not in message


def test_people_limits_and_proxies_have_defaults_and_are_typed() -> None:
    settings = read_settings(DEV)
    assert (settings.max_wikis, settings.max_pages, settings.max_collaborators) == (1, 500, 3)
    assert settings.signup is SignupPolicy.OPEN
    assert (settings.abuse_contact, settings.terms_url) == ("", "")
    assert settings.trusted_proxies == (ip_network("127.0.0.1"), ip_network("::1"))
    given = read_settings(
        {
            **DEV,
            "ROBOT_SIGNUP": "Invite",
            "ROBOT_ABUSE_CONTACT": "abuse+farm@wikis.example",
            "ROBOT_TERMS_URL": "https://wikis.example/terms",
            "ROBOT_TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8",
        }
    )
    assert given.signup is SignupPolicy.INVITE
    assert given.abuse_contact == "abuse+farm@wikis.example"
    assert given.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    by_url = read_settings({**DEV, "ROBOT_ABUSE_CONTACT": "https://wikis.example/help"})
    assert by_url.abuse_contact == "https://wikis.example/help"
    assert read_settings({**DEV, "ROBOT_TRUSTED_PROXIES": ""}).trusted_proxies == ()


def test_every_declaration_says_what_it_is_for() -> None:
    for name, declaration in declarations().items():
        assert declaration.variable == f"ROBOT_{name.upper()}"
        assert declaration.help.endswith(".")
        for default in (declaration.default, declaration.development_default):
            if default is not None:
                declaration.parse(default)


def test_i2_rates_have_defaults_and_signed_in_reading_a_floor() -> None:
    rates = read_settings({"ROBOT_DOMAIN": "wikis.example"}).rates
    assert rates == Rates()
    assert read_settings(DEV).rates.writes == 10 * rates.writes
    given = read_settings({**DEV, "ROBOT_RATE_READS": "1200", "ROBOT_RATE_ANONYMOUS_READS": "4"})
    assert (given.rates.reads, given.rates.anonymous_reads) == (1200, 4)
    assert given.rates.anonymous_searches == 1
    with pytest.raises(BadSetting, match="from 1200 to"):
        read_settings({**DEV, "ROBOT_RATE_READS": "1199"})
