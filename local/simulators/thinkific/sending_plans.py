"""How a webhook is sent: the honest way, or with what a test asks to go wrong."""

from typing import Any

from pydantic import Field

from local.simulators.bodies import JsonModel
from local.simulators.thinkific.webhook_signatures import SignatureChoice


class SendingPlan(JsonModel):
    """What differs from the honest way.

    ``copies`` go out at once. ``delay`` is in real seconds. ``behind`` holds the sending back
    until that many others have been tried, which is how events change places. ``as_topic``
    announces another topic than the event's, ``payload`` is laid over the event's payload (objects
    are merged); the signature is made over the result, as ``signature`` sets.
    """

    copies: int = Field(default=1, ge=1, le=200)
    delay: float = Field(default=0.0, ge=0)
    behind: int = Field(default=0, ge=0)
    as_topic: str | None = None
    payload: dict[str, Any] = Field(default_factory=dict)
    signature: SignatureChoice = "valid"


class WebhookFault(SendingPlan):
    """A plan for the next ``times`` sendings of a topic; ``*`` means any topic."""

    topic: str = "*"
    times: int = Field(default=1, ge=1)


class WebhookFaults:
    """The webhook faults asked for and not used up yet."""

    def __init__(self) -> None:
        self._faults: list[WebhookFault] = []

    def add(self, fault: WebhookFault) -> None:
        """Queue one more fault."""
        self._faults.append(fault.model_copy())

    def clear(self) -> None:
        """Forget every fault."""
        self._faults.clear()

    def take(self, topic: str) -> SendingPlan:
        """Return how to send the next event of the topic and count a fault as used."""
        for fault in self._faults:
            if fault.topic in {topic, "*"} and fault.times > 0:
                fault.times -= 1
                return fault
        return SendingPlan()
