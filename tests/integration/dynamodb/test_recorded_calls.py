"""What the workflows of Lunas ask of the table in memory, ministack answers in the same way."""

from copy import deepcopy
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.faults.world.scenario import Scenario
from tests.faults.world.workflows import WORKFLOWS, Workflow
from tests.faults.world.world import open_world
from tests.integration.dynamodb.conftest import Database
from tests.support.length import LONG

type Json = dict[str, Any]
type Call = tuple[str, Json, Json]

TELLING = {
    "initiate by POP with a key, asked again",
    "webhook, nothing new",
    "approve, one course owned",
    "approve, bought again after a refund",
    "refund, paid twice",
    "reconcile, overdue",
    "reconcile, blocked",
}
"""Workflows that together use every kind of request; the long form compares them all."""


@pytest.mark.parametrize(
    "workflow",
    [each for each in WORKFLOWS if LONG or each.name in TELLING],
    ids=lambda each: each.name,
)
def test_the_table_answers_every_call_as_ministack_does(
    emulated: Database, workflow: Workflow
) -> None:
    items, calls = _recorded(workflow)
    for item in items:
        emulated.ask("put_item", Item=item)
    for operation, request, answer in calls:
        assert _asked(emulated.client, operation, request) == _reply(answer), (operation, request)
    assert len(calls) > 10


def _recorded(workflow: Workflow) -> tuple[list[Json], list[Call]]:
    """Act a workflow out; return what the table held before, and all calls with their answers."""
    calls: list[Call] = []
    with open_world() as world:
        world.start()
        items = deepcopy(list(world.aws.table.items.values()))
        world.aws.recorded = calls
        scenario = Scenario(world)
        for action in (workflow.prepare, workflow.action, workflow.afterwards):
            action(scenario)
        scenario.wait(workflow.minutes)
    return items, calls


def _asked(client: Any, operation: str, request: Json) -> Json:
    try:
        return _reply(getattr(client, xform_name(operation))(**request))
    except ClientError as refused:
        return _reply(refused.response)


def _reply(answer: Any) -> Json:
    """Return what of an answer the product goes by; the members of a set have no order."""
    reply = {
        name: _sorted(answer[name])
        for name in ("Item", "Items", "Attributes", "LastEvaluatedKey", "Responses")
        if answer.get(name)
    }
    if "Error" in answer:
        reply["code"] = answer["Error"]["Code"]
        reply["reasons"] = [
            (each["Code"], _sorted(each.get("Item")))
            for each in answer.get("CancellationReasons", [])
        ]
    return reply


def _sorted(value: Any) -> Any:
    match value:
        case {"SS": members}:
            return {"SS": sorted(members)}
        case dict():
            return {name: _sorted(each) for name, each in value.items()}
        case list():
            return [_sorted(each) for each in value]
    return value
