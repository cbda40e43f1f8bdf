"""How the table in memory says no."""

from typing import Any


class Refused(Exception):
    """DynamoDB's no: error code, message, and what else the answer carries."""

    def __init__(self, code: str, message: str = "", **more: Any) -> None:
        super().__init__(code, message)
        self.code = code
        self.answer = {"Error": {"Code": code, "Message": message}, **more}


class Unsupported(Exception):
    """A request beyond what the table in memory knows: teach it, and compare it with ministack."""


def invalid(message: str) -> Refused:
    """Return DynamoDB's no to a request that is not valid."""
    return Refused("ValidationException", message)
