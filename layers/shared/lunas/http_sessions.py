"""Sessions for the APIs that Lunas calls by ``requests``.

For each new connection requests reads the list of certificate authorities, which takes a multiple
of what all the rest of a callback takes (docs/reference/benchmarks.md, A call by TLS). These
sessions read it once in a process.
"""

import ssl
import time
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any, override

import certifi
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import create_urllib3_context

type Certificate = str | tuple[str, str] | None

IDLE = 20.0
"""Seconds after which a connection is not trusted any more: Lambda may have held the process in
between, and then nobody has heard the other side hang up."""


def fresh_session() -> requests.Session:
    """Return a session with connections of its own; it sends no cookie back."""
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.mount("https://", _OneList())
    return session


class KeptSession:
    """A session that is used again for as long as its connections are likely to live."""

    def __init__(self) -> None:
        self._session, self._used = fresh_session(), time.time()

    def current(self) -> requests.Session:
        """Return the session, a new one after a pause; its user may still find it cut off.

        By the clock of the day, since others may stand still while the process is held.
        """
        moment = time.time()
        if not 0 <= moment - self._used <= IDLE:
            self._session.close()
            self._session = fresh_session()
        self._used = moment
        return self._session


class _OneList(HTTPAdapter):
    """Checks servers by the list that the process has read, unless another list is named."""

    @override
    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Certificate = None
    ) -> Any:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        if verify is True and cert is None:
            pool["ssl_context"] = _authorities()
        return host, pool

    @override
    def cert_verify(self, *_: object) -> None:
        """Leave the pool as it is: it was made for its list, and would read requests' as well."""


@cache
def _authorities() -> ssl.SSLContext:
    context = create_urllib3_context()
    context.load_verify_locations(certifi.where())
    return context
