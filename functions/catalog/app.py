"""The catalog: everybody reads it, admins edit it. Also GET and HEAD /health."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas.api.app import LunasApi
from lunas.api.auth import ADMINS, PUBLIC
from lunas.api.catalogs import SETTING, catalog
from lunas.api.requests import CourseBody, Id, PackageBody
from lunas.api.responses import course_view, package_view
from lunas.aws import clients
from lunas.aws.settings import optional
from lunas.domain.catalog import Course, Package, PackageKind
from lunas.domain.errors import Conflict, InvalidInput, NotFound
from lunas.observability import logger
from lunas.platforms import json_names
from lunas.storage.catalog import Catalog
from lunas.storage.table import Table

if TYPE_CHECKING:
    from lunas.services.repositories import CatalogReader, CatalogShelf

clients.prepare(clients.dynamodb)

api = LunasApi()


def _catalog() -> Catalog:
    return Catalog(Table.from_environment())


def _shelf() -> "CatalogShelf":
    return catalog(Table.from_environment())


@api.on("GET", "/packages", PUBLIC)
def list_packages() -> dict[str, Any]:
    """List what is on sale; to admins everything, with what is wrong with it."""
    shelf = _shelf()
    if not api.is_admin_asking:
        return {"items": [package_view(each) for each in shelf.packages() if each.on_sale]}
    gone = {each.id for each in shelf.courses() if each.gone}
    return {"items": [_whole_view(each, gone) for each in shelf.packages()]}


@api.on("GET", "/packages/{id}", PUBLIC)
def get_package(package_id: Annotated[Id, Path(alias="id")]) -> dict[str, Any]:
    """Show a package."""
    shelf = _shelf()
    package = shelf.package(package_id)
    if package is not None and api.is_admin_asking:
        return _whole_view(package, _gone(shelf, package))
    if package is None or not package.on_sale:
        raise NotFound("there is no such package")
    return package_view(package)


def _gone(shelf: "CatalogReader", package: Package) -> set[str]:
    return {each.id for each in shelf.courses(package.course_ids) if each.gone}


def _whole_view(package: Package, gone: set[str]) -> dict[str, Any]:
    """Show a package as admins see it."""
    return package_view(package, [each for each in package.course_ids if each in gone])


@api.on("PUT", "/packages/{id}", ADMINS)
def put_package(package_id: Annotated[Id, Path(alias="id")], body: PackageBody) -> dict[str, Any]:
    """Write a package; purchases already made keep what they were made with."""
    if optional(SETTING):
        raise Conflict("packages are edited in the package service")
    prices = body.prices.to_rules()
    if not prices:
        raise InvalidInput.of("prices", "must hold a price for DIKE or UMUM")
    if len(set(body.course_ids)) != len(body.course_ids):
        raise InvalidInput.of("courseIds", "must not name a course twice")
    own = _catalog()
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
        platform_bundle_id=body.platform_bundle_id,
        description=body.description,
        image_url=body.image_url,
        on_sale=body.on_sale is not False,
    )
    written = own.put_package(package, keep_on_sale=body.on_sale is None)
    logger.info("package written", package_id=package_id, on_sale=written.on_sale)
    return _whole_view(written, {each.id for each in courses if each.gone})


@api.on("GET", "/courses", PUBLIC)
def list_courses() -> dict[str, Any]:
    """List all courses."""
    whole = api.is_admin_asking
    return {"items": [course_view(each, whole=whole) for each in _shelf().courses()]}


@api.on("PUT", "/courses/{id}", ADMINS)
def put_course(course_id: Annotated[Id, Path(alias="id")], body: CourseBody) -> dict[str, Any]:
    """Write a course; its counter stays."""
    written = _catalog().put_course(
        Course(course_id, body.name, body.platform_course_id, body.quota)
    )
    logger.info("course written", course_id=course_id)
    return course_view(written, whole=True)


@api.on("GET", "/health", PUBLIC)
def health() -> dict[str, str]:
    """Tell that the API answers."""
    return {"status": "ok"}


@api.on("HEAD", "/health", PUBLIC)
def health_head() -> Response[str]:
    """Tell that the API answers, in the headers alone, as monitors ask for it."""
    return Response(HTTPStatus.OK, content_type=content_types.APPLICATION_JSON, body="")


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    return api.resolve(event, context)
