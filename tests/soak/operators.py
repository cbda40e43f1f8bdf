"""The operators of a soak, and its clock: what would take hours is brought forward.

Lunas asks Duitku about a payment after a quarter of an hour, waits an hour after being blocked,
and leaves a dead-letter message to a person. In a soak a payment that was paid twenty seconds ago
and is not settled is either rechecked by an admin or made due now, a block lasts fifteen seconds,
reconcile runs every ten, and dead letters are redriven all the time. The code that settles is the
same.
"""

import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.cloud import Stack, deploy
from local.cloud.aws import Aws
from lunas.aws.dead_letters import DeadLetters
from lunas.cli.redrive_deliveries import redrive_all
from lunas.cli.stacks import ALIAS, LOCAL, find
from lunas.services.enrollments import RedriveOutcome
from lunas.storage.enrollments import Enrollments
from lunas.storage.table import Table
from tests.soak.client import Api

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

SETTLED = {"APPROVED", "COMPLETED", "REFUNDED"}
WAIT = 20.0
"""Seconds after paying until an operator checks."""
AT_ONCE = 20
PAUSE_KEY: dict[str, Any] = {"pk": {"S": "RECONCILE"}, "sk": {"S": "GATEWAY"}}


class Operators:
    """What admins and operators do during a soak; ``did`` counts it."""

    def __init__(self, stack: Stack, api: Api, state: Path) -> None:
        self._aws = Aws(stack.aws_endpoint_url, stack.region)
        self._table = stack.table_name
        self._api = api
        self._stack = find(LOCAL, state)
        self._reconcile = deploy.resources(self._aws)["ReconcileFunction"]
        self._paid: dict[str, float] = {}
        self._lock = threading.Lock()
        self.did: Counter[str] = Counter()

    def note_paid(self, payment_id: str) -> None:
        """Remember that money was sent for a payment."""
        with self._lock:
            self._paid[payment_id] = time.monotonic()

    def unsettled(self) -> int:
        """Count the payments that are paid and not known to be settled."""
        return len(self._paid)

    def check_unsettled(self) -> None:
        """Have Duitku asked about payments that were paid ``WAIT`` ago and are not settled."""
        before = time.monotonic() - WAIT
        old = [each for each, at in list(self._paid.items()) if at < before][: 5 * AT_ONCE]
        waiting = [each for each in old if self._is_open(each)][:AT_ONCE]
        for payment_id in waiting:
            with self._lock:
                self._paid[payment_id] = time.monotonic()
            if int(payment_id[-1], 16) % 2:
                self.did["an admin rechecks a payment"] += 1
                self._api.admin("POST", f"/payments/{payment_id}/recheck")
            else:
                self._make_due(payment_id)

    def run_reconcile(self) -> None:
        """Run reconcile as the schedule does."""
        self.did["reconcile is run"] += 1
        self._aws.functions.invoke(FunctionName=self._reconcile, Qualifier=ALIAS)

    def end_block(self) -> None:
        """End the hour in which reconcile must not ask Duitku."""
        if "Item" in self._aws.dynamodb.get_item(TableName=self._table, Key=PAUSE_KEY):
            self.did["an hour's block by Duitku is over"] += 1
            self._aws.dynamodb.delete_item(TableName=self._table, Key=PAUSE_KEY)

    def redrive(self) -> None:
        """Redrive the dead letters."""
        lines: list[str] = []
        queue = self._stack.outputs["DeadLetterQueueUrl"]
        messages = DeadLetters(queue, self._stack.client("sqs"))
        table = Table(self._stack.client("dynamodb"), self._table)
        redrive_all(messages, Enrollments(table), lines.append)
        for line in lines:
            for outcome in RedriveOutcome:
                self.did[f"dead letter: {outcome}"] += line.startswith(outcome)

    def _is_open(self, payment_id: str) -> bool:
        """Return whether a payment waits for Duitku's status; forget it if not."""
        key: dict[str, AttributeValueTypeDef] = {
            "pk": {"S": f"PAYMENT#{payment_id}"},
            "sk": {"S": "PAYMENT"},
        }
        found = self._aws.dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        if found["Item"]["status"]["S"] not in SETTLED:
            return True
        with self._lock:
            del self._paid[payment_id]
        return False

    def _make_due(self, payment_id: str) -> None:
        """Bring the next check forward, unless the payment is settled at this moment."""
        try:
            self._aws.dynamodb.update_item(
                TableName=self._table,
                Key={"pk": {"S": f"PAYMENT#{payment_id}"}, "sk": {"S": "PAYMENT"}},
                UpdateExpression="SET dueAt = :now",
                ConditionExpression="#status IN (:pending, :failed, :expired)",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    ":now": {"S": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")},
                    ":pending": {"S": "PENDING"},
                    ":failed": {"S": "FAILED"},
                    ":expired": {"S": "EXPIRED"},
                },
            )
        except self._aws.dynamodb.exceptions.ConditionalCheckFailedException:
            return
        self.did["a payment is made due"] += 1
