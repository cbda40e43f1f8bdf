"""The dead-letter queue as an operator empties it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lunas.aws.queues import read_message
from lunas.domain.delivery import DeliveryRequest

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HIDDEN = 900
"""Seconds for which a letter is hidden: longer than emptying a queue of thousands takes."""
BATCH = 10
"""Messages of one receive, SQS's limit."""
MAX_WAIT = 2
"""Seconds after which a queue without messages counts as empty: all its servers were asked."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A received letter: what it asks for, or None when it is no delivery request.

    ``reason`` is what Lunas gave it up for; None when SQS moved it.
    """

    id: str
    receipt_handle: str
    request: DeliveryRequest | None
    reason: str | None


class DeadLetters:
    """Receives each letter of the queue once, and deletes those that are dealt with."""

    def __init__(self, url: str, client: "SQSClient") -> None:
        self._url = url
        self._client = client

    def receive_all(self) -> Iterator[DeadLetter]:
        """Receive letters until none is left; what is not deleted meanwhile stays hidden."""
        while batch := self._receive():
            yield from map(_letter, batch)

    def delete(self, letter: DeadLetter) -> None:
        """Delete a letter."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt_handle)

    def show_again(self, letter: DeadLetter) -> None:
        """Let a letter that stays be seen again at once."""
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=letter.receipt_handle, VisibilityTimeout=0
        )

    def unseen(self) -> int:
        """Count, about, what cannot be received: letters of a learner behind one that stays."""
        response = self._client.get_queue_attributes(
            QueueUrl=self._url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(response["Attributes"]["ApproximateNumberOfMessages"])

    def _receive(self) -> "list[MessageTypeDef]":
        return self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=HIDDEN,
            WaitTimeSeconds=MAX_WAIT,
            MessageAttributeNames=["reason"],
        ).get("Messages", [])


def _letter(message: "MessageTypeDef") -> DeadLetter:
    try:
        request = read_message(message["Body"])
    except (ValueError, KeyError, TypeError):
        request = None
    given = message.get("MessageAttributes", {}).get("reason")
    reason = given.get("StringValue") if given else None
    return DeadLetter(message["MessageId"], message["ReceiptHandle"], request, reason)
