"""Which site an address means, and which hosts are this machine.

At Thinkific every site has a host of its own, ``{subdomain}.thinkific.com``. One loopback server
stands for all of them, and an address can name the site in two ways: by its host,
``http://{subdomain}.localhost:PORT``, or by its path, ``http://127.0.0.1:PORT/sites/{subdomain}``.
Browsers resolve the former, many HTTP libraries do not. A plain origin names none.
"""

from ipaddress import ip_address

from starlette.requests import Request

SITE_PATH = "/sites/{subdomain}"
SITE_DOMAINS = (".localhost", ".thinkific.com")


def named_subdomain(request: Request) -> str | None:
    """Return the subdomain that the address names, None on a plain origin."""
    named = request.path_params.get("subdomain")
    if named is not None:
        return str(named)
    host = request.url.hostname or ""
    domain = next((one for one in SITE_DOMAINS if host.endswith(one)), None)
    return host.removesuffix(domain) if domain else None


def is_loopback(host: str) -> bool:
    """Return whether a host name or address always means the machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
