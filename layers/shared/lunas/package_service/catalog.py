"""The catalog of the owner's package service, where one is configured.

It has the same routes as Lunas' own catalog: ``GET /packages``, ``GET /packages/{id}`` and
``GET /courses``. The course ids at the platform and the counters stay in the table. A response is
cached for a minute. While the service does not respond, or responds with invalid data, nothing is
sold: no payment is better than one without courses.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import jwt
from aws_lambda_powertools.utilities.parameters import BaseProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from lunas.domain.catalog import MAX_COURSES, Course, Package, PackageKind
from lunas.domain.errors import CatalogUnavailable, ConfigurationError
from lunas.domain.texts import kept_link, prose
from lunas.domain.users import PaymentType
from lunas.http_sessions import KeptSession
from lunas.platforms import json_names
from lunas.storage.catalog import Catalog

MAX_AGE = 60
"""Seconds for which a response is cached."""
TIMEOUT = (2.0, 3.0)
"""Seconds to connect, and to wait for a response."""
SUBJECT = "lunas"
"""Of the tokens with which Lunas calls the service."""
LIFETIME = 300
"""Seconds for which such a token is valid."""
NOTHING = "null"
MAX_TEXT, MAX_DESCRIPTION = 200, 2_000
MAX_NUMBER = 2**53
LOWEST_PRICE, HIGHEST_PRICE = 10_000, 1_000_000_000
"""Whole rupiah, as in our own catalog."""


class PackageServiceProvider(BaseProvider):
    """Fetches JSON texts from the package service; Powertools caches them."""

    def __init__(self, url: str, headers: Callable[[], Mapping[str, str]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._url = url.rstrip("/")
        self._headers = headers
        self._session = KeptSession()

    def _get(self, name: str, **_options: object) -> str:
        answer = self._session.current().get(
            f"{self._url}{name}", headers=dict(self._headers()), timeout=TIMEOUT
        )
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return NOTHING
        answer.raise_for_status()
        return answer.text

    def _get_multiple(self, path: str, **_options: object) -> dict[str, str]:
        raise NotImplementedError(path)


@dataclass(frozen=True)
class PackageServiceCatalog(Catalog):
    """Reads packages and courses from the service, and merges in the table's data."""

    provider: PackageServiceProvider

    def package(self, package_id: str) -> Package | None:
        """Return a package, or None; raises CatalogUnavailable."""
        found = self._fetch(f"/packages/{quote(package_id, safe='')}")
        if found is None:
            return None
        package = _read(_package, found)
        if package.id != package_id:
            raise CatalogUnavailable("the package service answers another package; try again")
        return package

    def packages(self) -> list[Package]:
        """Return all packages; raises CatalogUnavailable."""
        return [_read(_package, each) for each in self._items("/packages")]

    def course(self, course_id: str) -> Course | None:
        """Return a course, or None; raises CatalogUnavailable."""
        return next(iter(self.courses([course_id])), None)

    def courses(self, course_ids: Iterable[str] | None = None) -> list[Course]:
        """Return all courses, or those of ``course_ids`` that exist, in that order."""
        known = {each.id: each for each in (_read(_course, row) for row in self._items("/courses"))}
        wanted = list(known if course_ids is None else course_ids)
        own = {each.id: each for each in super().courses(wanted)}
        return [_merged(known[each], own.get(each)) for each in wanted if each in known]

    def _items(self, path: str) -> list[Any]:
        found = self._fetch(path)
        if not isinstance(found, dict) or not isinstance(found.get("items"), list):
            raise CatalogUnavailable("the package service answers without a list; try again")
        items: list[Any] = found["items"]
        return items

    def _fetch(self, path: str) -> Any:  # noqa: ANN401
        try:
            return json.loads(str(self.provider.get(path, max_age=MAX_AGE)))
        except (GetParameterError, ValueError, RecursionError):
            raise CatalogUnavailable("the package service does not answer; try again") from None


def _merged(course: Course, own: Course | None) -> Course:
    if own is None:
        return course
    mapped = own.platform_course_id or course.platform_course_id
    gone = own.gone_platform_id
    return replace(course, platform_course_id=mapped, enrolled=own.enrolled, gone_platform_id=gone)


def _read[T](read: Callable[[Mapping[str, Any]], T], row: Mapping[str, Any]) -> T:
    try:
        return read(row)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise CatalogUnavailable("the package service answers nonsense; try again") from None


def _package(row: Mapping[str, Any]) -> Package:
    courses = row["courseIds"]
    _require(isinstance(courses, list) and 1 <= len(courses) <= MAX_COURSES)
    ids = tuple(_text(each) for each in courses)
    _require(len(set(ids)) == len(ids))
    prices = {PaymentType(name): _rupiah(price) for name, price in row["prices"].items()}
    return Package(
        id=_text(row["id"]),
        kind=PackageKind(row["kind"]),
        name=_text(row["name"]),
        prices=prices,
        course_ids=ids,
        access_days=_number(row.get("accessDays"), 1),
        platform_bundle_id=json_names.from_json(_number(row.get(json_names.BUNDLE_ID), 1)),
        # Invalid descriptions and images do not stop a sale: they are only shown.
        description=_described(row.get("description")),
        image_url=kept_link(row.get("imageUrl")),
        on_sale=_choice(row.get("onSale")),
    )


def _course(row: Mapping[str, Any]) -> Course:
    return Course(
        id=_text(row["id"]),
        name=_text(row["name"]),
        platform_course_id=json_names.from_json(_number(row.get(json_names.COURSE_ID), 1)),
        quota=_number(row.get("quota"), 0),
    )


def _require(fact: bool) -> None:  # noqa: FBT001
    if not fact:
        raise ValueError("not as agreed")


def _text(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT:
        raise ValueError("not a text")
    return value


def _described(value: object) -> str | None:
    return prose(value)[:MAX_DESCRIPTION] or None if isinstance(value, str) else None


def _choice(value: object) -> bool:
    """Read a boolean that is true by default."""
    _require(value is None or isinstance(value, bool))
    return value is not False


def _number(value: object, least: int) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < MAX_NUMBER:
        raise ValueError("not a number")
    return value


def _rupiah(value: object) -> int:
    price = _number(value, LOWEST_PRICE)
    if price is None or price > HIGHEST_PRICE:
        raise ValueError("not a price")
    return price


def service_headers(keys: Mapping[str, Any], scope: str) -> dict[str, str]:
    """Return the headers of a call as a service, with a new token of the services' trust domain.

    ``keys`` is the auth secret, ``scope`` a space-separated list. Raises ConfigurationError.
    """
    domain, api_key = keys.get("service") or {}, keys.get("serviceApiKey")
    if not domain.get("secret") or not api_key:
        raise ConfigurationError("service.secret or serviceApiKey is missing in the auth secret")
    now = int(time.time())
    claims = {
        "sub": SUBJECT,
        "role": "SERVICE",
        "scope": scope,
        "iss": domain.get("issuer"),
        "aud": domain.get("audience"),
        "iat": now,
        "exp": now + LIFETIME,
    }
    token = jwt.encode(claims, domain["secret"], algorithm="HS256")
    return {"Authorization": f"Bearer {token}", "x-api-key": api_key}
