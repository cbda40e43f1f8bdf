"""The table in memory answers the calls of Lunas's workflows as ministack does."""

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

ESSENTIAL = {
    "initiate by POP with a key, asked again",
    "webhook, nothing new",
    "approve, one course owned",
    "approve, bought again after a refund",
    "refund, paid twice",
    "reconcile, overdue",
    "reconcile, blocked",
}
"""Workflows that together use every kind of request; the long form compares them all."""
EDITED = {"audit, completion missing"}
"""Workflows that begin by editing the table itself, which is no call that could be compared."""


@pytest.mark.parametrize(
    "workflow",
    [each for each in WORKFLOWS if each.name in ESSENTIAL or (LONG and each.name not in EDITED)],
    ids=lambda each: each.name,
)
def test_the_table_answers_every_call_as_ministack_does(
    emulated: Database, workflow: Workflow
) -> None:
    items, calls = _recorded(workflow)
    for item in items:
        emulated.ask("put_item", Item=item)
    for operation, request, answer in calls:
        assert _asked(emulated.client, operation, request) == _used(answer), (operation, request)
    assert len(calls) > 10


def _recorded(workflow: Workflow) -> tuple[list[Json], list[Call]]:
    """Run a workflow; return what the table held before, and all calls with their answers."""
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
        return _used(getattr(client, xform_name(operation))(**request))
    except ClientError as refused:
        return _used(refused.response)


def _used(answer: Any) -> Json:
    """Return the parts of an answer that Lunas uses; the members of a set have no order."""
    used = {
        name: _sorted(answer[name])
        for name in ("Item", "Items", "Attributes", "LastEvaluatedKey", "Responses")
        if answer.get(name)
    }
    if "Error" in answer:
        used["code"] = answer["Error"]["Code"]
        used["reasons"] = [
            (each["Code"], _sorted(each.get("Item")))
            for each in answer.get("CancellationReasons", [])
        ]
    return used


def _sorted(value: Any) -> Any:
    match value:
        case {"SS": members}:
            return {"SS": sorted(members)}
        case dict():
            return {name: _sorted(each) for name, each in value.items()}
        case list():
            return [_sorted(each) for each in value]
    return value
