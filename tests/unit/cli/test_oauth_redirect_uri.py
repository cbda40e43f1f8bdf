"""The command that prints the redirect URI, then the result of its checks."""

from lunas.cli.oauth_redirect_uri import show

OWN = "https://a1b2c3d4e5.execute-api.ap-southeast-3.amazonaws.com"


def shown(base: str) -> tuple[int, list[str]]:
    lines: list[str] = []
    return show(base, OWN, lines.append), lines


def test_the_first_line_is_the_uri_alone() -> None:
    code, lines = shown(OWN)
    assert (code, lines[0]) == (0, f"{OWN}/thinkific/oauth/callback")
    assert all(line.startswith("ok ") for line in lines[1:])


def test_a_mistake_is_named_and_fails_the_command() -> None:
    code, lines = shown("https://Pay.example.com")
    assert code == 1
    assert [line.split()[1] for line in lines if line.startswith("FIX")] == ["host"]
