"""Bodies of the admin routes that both simulators have, and the base of all of them."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class JsonModel(BaseModel):
    """Base of everything that arrives as JSON: camelCase names, unknown names refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="forbid"
    )

    def changed(self, given: dict[str, Any]) -> Self:
        """Return this with ``given`` (camelCase) applied; raise ValidationError if bad."""
        return self.model_validate({**self.model_dump(by_alias=True), **given})


class ClockMove(JsonModel):
    """Body of ``/_sim/clock``: how far to move the clock in seconds, negative for back."""

    seconds: float


class Waiting(JsonModel):
    """Body of ``/_sim/wait``: how long to wait for the sendings under way, in real seconds."""

    seconds: float = Field(default=10.0, ge=0, le=300)
