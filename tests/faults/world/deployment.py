"""What a deployment has beside the code: environment, secrets, catalog."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from local.simulators.thinkific.site import Site
from lunas.domain.catalog import Course, Package, PackageKind
from lunas.domain.users import PaymentType
from lunas.storage.catalog import Catalog
from lunas.storage.table import Table
from tests.faults.world.aws import queue_url
from tests.support.api_requests import AUTH_SECRET

SAMPLE = Path(__file__).parents[3] / "local" / "sample" / "catalog.json"
MERCHANT, KEY = "DS12345", "0123456789abcdef0123456789abcdef"
SUBDOMAIN, THINKIFIC_KEY = "shop", "thinkific-key"
CACHE: dict[str, Any] = {
    "auth": AUTH_SECRET,
    "duitku": {"merchantCode": MERCHANT, "apiKey": KEY},
    "thinkific": {"apiKey": THINKIFIC_KEY},
}
INVOICE_MINUTES = 60
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "ap-southeast-3",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "TABLE_NAME": "lunas",
    "AUTH_SECRET_ID": "auth",
    "DUITKU_SECRET_ID": "duitku",
    "THINKIFIC_SECRET_ID": "thinkific",
    "DUITKU_API_URL": "https://v2.test",
    "DUITKU_POP_URL": "https://pop.test",
    "DUITKU_CALLBACK_URL": "https://lunas.test/callback",
    "RETURN_URL": "https://shop.test/back",
    "INVOICE_MINUTES": str(INVOICE_MINUTES),
    "THINKIFIC_API_URL": "https://thinkific.test",
    "THINKIFIC_SUBDOMAIN": SUBDOMAIN,
    "PLATFORM_WEBHOOK_URL": "https://lunas.test/webhooks/thinkific",
    "THINKIFIC_REQUESTS_PER_MINUTE": "110",
    "DELIVERY_QUEUE_URL": queue_url("DeliveryQueue"),
    "DEAD_LETTER_QUEUE_URL": queue_url("DeadLetterQueue"),
    "SALE_REPORT_QUEUE_URL": queue_url("SaleReportQueue"),
    "SALE_REPORT_DEAD_LETTER_QUEUE_URL": queue_url("SaleReportDeadLetterQueue"),
    "EXTERNAL_ORDER_FACTOR": "100",
}


@cache
def sample() -> dict[str, Any]:
    """Return the sample catalog."""
    found: dict[str, Any] = json.loads(SAMPLE.read_text())
    return found


def fill_catalog(site: Site) -> None:
    """Write the sample catalog, each course mapped to its namesake at Thinkific."""
    ids = {course.name: str(course.id) for course in site.courses.values()}
    catalog = Catalog(Table.from_environment())
    for name, course in sample()["courses"].items():
        mapped = ids[course["name"]]
        catalog.put_course(Course(name, course["name"], platform_course_id=mapped))
    for name, package in sample()["packages"].items():
        prices = {PaymentType(kind): price for kind, price in package["prices"].items()}
        kind, courses = PackageKind(package["kind"]), tuple(package["courseIds"])
        catalog.put_package(Package(name, kind, package["name"], prices, courses))
