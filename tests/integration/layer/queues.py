"""The queues of a test, and messages as Lambda hands them over."""

from typing import Any

from lunas.aws import clients

type Json = dict[str, Any]
FIFO = {"FifoQueue": "true", "DeduplicationScope": "messageGroup"}
FIFO["FifoThroughputLimit"] = "perMessageGroupId"


class Queues:
    """The delivery queue and the progress queue, each with its dead-letter queue."""

    def __init__(self) -> None:
        self.sqs = clients.sqs()
        self.delivery_url = self._create("delivery.fifo")
        self.dead_letter_url = self._create("dead.fifo")
        self.progress_url = self._create("progress.fifo")
        self.progress_dead_letter_url = self._create("progress-dead.fifo")

    def waiting(self) -> list[Any]:
        """Take the messages that can be received from the delivery queue."""
        return self._receive(self.delivery_url)

    def dead_letters(self) -> list[Any]:
        """Take the messages of the dead-letter queue."""
        return self._receive(self.dead_letter_url)

    def batch(self) -> Json:
        """Receive the delivery messages, as the event that Lambda would make of them."""
        return {"Records": [_record(message) for message in self.waiting()]}

    def hidden(self) -> int:
        """Count the messages that were received and not deleted."""
        name: Any = "ApproximateNumberOfMessagesNotVisible"
        answer = self.sqs.get_queue_attributes(QueueUrl=self.delivery_url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def delete(self) -> None:
        """Remove all queues with what is in them."""
        for url in (self.delivery_url, self.dead_letter_url, *self._of_progress()):
            self.sqs.delete_queue(QueueUrl=url)

    def progress_batch(self) -> Json:
        """Receive the progress messages, as the event that Lambda would make of them."""
        return {"Records": [_record(message) for message in self._receive(self.progress_url)]}

    def progress_dead_letters(self) -> list[Any]:
        """Take the messages of the progress queue's dead-letter queue."""
        return self._receive(self.progress_dead_letter_url)

    def _of_progress(self) -> tuple[str, str]:
        return self.progress_url, self.progress_dead_letter_url

    def _create(self, name: str) -> str:
        return self.sqs.create_queue(QueueName=name, Attributes=FIFO)["QueueUrl"]  # type: ignore[arg-type]

    def _receive(self, url: str) -> list[Any]:
        return self.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])


def _record(message: Any) -> Json:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:ap-southeast-3:1:delivery.fifo",
        "awsRegion": "ap-southeast-3",
    }
