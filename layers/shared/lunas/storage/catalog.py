"""The catalog in the table."""

from collections.abc import Iterable
from dataclasses import dataclass

from lunas.domain.catalog import Course, Package, PackageKind
from lunas.domain.users import PaymentType
from lunas.storage import keys
from lunas.storage.expressions import Change, Item, placeholders
from lunas.storage.table import Table


def _package_from(item: Item) -> Package:
    return Package(
        id=item["id"],
        kind=PackageKind(item["kind"]),
        name=item["name"],
        prices={PaymentType(name): int(price) for name, price in item["prices"].items()},
        course_ids=tuple(item["courseIds"]),
        access_days=_number(item, "accessDays"),
        platform_bundle_id=item.get("platformBundleId"),
        description=item.get("description"),
        image_url=item.get("imageUrl"),
        on_sale=item.get("onSale", True),
    )


def _course_from(item: Item) -> Course:
    return Course(
        id=item["id"],
        name=str(item.get("name", item["id"])),
        platform_course_id=item.get("platformCourseId"),
        quota=_number(item, "quota"),
        enrolled=int(item.get("enrolled", 0)),
        platform_name=item.get("platformName"),
        gone_platform_id=item.get("gonePlatformId"),
    )


def _number(item: Item, name: str) -> int | None:
    return int(item[name]) if name in item else None


@dataclass(frozen=True, slots=True)
class Catalog:
    """Reads and writes packages and courses."""

    table: Table

    def package(self, package_id: str) -> Package | None:
        """Read a package: one GetItem."""
        item = self.table.get(keys.package(package_id))
        return _package_from(item) if item else None

    def packages(self) -> list[Package]:
        """Read all packages, ordered by id."""
        return [_package_from(item) for item in self._partition(keys.package("")["pk"])]

    def course(self, course_id: str) -> Course | None:
        """Read a course: one GetItem."""
        item = self.table.get(keys.course(course_id))
        return _course_from(item) if item else None

    def courses(self, course_ids: Iterable[str] | None = None) -> list[Course]:
        """Read all courses, ordered by id, or those of ``course_ids`` that exist, in that order."""
        if course_ids is None:
            return [_course_from(item) for item in self._partition(keys.course("")["pk"])]
        wanted = list(course_ids)
        found = {item["id"]: item for item in self.table.get_many(map(keys.course, wanted))}
        return [_course_from(found[each]) for each in wanted if each in found]

    def put_package(self, package: Package, *, keep_on_sale: bool = False) -> Package:
        """Write a package, replacing an older one; payments keep their own copy.

        With ``keep_on_sale``, an existing package stays on or off sale; only a new one takes this
        from ``package``. Returns the stored package.
        """
        on_sale = {"onSale": package.on_sale}
        changed = {
            "type": "package",
            "id": package.id,
            "kind": package.kind,
            "name": package.name,
            "prices": dict(package.prices),
            "courseIds": list(package.course_ids),
            "accessDays": package.access_days,
            "platformBundleId": package.platform_bundle_id,
            "description": package.description,
            "imageUrl": package.image_url,
        }
        change = (
            Change(changed, set_if_missing=on_sale) if keep_on_sale else Change(changed | on_sale)
        )
        _, item = self.table.update_returning(keys.package(package.id), change)
        return _package_from(item)

    def put_course(self, course: Course) -> Course:
        """Write a course but keep its counter; return it with the current counter."""
        changed = {
            "type": "course",
            "id": course.id,
            "name": course.name,
            "platformCourseId": course.platform_course_id,
            "quota": course.quota,
            # The course may now be mapped to another one, whose name the next sync notes.
            "platformName": None,
        }
        change = Change(changed, adds={"enrolled": 0})
        _, item = self.table.update_returning(keys.course(course.id), change)
        return _course_from(item)

    def note_platform_name(self, course: Course, name: str) -> bool:
        """Note the platform's name of a course, unless the mapping changed meanwhile."""
        return self._note(course, {"platformName": name, "gonePlatformId": None})

    def note_gone(self, course: Course) -> bool:
        """Note that the platform does not show a course, unless the mapping changed meanwhile."""
        return self._note(course, {"gonePlatformId": course.platform_course_id})

    def _note(self, course: Course, found: Item) -> bool:
        change = Change(
            found,
            condition="#platformCourseId = :mapped",
            given={"mapped": course.platform_course_id},
        )
        return self.table.update(keys.course(course.id), change)

    def _partition(self, partition: str) -> list[Item]:
        request = {
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": placeholders({"pk": partition}),
        }
        items, last = self.table.query(request)
        while last:
            more, last = self.table.query(request, last)
            items += more
        return items
