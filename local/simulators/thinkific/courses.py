"""The GET routes of Thinkific Admin API, Courses, Products and Bundles.

Courses of the new course builder, and their products, are absent from all of them.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.thinkific.answers import Json, found, not_found
from local.simulators.thinkific.paging import page_of
from local.simulators.thinkific.records import Bundle, Course, Product
from local.simulators.thinkific.simulation import site_of

CURRENCY = "IDR"
CREATED = "2026-01-05T02:00:00.000Z"


async def list_courses(request: Request) -> Response:
    """Answer with the site's courses."""
    rows = [row for row in site_of(request).courses.values() if not row.new_builder]
    return page_of(request, rows, show_course)


async def get_course(request: Request) -> Response:
    """Answer with one course."""
    return JSONResponse(show_course(_course_of(request)))


async def list_chapters(request: Request) -> Response:
    """Answer with the chapters of one course; the seeded courses have none."""
    _course_of(request)
    return page_of(request, [], show_course)


async def list_products(request: Request) -> Response:
    """Answer with what the site sells; the only way to find its bundles."""
    rows = [row for row in site_of(request).products.values() if not row.new_builder]
    return page_of(request, rows, show_product)


async def get_product(request: Request) -> Response:
    """Answer with one product."""
    return JSONResponse(show_product(_product_of(request)))


async def list_related_products(request: Request) -> Response:
    """Answer with the products related to one product; the seeded ones stand alone."""
    _product_of(request)
    return page_of(request, [], show_product)


async def get_bundle(request: Request) -> Response:
    """Answer with one bundle."""
    return JSONResponse(show_bundle(bundle_of(request)))


async def list_bundle_courses(request: Request) -> Response:
    """Answer with the courses of one bundle."""
    courses = site_of(request).courses
    rows = [courses[course_id] for course_id in bundle_of(request).course_ids]
    return page_of(request, [row for row in rows if not row.new_builder], show_course)


def _course_of(request: Request) -> Course:
    course = site_of(request).courses.get(request.path_params["id"])
    if course is None or course.new_builder:
        raise not_found()
    return course


def _product_of(request: Request) -> Product:
    product = site_of(request).products.get(request.path_params["id"])
    if product is None or product.new_builder:
        raise not_found()
    return product


def bundle_of(request: Request) -> Bundle:
    """Return the bundle that the request's path names; raise a 404 when there is none."""
    return found(site_of(request).bundles.get(request.path_params["id"]))


def show_course(course: Course) -> Json:
    """Return a course as the API shows one (CourseResponse)."""
    return {
        "id": course.id,
        "name": course.name,
        "slug": course.slug,
        "subtitle": None,
        "product_id": course.product_id,
        "description": None,
        "keywords": None,
        "banner_image_url": _image("banner", course.slug),
        "course_card_image_url": _image("card", course.slug),
        "course_card_text": None,
        "duration": None,
        "chapter_ids": [],
        "administrator_user_ids": [],
        "instructor_id": None,
        "user_id": None,
        "reviews_enabled": False,
    }


def _image(kind: str, slug: str) -> str:
    """Return an address of an image; the real ones are never null, and typed clients rely on it."""
    return f"https://images.lunas.example/{kind}/{slug}.png"


def show_bundle(bundle: Bundle) -> Json:
    """Return a bundle as the API shows one (BundleResponse)."""
    return {
        "id": bundle.id,
        "name": bundle.name,
        "slug": f"bundle-{bundle.id}",
        "tagline": None,
        "description": None,
        "course_ids": list(bundle.course_ids),
        "banner_image_url": _image("banner", f"bundle-{bundle.id}"),
        "bundle_card_image_url": _image("card", f"bundle-{bundle.id}"),
    }


def show_product(product: Product) -> Json:
    """Return a product as the API shows one (ProductResponse)."""
    return {
        "id": product.id,
        "productable_id": product.productable_id,
        "productable_type": product.productable_type,
        "name": product.name,
        "slug": product.slug,
        "description": None,
        "price": f"{product.price}.0",
        "created_at": CREATED,
        "position": product.id % 1_000,
        "keywords": None,
        "seo_title": None,
        "seo_description": None,
        "status": "published",
        "private": False,
        "hidden": False,
        "subscription": False,
        "days_until_expiry": None,
        "has_certificate": False,
        "card_image_url": None,
        "collection_ids": [],
        "related_product_ids": [],
        "product_prices": [_show_price(product)],
    }


def _show_price(product: Product) -> Json:
    """Return the one price of a product, as text like the product's own."""
    return {
        "id": product.id + 5_000_000,
        "is_primary": True,
        "label": None,
        "payment_type": "one-time",
        "price": f"{product.price}.0",
        "currency": CURRENCY,
        "days_until_expiry": None,
        "price_name": None,
    }


routes = [
    Route("/courses", list_courses, methods=["GET"], name="listCourses"),
    Route("/courses/{id:int}", get_course, methods=["GET"], name="getCourse"),
    Route("/courses/{id:int}/chapters", list_chapters, methods=["GET"], name="listChapters"),
    Route("/products", list_products, methods=["GET"], name="listProducts"),
    Route("/products/{id:int}", get_product, methods=["GET"], name="getProduct"),
    Route(
        "/products/{id:int}/related",
        list_related_products,
        methods=["GET"],
        name="listRelatedProducts",
    ),
    Route("/bundles/{id:int}", get_bundle, methods=["GET"], name="getBundle"),
    Route(
        "/bundles/{id:int}/courses", list_bundle_courses, methods=["GET"], name="listBundleCourses"
    ),
]
