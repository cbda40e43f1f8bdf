"""The catalog: public to read, for admins to edit. Also GET and HEAD /health."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.event_handler.openapi.params import Path

from lunas.api.app import LunasApi
from lunas.api.auth import ADMINS, PUBLIC
from lunas.api.catalog_responses import CourseView, PackageView, course_view, package_view
from lunas.api.catalogs import SETTING, catalog
from lunas.api.requests import CourseBody, Id, PackageBody
from lunas.api.responses import ListView
from lunas.aws import clients
from lunas.aws.settings import optional
from lunas.domain.catalog import Course, Package, PackageKind
from lunas.domain.errors import Conflict, InvalidInput, NotFound
from lunas.observability import logger
from lunas.platforms import json_names
from lunas.storage.catalog import Catalog
from lunas.storage.table import Table

if TYPE_CHECKING:
    from lunas.services.repositories import CatalogRepository

clients.prepare(clients.dynamodb)

api = LunasApi()


class HealthView(TypedDict):
    """The API answers."""

    status: Literal["ok"]


def _own_catalog() -> Catalog:
    return Catalog(Table.from_environment())


def _sold_catalog() -> "CatalogRepository":
    return catalog(Table.from_environment())


@api.on("GET", "/packages", PUBLIC)
def list_packages() -> ListView[PackageView]:
    """List the packages that are on sale; to admins, all of them.

    Raises CatalogUnavailable.
    """
    sold = _sold_catalog()
    if not api.is_admin_asking:
        return {"items": [package_view(each) for each in sold.packages() if each.on_sale]}
    gone = {each.id for each in sold.courses() if each.gone}
    return {"items": [_admin_view(each, gone) for each in sold.packages()]}


@api.on("GET", "/packages/{id}", PUBLIC)
def get_package(package_id: Annotated[Id, Path(alias="id")]) -> PackageView:
    """Show a package; one that is not on sale to admins only.

    Raises NotFound and CatalogUnavailable.
    """
    sold = _sold_catalog()
    package = sold.package(package_id)
    if package is not None and api.is_admin_asking:
        return _admin_view(package, _gone(sold, package))
    if package is None or not package.on_sale:
        raise NotFound("there is no such package")
    return package_view(package)


def _gone(sold: "CatalogRepository", package: Package) -> set[str]:
    return {each.id for each in sold.courses(package.course_ids) if each.gone}


def _admin_view(package: Package, gone: set[str]) -> PackageView:
    """Show a package as admins see it, with the courses that are gone at the platform."""
    return package_view(package, [each for each in package.course_ids if each in gone])


@api.on("PUT", "/packages/{id}", ADMINS)
def put_package(package_id: Annotated[Id, Path(alias="id")], body: PackageBody) -> PackageView:
    """Write a package; purchases already made keep their price and courses.

    Raises Conflict.
    """
    if optional(SETTING):
        raise Conflict("packages are edited in the package service")
    prices = body.prices.to_rules()
    if not prices:
        raise InvalidInput.of("prices", "must hold a price for DIKE or UMUM")
    if len(set(body.course_ids)) != len(body.course_ids):
        raise InvalidInput.of("courseIds", "must not name a course twice")
    own = _own_catalog()
    courses = own.courses(body.course_ids)
    known = {course.id for course in courses}
    if unknown := [each for each in body.course_ids if each not in known]:
        raise InvalidInput.of("courseIds", f"there is no course {', '.join(unknown)}")
    if body.platform_bundle_id is not None and body.kind is not PackageKind.BUNDLE:
        raise InvalidInput.of(json_names.BUNDLE_ID, "is for packages of kind BUNDLE")
    package = Package(
        id=package_id,
        kind=body.kind,
        name=body.name,
        prices=prices,
        course_ids=tuple(body.course_ids),
        access_days=body.access_days,
        platform_bundle_id=json_names.from_json(body.platform_bundle_id),
        description=body.description,
        image_url=body.image_url,
        on_sale=body.on_sale is not False,
    )
    written = own.put_package(package, keep_on_sale=body.on_sale is None)
    logger.info("package written", package_id=package_id, on_sale=written.on_sale)
    return _admin_view(written, {each.id for each in courses if each.gone})


@api.on("GET", "/courses", PUBLIC)
def list_courses() -> ListView[CourseView]:
    """List all courses.

    Raises CatalogUnavailable.
    """
    to_admin = api.is_admin_asking
    return {"items": [course_view(each, to_admin=to_admin) for each in _sold_catalog().courses()]}


@api.on("PUT", "/courses/{id}", ADMINS)
def put_course(course_id: Annotated[Id, Path(alias="id")], body: CourseBody) -> CourseView:
    """Write a course; its counter stays."""
    mapped = json_names.from_json(body.platform_course_id)
    written = _own_catalog().put_course(Course(course_id, body.name, mapped, body.quota))
    logger.info("course written", course_id=course_id)
    return course_view(written, to_admin=True)


@api.on("GET", "/health", PUBLIC)
def get_health() -> HealthView:
    """Show that the API answers."""
    return {"status": "ok"}


@api.on("HEAD", "/health", PUBLIC, {200: {"description": "The API answers", "content": {}}})
def head_health() -> Response[str]:
    """Show that the API answers, without a body, as monitors ask for it."""
    return Response(HTTPStatus.OK, content_type=content_types.APPLICATION_JSON, body="")


handler = api.resolve
