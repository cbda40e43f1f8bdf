"""A table behind a client, in memory, in ministack or in moto: a test runs on each of them.

``database`` is the table of template.yaml, ``indexed`` that of indexed_table.py.
"""

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws

from local.cloud.emulator import REGION
from tests.integration.dynamodb.indexed_table import STAND_INS, TABLE
from tests.support.dynamodb.client import install
from tests.support.dynamodb.schema import Schema, schema, schema_of
from tests.support.dynamodb.table import Table
from tests.support.emulated import running_emulator
from tests.support.template import table_properties

NAME = "lunas"


class Database:
    """A table behind a client."""

    def __init__(self, client: BaseClient) -> None:
        self.client: Any = client

    def ask(self, operation: str, **request: Any) -> Any:
        """Make a call, e.g. of ``get_item``; return its answer. Raises ClientError."""
        answer = getattr(self.client, operation)(TableName=NAME, **request)
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    def put(self, **item: Any) -> None:
        """Write an item without a condition."""
        self.ask("put_item", Item=wire(item))

    def get(self, pk: str = "P", sk: str = "S") -> Any:
        """Return an item in DynamoDB's notation, None if there is none."""
        return self.ask("get_item", Key=key(pk, sk)).get("Item")

    def transact(self, *actions: Any, **more: Any) -> None:
        """Write actions together, each ``{"Put": {…}}`` or the like."""
        named = [
            {verb: {"TableName": NAME, **parameters} for verb, parameters in each.items()}
            for each in actions
        ]
        self.client.transact_write_items(TransactItems=named, **more)


def case_id(value: Any) -> str:
    """Name a parameter of a test the same in every process: sets in order."""
    match value:
        case set() | frozenset():
            return f"{{{', '.join(map(repr, sorted(value)))}}}"
        case dict():
            return f"{{{', '.join(f'{name!r}: {case_id(each)}' for name, each in value.items())}}}"
        case _:
            return str(value)


def wire(item: dict[str, Any]) -> dict[str, Any]:
    """Write texts and numbers in DynamoDB's notation; a dict stands for itself."""
    return {name: _value(each) for name, each in {"pk": "P", "sk": "S", **item}.items()}


def _value(value: Any) -> Any:
    match value:
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case set():
            return {"SS": sorted(value)}
    return value


def key(pk: str = "P", sk: str = "S") -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def refusal(error: pytest.ExceptionInfo[ClientError]) -> Any:
    """Return the code of an error."""
    return error.value.response["Error"]["Code"]


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Run the emulator alone; give a client of it."""
    with running_emulator(tmp_path_factory.mktemp("ministack")) as aws:
        yield _client(aws.endpoint)


@pytest.fixture(scope="session")
def table() -> tuple[Table, Any]:
    """Make a table in memory, and a client of it."""
    return _in_memory(schema())


@pytest.fixture
def memory(table: tuple[Table, Any]) -> Database:
    """Give an empty table in memory."""
    held, client = table
    held.clear()
    return Database(client)


@pytest.fixture
def emulated(ministack: Any) -> Iterator[Database]:
    """Give an empty table of ministack."""
    yield from _created(ministack, table_properties())


@pytest.fixture(params=["memory", "emulated"])
def database(request: pytest.FixtureRequest) -> Database:
    """Give an empty table, of either."""
    found: Database = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def indexed_table() -> tuple[Table, Any]:
    """Make a table in memory that has other indexes, and a client of it."""
    return _in_memory(schema_of(TABLE))


@pytest.fixture(scope="session")
def moto_client() -> Any:
    """Make a client that moto answers while ``mock_aws`` is active."""
    return _client(None)


@pytest.fixture(params=STAND_INS)
def indexed(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Give an empty table with indexes of many attributes, of each stand-in for DynamoDB."""
    if request.param == "memory":
        held, client = request.getfixturevalue("indexed_table")
        held.clear()
        yield Database(client)
    elif request.param == "ministack":
        yield from _created(request.getfixturevalue("ministack"), TABLE)
    else:
        client = request.getfixturevalue("moto_client")
        with mock_aws():
            yield from _created(client, TABLE)


def _created(client: Any, properties: dict[str, Any]) -> Iterator[Database]:
    client.create_table(TableName=NAME, **properties)
    yield Database(client)
    client.delete_table(TableName=NAME)


def _in_memory(shape: Schema) -> tuple[Table, Any]:
    made = Table(NAME, shape)
    with pytest.MonkeyPatch.context() as patch:
        install(made, patch)
        return made, _client("http://nowhere.test")


def _client(endpoint: str | None) -> Any:
    session = botocore.session.Session({"profile": (None, None, None, None)})
    session.set_credentials("test", "test")
    return session.create_client("dynamodb", region_name=REGION, endpoint_url=endpoint)
