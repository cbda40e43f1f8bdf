"""What a Thinkific site offers: courses and bundles (thinkific.md, Courses and bundles)."""

from collections.abc import Iterator

from lunas.domain.catalog_mapping import SiteBundle, SiteCourse
from lunas.platforms.thinkific.enrollments import every_item, object_id
from lunas.platforms.thinkific.fields import number, numbers, text
from lunas.platforms.thinkific.http import Missing, ThinkificApi


class SiteCatalog:
    """Reads what is offered, through all pages. Every method raises DeliveryError."""

    def __init__(self, api: ThinkificApi) -> None:
        self._api = api

    def courses(self) -> Iterator[SiteCourse]:
        """Return every course that the API shows, by its course id; never by its product's."""
        for row in every_item(self._api, "/courses", {}):
            yield SiteCourse(object_id(row), text(row, "name"))

    def bundles(self) -> Iterator[SiteBundle]:
        """Return every bundle: there is no list of them but among the products."""
        for product in every_item(self._api, "/products", {}):
            if text(product, "productable_type") == "Bundle":
                bundle = self._bundle(number(product, "productable_id"))
                if bundle is not None:
                    yield bundle

    def _bundle(self, bundle_id: int) -> SiteBundle | None:
        try:
            row = self._api.get(f"/bundles/{bundle_id}")
        except Missing:
            # Deleted since the list was read.
            return None
        return SiteBundle(bundle_id, text(row, "name"), frozenset(numbers(row, "course_ids")))
