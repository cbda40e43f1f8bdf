"""Sessions for the APIs that Lunas calls with ``requests``.

``requests`` reads the list of certificate authorities for each new connection, which takes several
times as long as the rest of a callback (docs/reference/benchmarks.md, A call by TLS). These
sessions read it once for each process.
"""

import os
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
"""Seconds after which a connection is not used again: Lambda may have frozen the process in
between, so that it missed the server closing the connection."""


def fresh_session() -> requests.Session:
    """Return a session with connections of its own.

    It sends no cookie back. Of the environment it reads the list of authorities only:
    ``requests`` would search it, and ``.netrc``, for proxies and passwords with each request.
    """
    session = requests.Session()
    session.trust_env = False
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.mount("https://", _OneList())
    return session


class KeptSession:
    """A session that is reused as long as its connections are likely to be open."""

    def __init__(self) -> None:
        self._session, self._used = fresh_session(), time.time()

    def current(self) -> requests.Session:
        """Return the session, a new one after a pause; its connection may still be closed.

        It uses wall-clock time, since monotonic clocks may stop while the process is frozen.
        """
        moment = time.time()
        if not 0 <= moment - self._used <= IDLE:
            self._session.close()
            self._session = fresh_session()
        self._used = moment
        return self._session


class _OneList(HTTPAdapter):
    """Verifies servers with the list that the process has read, unless another one is given."""

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
        """Keep the pool's own list: the base class would read that of ``requests`` as well."""


@cache
def _authorities() -> ssl.SSLContext:
    context = create_urllib3_context()
    context.load_verify_locations(certifi.where())
    return context
