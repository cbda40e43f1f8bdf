"""The redirect URI, which is made from one setting and which Thinkific compares byte for byte.

Each common mistake has a check whose message explains the fix (docs/guides/thinkific-oauth.md).
"""

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

PATH = "/thinkific/oauth/callback"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
DEFAULT_PORTS = frozenset({("https", "443"), ("http", "80")})


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check: ``message`` states why the URI is right, or what to fix."""

    name: str
    ok: bool
    message: str


def redirect_uri(base: str) -> str:
    """Return the redirect URI of an API at ``base``, without a double slash."""
    return f"{base.rstrip('/')}{PATH}"


def redirect_checks(base: str, own: str) -> tuple[Check, ...]:
    """Check the configured base URL; ``own`` is the address of the API itself."""
    parts = urlsplit(base)
    return (
        _scheme(parts),
        _host(parts),
        _port(parts),
        _slashes(base, parts),
        _query(base),
        _characters(base),
        _prefix(base, own, parts),
        _own_host(own, parts),
    )


def _authority(parts: SplitResult) -> tuple[str, str]:
    """Return host and port as written, since case and a default port matter."""
    host, _, port = parts.netloc.rpartition(":")
    return (host, port) if host and port.isdigit() else (parts.netloc, "")


def _scheme(parts: SplitResult) -> Check:
    local = _authority(parts)[0] in LOOPBACK
    ok = parts.scheme == "https" or (parts.scheme == "http" and local)
    right = "https" if parts.scheme == "https" else "http, which is allowed for localhost"
    wrong = "Thinkific accepts https only, and http for localhost: begin with https://"
    return Check("scheme", ok, right if ok else wrong)


def _host(parts: SplitResult) -> Check:
    host = _authority(parts)[0]
    ok = bool(host) and host == host.lower() and "@" not in host and not host.endswith(".")
    wrong = (
        "browsers write a host in lower case, and Thinkific compares the text: write it in lower "
        "case, without a user name and without a dot at the end"
    )
    return Check("host", ok, "written in lower case" if ok else wrong)


def _port(parts: SplitResult) -> Check:
    ok = (parts.scheme, _authority(parts)[1]) not in DEFAULT_PORTS
    wrong = "the default port of a scheme makes another text of the same address: leave it out"
    return Check("port", ok, "no default port" if ok else wrong)


def _slashes(base: str, parts: SplitResult) -> Check:
    if "//" in parts.path:
        return Check(
            "slashes", ok=False, message="two slashes in a row are another path: leave one out"
        )
    if base.endswith("/"):
        return Check(
            "slashes", ok=True, message="Lunas removes the slash at the end of the setting"
        )
    return Check("slashes", ok=True, message="no double slash, and none at the end")


def _query(base: str) -> Check:
    ok = "?" not in base and "#" not in base
    wrong = "a query or fragment becomes part of the text and breaks the path: leave it out"
    return Check("query", ok, "no query and no fragment" if ok else wrong)


def _characters(base: str) -> Check:
    ok = base.isascii() and base.isprintable() and not set(base) & set(' %\\"<>')
    wrong = (
        "use only plain letters, digits and -._~/: no blank, no %-code, and a name in another "
        "script in its xn-- form"
    )
    return Check("characters", ok, "plain characters only" if ok else wrong)


def _prefix(base: str, own: str, parts: SplitResult) -> Check:
    path = parts.path.rstrip("/")
    if base.rstrip("/") == own or not path:
        return Check("prefix", ok=True, message="no path besides the API's own")
    if path.endswith(PATH):
        message = f"the setting is the base only: {PATH} is added to it"
        return Check("prefix", ok=False, message=message)
    if parts.netloc == urlsplit(own).netloc:
        message = f"the API answers at {own}, without {path}: this stack has no stage in its path"
        return Check("prefix", ok=False, message=message)
    return Check(
        "prefix",
        ok=True,
        message=f"{path} is part of the URI: map this path of the domain to the API",
    )


def _own_host(own: str, parts: SplitResult) -> Check:
    if parts.netloc == urlsplit(own).netloc:
        message = (
            "the API's own address; it changes when the stack is created again: register it again "
            "then"
        )
        return Check("registered", ok=True, message=message)
    message = (
        f"another host than the API's own ({own}): it must lead to the API, and must be the one "
        "registered"
    )
    return Check("registered", ok=True, message=message)
