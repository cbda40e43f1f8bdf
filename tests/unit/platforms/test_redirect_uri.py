"""The redirect URI: each mistake of the checklist is found, and by its own check only."""

import pytest

from lunas.platforms.thinkific.redirect_uri import redirect_checks, redirect_uri

OWN = "https://a1b2c3d4e5.execute-api.ap-southeast-3.amazonaws.com"
LOCAL = "http://127.0.0.1:4566/_aws/execute-api/a1b2c3d4e5"
MISTAKES = {
    "http": ("http://pay.example.com", "scheme"),
    "no scheme": ("pay.example.com", "scheme"),
    "upper-case host": ("https://Pay.example.com", "host"),
    "user name": ("https://me@pay.example.com", "host"),
    "dot at the end": ("https://pay.example.com.", "host"),
    "no host": ("https:///x", "host"),
    "needless port": ("https://pay.example.com:443", "port"),
    "needless port of localhost": ("http://localhost:80", "port"),
    "double slash": ("https://pay.example.com//api", "slashes"),
    "two slashes at the end": ("https://pay.example.com//", "slashes"),
    "query": ("https://pay.example.com?x=1", "query"),
    "fragment": ("https://pay.example.com#x", "query"),
    "empty query": ("https://pay.example.com?", "query"),
    "blank": ("https://pay.example.com/a b", "characters"),
    "%-code": ("https://pay.example.com/a%20b", "characters"),
    "other script": ("https://bücher.example.com", "characters"),
    "stage of the own API": (f"{OWN}/Prod", "prefix"),
    "whole redirect URI": ("https://pay.example.com/thinkific/oauth/callback", "prefix"),
}


def wrong(base: str, own: str = OWN) -> list[str]:
    """Return the checks that find something."""
    return [each.name for each in redirect_checks(base, own) if not each.ok]


@pytest.mark.parametrize("base", [OWN, "https://pay.example.com", "https://pay.example.com/api"])
def test_a_base_without_a_mistake_passes(base: str) -> None:
    assert wrong(base) == []


@pytest.mark.parametrize(
    "base", ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"]
)
def test_http_is_allowed_for_localhost(base: str) -> None:
    assert wrong(base) == []


def test_the_path_of_the_apis_own_url_is_allowed() -> None:
    assert wrong(LOCAL, LOCAL) == []


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found_by_its_check(mistake: str) -> None:
    base, check = MISTAKES[mistake]
    found = wrong(base)
    assert check in found
    assert mistake == "no scheme" or found == [check]


def test_every_check_has_its_own_message() -> None:
    checks = redirect_checks(OWN, OWN)
    assert len({each.name for each in checks}) == len({each.message for each in checks}) == 8


@pytest.mark.parametrize(
    ("base", "message"),
    [
        (OWN, "register it again"),
        ("https://pay.example.com", "must lead to the API"),
        ("https://pay.example.com/v1", "must lead to the API"),
    ],
)
def test_the_message_names_the_host_to_register(base: str, message: str) -> None:
    (check,) = [each for each in redirect_checks(base, OWN) if each.name == "registered"]
    assert check.ok
    assert message in check.message


def test_a_path_of_a_custom_domain_is_pointed_out() -> None:
    (check,) = [
        each for each in redirect_checks("https://x.example.com/v1", OWN) if each.name == "prefix"
    ]
    assert "/v1 is part of the URI" in check.message


@pytest.mark.parametrize("base", ["https://x.test", "https://x.test/", "https://x.test//"])
def test_a_trailing_slash_is_not_doubled(base: str) -> None:
    assert redirect_uri(base) == "https://x.test/thinkific/oauth/callback"
