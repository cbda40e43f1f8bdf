"""Who asks, who pays, who learns."""

from dataclasses import dataclass
from enum import StrEnum

from lunas.rules.errors import InvalidInput

INVOICE_EMAIL = 50
"""Characters of an e-mail address that Duitku accepts."""


class Role(StrEnum):
    """What a token says its holder is."""

    USER = "USER"
    ADMIN = "ADMIN"
    SERVICE = "SERVICE"


class PaymentType(StrEnum):
    """The two kinds of buyer, each with its own price list."""

    DIKE = "DIKE"
    UMUM = "UMUM"


@dataclass(frozen=True, slots=True)
class Caller:
    """The verified claims of a token. ``name`` and ``email`` are personal data."""

    id: str
    role: Role
    payment_type: PaymentType | None = None
    email: str | None = None
    name: str | None = None
    scopes: frozenset[str] = frozenset()

    @property
    def actor(self) -> str:
        """Name the caller in a history event, e.g. ``admin:a1``."""
        return f"{self.role.lower()}:{self.id}"


@dataclass(frozen=True, slots=True)
class Customer:
    """Who stands on the invoice. Personal data: shown to owner and admin only, never logged."""

    first_name: str
    last_name: str
    email: str
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Learner:
    """Whose account at Thinkific gets the courses. Personal data, never logged."""

    first_name: str
    last_name: str
    email: str


def split_name(name: str) -> tuple[str, str]:
    """Split a full name at its last space; a single word serves as both names.

    Thinkific refuses an empty last name (docs/thinkific.md, Users).
    """
    first, _, last = " ".join(name.split()).rpartition(" ")
    return first or last, last


def customer_of(caller: Caller, given: Customer | None) -> Customer:
    """Return the customer as given, else as the token tells; InvalidInput when neither does."""
    if given is not None:
        return given
    if not caller.email:
        raise InvalidInput.of("customer", "is required, since the token carries no e-mail address")
    first, last = split_name(caller.name or caller.email.partition("@")[0])
    return Customer(first, last, caller.email)


def check_invoiceable(customer: Customer) -> None:
    """Refuse a customer whom Duitku would refuse (docs/duitku.md, Lengths)."""
    if len(customer.email) > INVOICE_EMAIL:
        raise InvalidInput.of(
            "customer.email", f"is longer than the {INVOICE_EMAIL} characters an invoice may carry"
        )


def learner_of(caller: Caller, customer: Customer) -> Learner:
    """Return the learner by the token's e-mail and name, by the customer's where it has none.

    The token goes first, so that nobody enrolls into another person's account by naming that
    person's address on an invoice.
    """
    first, last = customer.first_name, customer.last_name
    if caller.name and caller.name.strip():
        first, last = split_name(caller.name)
    return Learner(first, last, (caller.email or customer.email).strip())
