"""Keys and indexes of the table, as template.yaml has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.support.template import table_properties

type Wire = dict[str, Any]


@dataclass(frozen=True)
class Index:
    """The keys of the table or of a global secondary index, and which attributes it holds.

    Either key of an index may have up to four attributes, listed in the order of the key schema.
    ``attributes`` includes the keys; None stands for whole items.
    """

    partition: tuple[str, ...]
    sort: tuple[str, ...]
    attributes: frozenset[str] | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the attributes that an item needs to be in the index."""
        return self.partition + self.sort

    def key_of(self, item: Wire) -> Wire:
        """Return what a page after this item starts with: its keys in the index and the table."""
        return {name: item[name] for name in (*TABLE.keys, *self.keys)}

    def projected(self, item: Wire) -> Wire:
        """Return what the index holds of an item."""
        if self.attributes is None:
            return item
        return {name: value for name, value in item.items() if name in self.attributes}


TABLE = Index(("pk",), ("sk",))


@dataclass(frozen=True)
class Schema:
    """The types of all keys, and the indexes by name."""

    types: Mapping[str, str]
    indexes: Mapping[str, Index]


@cache
def schema() -> Schema:
    """Return the schema of template.yaml."""
    return schema_of(table_properties())


def schema_of(properties: Mapping[str, Any]) -> Schema:
    """Return the schema of a table with keys ``pk`` and ``sk``, as CreateTable takes it."""
    definitions, indexes = properties["AttributeDefinitions"], properties["GlobalSecondaryIndexes"]
    return Schema(
        types={each["AttributeName"]: each["AttributeType"] for each in definitions},
        indexes={each["IndexName"]: _index(each) for each in indexes},
    )


def _index(properties: Mapping[str, Any]) -> Index:
    partition, sort = (
        tuple(key["AttributeName"] for key in properties["KeySchema"] if key["KeyType"] == kind)
        for kind in ("HASH", "RANGE")
    )
    projection = properties["Projection"]
    if projection["ProjectionType"] == "ALL":
        return Index(partition, sort)
    included = projection.get("NonKeyAttributes", ())
    return Index(partition, sort, frozenset({*TABLE.keys, *partition, *sort, *included}))
