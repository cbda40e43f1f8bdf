"""Keys and indexes of the table, as template.yaml has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.support.template import table_properties


@dataclass(frozen=True)
class Index:
    """Keys of a global secondary index, and whether it holds only the keys."""

    partition: str
    sort: str
    keys_only: bool


TABLE = Index("pk", "sk", keys_only=False)


@dataclass(frozen=True)
class Schema:
    """The keys of the table, the types of all keys, and the indexes by name."""

    table: frozenset[str]
    types: Mapping[str, str]
    indexes: Mapping[str, Index]


@cache
def schema() -> Schema:
    """Return the schema of template.yaml."""
    properties = table_properties()
    return Schema(
        table=frozenset({TABLE.partition, TABLE.sort}),
        types={
            each["AttributeName"]: each["AttributeType"]
            for each in properties["AttributeDefinitions"]
        },
        indexes={each["IndexName"]: _index(each) for each in properties["GlobalSecondaryIndexes"]},
    )


def _index(properties: Mapping[str, Any]) -> Index:
    partition, sort = (key["AttributeName"] for key in properties["KeySchema"])
    return Index(partition, sort, properties["Projection"]["ProjectionType"] == "KEYS_ONLY")
