"""Reads and empties the dead-letter queue, for an operator."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lunas.aws.queues import read_message
from lunas.domain.delivery import DeliveryRequest

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HIDDEN = 900
"""Seconds for which a message is hidden: longer than it takes to empty a queue of thousands."""
BATCH = 10
"""Messages of one receive, SQS's limit."""
MAX_WAIT = 2
"""Seconds after which a queue without messages counts as empty, since SQS asks all its servers."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A received dead-letter message; ``request`` is None if it is not a delivery request.

    ``reason`` is why Lunas dead-lettered it; None if SQS moved it.
    """

    id: str
    receipt_handle: str
    request: DeliveryRequest | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Receives each message of the dead-letter queue once, and deletes handled ones."""

    url: str
    client: "SQSClient"

    def receive_all(self) -> Iterator[DeadLetter]:
        """Receive messages until none is left; those not deleted stay hidden."""
        while batch := self._receive():
            yield from map(_dead_letter, batch)

    def delete(self, message: DeadLetter) -> None:
        """Delete a message."""
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message.receipt_handle)

    def show_again(self, message: DeadLetter) -> None:
        """Make a message visible again at once."""
        self.client.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=message.receipt_handle, VisibilityTimeout=0
        )

    def unseen(self) -> int:
        """Return about how many messages wait behind a hidden message of the same learner."""
        response = self.client.get_queue_attributes(
            QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(response["Attributes"]["ApproximateNumberOfMessages"])

    def _receive(self) -> "list[MessageTypeDef]":
        return self.client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=HIDDEN,
            WaitTimeSeconds=MAX_WAIT,
            MessageAttributeNames=["reason"],
        ).get("Messages", [])


def _dead_letter(message: "MessageTypeDef") -> DeadLetter:
    try:
        request = read_message(message["Body"])
    except (ValueError, KeyError, TypeError):
        request = None
    given = message.get("MessageAttributes", {}).get("reason")
    reason = given.get("StringValue") if given else None
    return DeadLetter(message["MessageId"], message["ReceiptHandle"], request, reason)
