"""One read in place of several, for a request that can name from its start what it will ask for."""

from collections.abc import Iterable, Sequence

from lunas.domain.enrollments import enrollment_id
from lunas.storage import keys
from lunas.storage.expressions import Item, Key
from lunas.storage.table import Table

type _Name = tuple[str, str]


class PrefetchedTable(Table):
    """The table, with items that were read together before they are asked for one by one.

    Each is given once: whoever asks again asks the table. All are forgotten with the first
    single item that was not foreseen, such as a payment that is open already: the gateway may be
    asked about it, and what was true before must not decide then.
    """

    def __init__(self, table: Table, wanted: Iterable[Key]) -> None:
        """Read what stands at the keys: one BatchGetItem, consistently."""
        super().__init__(table.client, table.name)
        names = [_name(key) for key in wanted]
        found = table.get_many({"pk": pk, "sk": sk} for pk, sk in names)
        self._foreseen: dict[_Name, Item | None] = dict.fromkeys(names)
        self._foreseen |= {_name(item): item for item in found}

    def get(self, key: Key) -> Item | None:
        """Give one item: as it was read, or as it is now."""
        if _name(key) in self._foreseen:
            return self._foreseen.pop(_name(key))
        self._foreseen.clear()
        return super().get(key)

    def get_many(self, keys: Iterable[Key]) -> list[Item]:
        """Give the items that exist among ``keys``; what was not foreseen is read now."""
        unforeseen: list[Key] = []
        given: list[Item | None] = []
        for key in keys:
            if _name(key) in self._foreseen:
                given.append(self._foreseen.pop(_name(key)))
            else:
                unforeseen.append(key)
        read = super().get_many(unforeseen) if unforeseen else []
        return [item for item in given if item is not None] + read


def prefetch_purchase(
    table: Table, user_id: str, package_id: str, course_id: str | None, more: Sequence[Key] = ()
) -> PrefetchedTable:
    """Read ahead what a purchase is decided by, and ``more``.

    That is the package and, if a course is chosen, the course itself and the buyer's enrollment.
    """
    wanted = [keys.package(package_id), *more]
    if course_id is not None:
        wanted += [keys.course(course_id), keys.enrollment(enrollment_id(user_id, course_id))]
    return PrefetchedTable(table, wanted)


def _name(key: Item) -> _Name:
    return key["pk"], key["sk"]
