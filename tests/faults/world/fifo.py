"""SQS FIFO queues: groups in order, deduplication for five minutes, visibility, dead-lettering.

Moto forgets a deduplication id with the message, which SQS does not, and refuses to hide a
message that is older than twelve hours, so the world has its own queues.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.faults.world.clock import Clock

DEDUPLICATION = timedelta(minutes=5)


@dataclass
class Message:
    """A message; ``visible_at`` is when it can be received."""

    id: str
    body: str
    group: str
    deduplication: str
    sent_at: datetime
    visible_at: datetime
    attributes: dict[str, Any]
    received: int = 0

    @property
    def handle(self) -> str:
        """Return the handle that the last reception gave."""
        return f"{self.id}/{self.received}"


@dataclass
class FifoQueue:
    """One queue; times in seconds. A message received ``most_received`` times is dead-lettered."""

    clock: Clock
    visibility: int
    retention: int
    most_received: int | None = None
    dead_letters: "FifoQueue | None" = None
    messages: list[Message] = field(default_factory=list)
    _sent: dict[tuple[str, str], tuple[datetime, str]] = field(default_factory=dict)
    _count: int = 0

    def clear(self) -> None:
        """Forget everything."""
        self.messages.clear()
        self._sent.clear()
        self._count = 0

    def send(self, request: dict[str, Any]) -> str:
        """Take a message, unless its group had the same id within five minutes; return its id."""
        now = self.clock.now()
        named = (request["MessageGroupId"], request["MessageDeduplicationId"])
        before, message_id = self._sent.get(named, (now - DEDUPLICATION, ""))
        if now - before < DEDUPLICATION:
            return message_id
        self._count += 1
        message = Message(
            id=f"message-{id(self):x}-{self._count}",
            body=request["MessageBody"],
            group=named[0],
            deduplication=named[1],
            sent_at=now,
            visible_at=now,
            attributes=request.get("MessageAttributes", {}),
        )
        self._sent[named] = (now, message.id)
        self.messages.append(message)
        return message.id

    def heads(self) -> list[Message]:
        """Return the message of each group that comes next; those behind it have to wait."""
        self._drop_old()
        heads: dict[str, Message] = {}
        for message in self.messages:
            heads.setdefault(message.group, message)
        return list(heads.values())

    def receivable(self) -> list[Message]:
        """Return the messages that can be received now."""
        now = self.clock.now()
        return [message for message in self.heads() if message.visible_at <= now]

    def receive(self, message: Message) -> Message | None:
        """Hand a message out, or dead-letter it when that was done too often."""
        if self.most_received is not None and message.received >= self.most_received:
            self.messages.remove(message)
            if self.dead_letters is not None:
                self.dead_letters.messages.append(message)
            return None
        message.received += 1
        message.visible_at = self.clock.now() + timedelta(seconds=self.visibility)
        return message

    def reschedule(self, handle: str, seconds: int) -> bool:
        """Show a received message again after ``seconds``; return whether there is one."""
        for message in self._held(handle):
            message.visible_at = self.clock.now() + timedelta(seconds=seconds)
            return True
        return False

    def delete(self, handle: str) -> None:
        """Take a message out that was handled."""
        for message in list(self._held(handle)):
            self.messages.remove(message)

    def _held(self, handle: str) -> Iterator[Message]:
        return (message for message in self.messages if message.handle == handle)

    def _drop_old(self) -> None:
        oldest = self.clock.now() - timedelta(seconds=self.retention)
        self.messages = [message for message in self.messages if message.sent_at > oldest]
