"""Users and admins, and the answers that they get."""

from dataclasses import dataclass
from typing import Any

type Json = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """A person with a token; ``kind`` is the payment type, UMUM or DIKE.

    ``address``: the e-mail address that the token carries, else one made from the id.
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
    """An answer; its status is 502 if the function gave none."""

    status: int
    body: Json

    @property
    def ok(self) -> bool:
        """Return whether it is a success."""
        return self.status < 300
