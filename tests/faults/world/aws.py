"""AWS as the product's own boto3 clients meet it: each call is answered before it is sent.

botocore checks and serializes the request, as ever; the answer comes from the table, the queues
and the secrets of this world. Each call is an effect that can be cut.
"""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore import handlers
from botocore.config import Config
from botocore.useragent import UserAgentString

from lunas.aws import clients, secrets
from tests.faults.world.clock import Clock
from tests.faults.world.effects import Effects
from tests.faults.world.fifo import FifoQueue
from tests.faults.world.table import Refused, Table
from tests.support.template import resources

type Wire = dict[str, Any]

ACCOUNT = "https://sqs.ap-southeast-3.amazonaws.com/1"
OK, BAD_REQUEST = SimpleNamespace(status_code=200), SimpleNamespace(status_code=400)


class Aws:
    """The table, the queues by the name of their resource, and the secrets."""

    def __init__(self, clock: Clock, effects: Effects, vault: dict[str, Any]) -> None:
        self.table = Table()
        self.queues = _queues(clock)
        self.refusals: list[Refused] = []
        """DynamoDB's answers to the next writes, instead of doing them."""
        self.recorded: list[tuple[str, Wire, Wire]] | None = None
        """Calls to DynamoDB with their answers, if somebody set a list to take them."""
        self._effects = effects
        self._vault = {name: json.dumps(value) for name, value in vault.items()}

    def clear(self) -> None:
        """Forget everything but the secrets."""
        self.table.clear()
        self.refusals.clear()
        for queue in self.queues.values():
            queue.clear()

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Answer the calls of all clients that are made from now on."""
        hooks = [*handlers.BUILTIN_HANDLERS, ("before-call", self.answer)]
        patch.setattr(handlers, "BUILTIN_HANDLERS", hooks)
        # Handlers are taken over when a session is made, so an older one would go to the network;
        # ours is made anew below, boto3's belongs to the idempotency of Powertools.
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        # Half of a call's time goes into its user agent, which nobody reads here, and into
        # checking it against the service's model, which all other tests do.
        patch.setattr(UserAgentString, "to_string", lambda _: "lunas")
        unchecked = clients.CONFIG.merge(Config(parameter_validation=False))
        patch.setattr(clients, "CONFIG", unchecked)
        forget_clients()

    def answer(self, model: Any, params: Wire, **_: Any) -> tuple[SimpleNamespace, Wire]:
        """Answer one call of a client, as botocore's event ``before-call`` allows."""
        service, operation = model.service_model.service_name, model.name
        request = json.loads(params["body"])
        served: Callable[[], Wire] = lambda: self._served(service, operation, request)  # noqa: E731
        try:
            return OK, self._effects.perform(f"{service} {operation}", served)
        except Refused as refused:
            return BAD_REQUEST, refused.answer

    def _served(self, service: str, operation: str, request: Wire) -> Wire:
        match service:
            case "dynamodb":
                return self._dynamodb(operation, request)
            case "sqs":
                return self._sqs(operation, request)
        return {"Name": request["SecretId"], "SecretString": self._vault[request["SecretId"]]}

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
    """Let every client be made anew."""
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
