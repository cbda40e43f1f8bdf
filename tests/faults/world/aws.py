"""AWS as the product's own clients see it, answered from this world's table, queues and secrets.

Each call is an effect that can be cut. botocore's work on a request (endpoint, serialization,
signature) took a third of a run of the fault tests; tests/integration/layer goes through it.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.client import BaseClient

from lunas.aws import clients, secrets
from tests.faults.world.clock import Clock
from tests.faults.world.effects import Effects
from tests.faults.world.fifo import FifoQueue
from tests.support.dynamodb.errors import Refused
from tests.support.dynamodb.table import Table
from tests.support.template import resources

type Wire = dict[str, Any]

ACCOUNT = "https://sqs.ap-southeast-3.amazonaws.com/1"


class Aws:
    """The table, the queues by the name of their resource, and the secrets."""

    def __init__(self, clock: Clock, effects: Effects, cache: dict[str, Any]) -> None:
        self.table = Table()
        self.queues = _queues(clock)
        self.refusals: list[Refused] = []
        """DynamoDB's answers to the next writes, instead of doing them."""
        self.recorded: list[tuple[str, Wire, Wire]] | None = None
        """Calls to DynamoDB with their answers, if a test set a list to take them."""
        self._effects = effects
        self._cache = {name: json.dumps(value) for name, value in cache.items()}

    def clear(self) -> None:
        """Forget everything but the secrets."""
        self.table.clear()
        self.refusals.clear()
        for queue in self.queues.values():
            queue.clear()

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Answer the calls of all clients that are made from now on."""

        def called(client: BaseClient, operation: str, request: Wire) -> Wire:
            try:
                return self.answer(client.meta.service_model.service_name, operation, request)
            except Refused as refused:
                error: Any = client.exceptions.from_code(refused.code)
                raise error(refused.answer, operation) from None

        patch.setattr(BaseClient, "_make_api_call", called)
        forget_clients()

    def answer(self, service: str, operation: str, request: Wire) -> Wire:
        """Answer one call of a client; raises Refused."""
        served: Callable[[], Wire] = lambda: self._served(service, operation, request)  # noqa: E731
        return self._effects.perform(f"{service} {operation}", served)

    def _served(self, service: str, operation: str, request: Wire) -> Wire:
        match service:
            case "dynamodb":
                return self._dynamodb(operation, request)
            case "sqs":
                return self._sqs(operation, request)
        return {"Name": request["SecretId"], "SecretString": self._cache[request["SecretId"]]}

    def _dynamodb(self, operation: str, request: Wire) -> Wire:
        if self.refusals and operation in {"PutItem", "UpdateItem", "TransactWriteItems"}:
            raise self.refusals.pop()
        try:
            answer = self.table.answer(operation, request)
        except Refused as refused:
            answer = refused.answer
            raise
        finally:
            if self.recorded is not None:
                self.recorded.append((operation, request, answer))
        return answer

    def _sqs(self, operation: str, request: Wire) -> Wire:
        queue = self.queues[request["QueueUrl"].rpartition("/")[2]]
        match operation:
            case "SendMessage":
                return {"MessageId": queue.send(request)}
            case "SendMessageBatch":
                sent = [
                    {"Id": each["Id"], "MessageId": queue.send(each)} for each in request["Entries"]
                ]
                return {"Successful": sent}
            case "ChangeMessageVisibility":
                if not queue.reschedule(request["ReceiptHandle"], request["VisibilityTimeout"]):
                    raise Refused("ReceiptHandleIsInvalid")
                return {}
        raise NotImplementedError(operation)


def queue_url(name: str) -> str:
    """Return the URL of the queue of a resource."""
    return f"{ACCOUNT}/{name}"


def forget_clients() -> None:
    """Let every client be made again."""
    secrets._provider.cache_clear()  # noqa: SLF001  (a process ends by no other way)
    clients.dynamodb.cache_clear()
    clients.sqs.cache_clear()
    clients.secrets_manager.cache_clear()
    clients._session.cache_clear()  # noqa: SLF001


def forget_secrets() -> None:
    """Start as a fresh process does, without remembered secrets. Clients remember nothing."""
    secrets._provider().clear_cache()  # noqa: SLF001


def _queues(clock: Clock) -> dict[str, FifoQueue]:
    """Make the FIFO queues of template.yaml, joined to their dead-letter queues."""
    found = {
        name: each["Properties"]
        for name, each in resources().items()
        if each["Type"] == "AWS::SQS::Queue" and each["Properties"].get("FifoQueue")
    }
    queues = {
        name: FifoQueue(clock, each.get("VisibilityTimeout", 30), each["MessageRetentionPeriod"])
        for name, each in found.items()
    }
    for name, each in found.items():
        if policy := each.get("RedrivePolicy"):
            target = policy["deadLetterTargetArn"]["GetAtt"].partition(".")[0]
            queues[name].dead_letters = queues[target]
            queues[name].most_received = policy["maxReceiveCount"]
    return queues
