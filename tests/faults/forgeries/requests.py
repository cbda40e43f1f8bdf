"""Requests to the callback URL, and how to write right and forged ones."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

from local.cloud import Stack
from tests.support.providers import Duitku, sign
from tests.support.users import TIMEOUT, Json, Person

FORM = "application/x-www-form-urlencoded"
TYPE = "Content-Type"

type Fields = dict[str, str]
type Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, and all of its text, headers included."""

    status: int
    media_type: str
    text: str


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """One POST. It may have a header twice."""

    body: bytes
    headers: Headers = ((TYPE, FORM),)
    query: str = ""

    def post(self, url: str) -> Reply:
        """Send it, byte for byte."""
        to = urlsplit(url)
        connection = HTTPConnection(to.netloc, timeout=TIMEOUT)
        try:
            connection.putrequest("POST", f"{to.path}{self.query and '?'}{self.query}")
            for name, value in (*self.headers, ("Content-Length", str(len(self.body)))):
                connection.putheader(name, value)
            connection.endheaders(self.body)
            answer = connection.getresponse()
            text = f"{answer.msg}\n{answer.read().decode()}"
            return Reply(answer.status, answer.headers.get_content_type(), text)
        finally:
            connection.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A learner, and orders of theirs: ``paid`` at Duitku, ``unpaid``, ``done``, ``refunded``.

    Lunas has not asked about the paid one yet, so any callback that is accepted moves it.
    """

    stack: Stack
    duitku: Duitku
    learner: Person
    paid: Json
    unpaid: Json
    done: Json
    refunded: Json

    @property
    def right(self) -> Fields:
        """The callback that Duitku would send for the paid order."""
        return self.duitku.form(self.paid)

    @property
    def orders(self) -> tuple[Json, ...]:
        """All orders."""
        return (self.paid, self.unpaid, self.done, self.refunded)

    @property
    def secrets(self) -> list[str]:
        """What no answer may contain: keys, signatures, and who the learner is."""
        customer = self.paid["customer"]
        return [
            self.stack.duitku.api_key,
            self.stack.jwt_secret,
            *(self.duitku.form(each)["signature"] for each in self.orders),
            self.learner.id,
            self.learner.email,
            *(customer[name] for name in ("firstName", "lastName", "email", "phone")),
            "Traceback",
        ]


type Write = Callable[[Target], CallbackRequest]


def form(pairs: Iterable[tuple[str, str]]) -> CallbackRequest:
    """Write a form; it may have a field twice."""
    return CallbackRequest(urlencode(list(pairs)).encode())


def altered(**changes: str) -> Write:
    """Change fields of the right callback, and keep its signature."""
    return lambda target: form({**target.right, **changes}.items())


def resigned(**changes: str) -> Write:
    """Change fields of the right callback and sign it again, as only Duitku can."""
    return lambda target: form(target.duitku.form(target.paid, **changes).items())


def without(name: str) -> Write:
    """Leave a field out."""
    return lambda target: form(each for each in target.right.items() if each[0] != name)


def signed_by(scheme: Callable[[Target, Fields], str]) -> Write:
    """Sign the right fields in another way."""
    return lambda target: form({**target.right, "signature": scheme(target, target.right)}.items())


def doubled(name: str, value: str | None = None) -> Write:
    """Repeat a field, with ``value`` or with the same value."""
    return lambda target: form(
        [*target.right.items(), (name, target.right[name] if value is None else value)]
    )


def as_type(*media_types: str) -> Write:
    """Declare the right callback to be of other types, one header each."""
    return lambda target: CallbackRequest(
        form(target.right.items()).body, tuple((TYPE, each) for each in media_types)
    )


def raw(body: bytes, media_type: str = FORM) -> Write:
    """Send bytes."""
    return lambda _: CallbackRequest(body, ((TYPE, media_type),))


def with_bytes(more: bytes) -> Write:
    """Send bytes after the right callback."""
    return lambda target: CallbackRequest(form(target.right.items()).body + more)


def hmac_of(*names: str) -> Callable[[Target, Fields], str]:
    """Sign other fields, or the same ones in another order, with the right key."""
    return lambda target, fields: sign(
        "".join(fields[name] for name in names), target.stack.duitku.api_key
    )


def digest(algorithm: str, *names: str) -> Callable[[Target, Fields], str]:
    """Hash fields with the right key behind them, as Duitku did once."""

    def write(target: Target, fields: Fields) -> str:
        text = "".join(fields[name] for name in names) + target.stack.duitku.api_key
        return hashlib.new(algorithm, text.encode(), usedforsecurity=False).hexdigest()

    return write
