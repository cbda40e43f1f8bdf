"""Who takes part, and what they got for an answer."""

from dataclasses import dataclass
from typing import Any

type Json = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """Somebody with a token; ``kind`` is the payment type, UMUM or DIKE.

    ``address``: the e-mail address that the token carries, else one of their own.
    """

    id: str
    role: str = "USER"
    kind: str = "UMUM"
    address: str | None = None

    @property
    def email(self) -> str:
        """The address that the token carries."""
        return self.address or f"{self.id}@example.com"


@dataclass(frozen=True)
class Answer:
    """What a client got: a status, 502 if the function gave none."""

    status: int
    body: Json

    @property
    def ok(self) -> bool:
        """Tell whether it is a yes."""
        return self.status < 300
