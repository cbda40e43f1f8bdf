"""What the base of the queue consumers does with a message that fails."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import worker
from lunas.domain.delivery import retry_delay
from lunas.domain.errors import ConfigurationError, DeliveryDelayed, StorageContention
from lunas.observability import logger

ID, RECEIPT = "m1", "r1"
RECORD = {
    "messageId": ID,
    "receiptHandle": RECEIPT,
    "body": "text",
    "attributes": {"ApproximateReceiveCount": "3", "MessageGroupId": "g"},
}
USUAL = retry_delay(3, "text")


@dataclass
class Queue:
    """Notes what is rescheduled."""

    rescheduled: list[tuple[str, float]] = field(default_factory=list)

    def reschedule(self, receipt_handle: str, seconds: float) -> None:
        self.rescheduled.append((receipt_handle, seconds))


class Failing(worker.Worker[str]):
    """Takes any text, and fails."""

    subject, queue, dead_letter_queue = "test", "QUEUE_URL", "DEAD_LETTER_URL"

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.logged: list[dict[str, Any]] = []

    def parse(self, body: str) -> str:
        return body

    def bind(self, message: str) -> None:
        assert message == "text"

    def run(self, message: str, record: SQSRecord, context: LambdaContext) -> None:
        del message, record, context
        self.logged.append(logger.get_current_keys())
        raise self.error

    def on_dead_letter(self, reason: str) -> None:
        raise AssertionError(reason)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    made = Queue()
    monkeypatch.setattr(worker, "Queue", lambda _: made)
    monkeypatch.setattr(worker, "setting", lambda name: name)
    return made


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (DeliveryDelayed("later"), USUAL),
        (DeliveryDelayed("later", retry_after=77), 77),
        (StorageContention("busy"), USUAL),
        (ConfigurationError("no secret"), USUAL),
        (RuntimeError("crash"), USUAL),
    ],
    ids=["delayed", "with a time", "contention", "configuration", "crash"],
)
def test_a_message_that_fails_is_rescheduled_and_reported(
    queue: Queue, error: Exception, seconds: float
) -> None:
    failing = Failing(error)

    answer = failing({"Records": [RECORD]}, LambdaContext())

    assert queue.rescheduled == [(RECEIPT, seconds)]
    assert answer == {"batchItemFailures": [{"itemIdentifier": ID}]}
    assert failing.logged[0]["correlation_id"] == ID
