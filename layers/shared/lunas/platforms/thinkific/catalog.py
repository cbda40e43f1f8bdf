"""The courses and bundles of a Thinkific site (thinkific.md, Courses and bundles)."""

from collections.abc import Iterator

from lunas.domain.catalog_mapping import SiteBundle, SiteCourse
from lunas.platforms.thinkific.enrollments import every_item, object_id
from lunas.platforms.thinkific.fields import number, numbers, text
from lunas.platforms.thinkific.http import Missing, ThinkificApi


class SiteCatalog:
    """Reads all pages of courses and bundles. Every method raises DeliveryError."""

    def __init__(self, api: ThinkificApi) -> None:
        self._api = api

    def courses(self) -> Iterator[SiteCourse]:
        """Return every course that the API shows, with its course id, not its product id."""
        for course in every_item(self._api, "/courses", {}):
            yield SiteCourse(object_id(course), text(course, "name"))

    def bundles(self) -> Iterator[SiteBundle]:
        """Return every bundle. Only the list of products names them."""
        for product in every_item(self._api, "/products", {}):
            if text(product, "productable_type") == "Bundle":
                bundle = self._bundle(number(product, "productable_id"))
                if bundle is not None:
                    yield bundle

    def _bundle(self, bundle_id: int) -> SiteBundle | None:
        try:
            bundle = self._api.get(f"/bundles/{bundle_id}")
        except Missing:
            # Deleted since the list was read.
            return None
        return SiteBundle(bundle_id, text(bundle, "name"), frozenset(numbers(bundle, "course_ids")))
