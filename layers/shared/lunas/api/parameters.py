"""Parameters as people and their tools send them: as forms are taken, see ``lunas.api.requests``.

What is invisible or surrounds a value is dropped, and a blank one is as if left out.
"""

from collections.abc import Callable
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Header
from pydantic import BeforeValidator, StringConstraints

from lunas.domain.texts import plain, prose


def blank_is(default: object, clean: Callable[[str], str] = plain) -> BeforeValidator:
    """Take a text as ``clean`` leaves it, and one with nothing to see in it for the default."""

    def as_meant(given: object) -> object:
        if not isinstance(given, str):
            return given
        return clean(given) if prose(given) else default

    return BeforeValidator(as_meant)


BLANK = blank_is(None)
"""For what has no default. What a value must be like stands before it: after it, and in Query, it
would be asked of None as well."""
AS_IS = blank_is(None, str)
"""The same for what may hold any character, so that none is dropped."""
IdempotencyKey = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=255)] | None,
    AS_IS,
    Header(alias="idempotency-key"),
]
"""By what a client tells a repetition from a new request; without one, it tells none."""
