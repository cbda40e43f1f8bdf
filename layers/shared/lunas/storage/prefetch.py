"""Reads several items at once, for a request that knows from its start what it will need."""

from collections.abc import Iterable, Sequence

from lunas.domain.enrollments import enrollment_id
from lunas.storage import keys
from lunas.storage.expressions import Item, Key
from lunas.storage.table import Table

type _Name = tuple[str, str]


class PrefetchedTable(Table):
    """The table, with items that were read together in advance.

    Each item is returned once; the next read of it goes to the table. The first single read of any
    other item, such as an open payment, drops all of them: the gateway may be asked about that
    payment, and items read before must not decide then.
    """

    def __init__(self, table: Table, wanted: Iterable[Key]) -> None:
        """Read the items at the keys: one BatchGetItem, consistently."""
        super().__init__(table.client, table.name)
        names = [_name(key) for key in wanted]
        found = table.get_many({"pk": pk, "sk": sk} for pk, sk in names)
        self._prefetched: dict[_Name, Item | None] = dict.fromkeys(names)
        self._prefetched |= {_name(item): item for item in found}

    def get(self, key: Key) -> Item | None:
        """Return an item as prefetched, or as it is now."""
        if _name(key) in self._prefetched:
            return self._prefetched.pop(_name(key))
        self._prefetched.clear()
        return super().get(key)

    def get_many(self, keys: Iterable[Key]) -> list[Item]:
        """Return the items that exist among ``keys``; those not prefetched are read now."""
        missing: list[Key] = []
        prefetched: list[Item | None] = []
        for key in keys:
            if _name(key) in self._prefetched:
                prefetched.append(self._prefetched.pop(_name(key)))
            else:
                missing.append(key)
        read = super().get_many(missing) if missing else []
        return [item for item in prefetched if item is not None] + read


def prefetch_purchase(
    table: Table, user_id: str, package_id: str, course_id: str | None, more: Sequence[Key] = ()
) -> PrefetchedTable:
    """Prefetch the items that decide a purchase, and ``more``.

    These are the package and, if a course is chosen, the course and the buyer's enrollment.
    """
    wanted = [keys.package(package_id), *more]
    if course_id is not None:
        wanted += [keys.course(course_id), keys.enrollment(enrollment_id(user_id, course_id))]
    return PrefetchedTable(table, wanted)


def _name(key: Item) -> _Name:
    return key["pk"], key["sk"]
