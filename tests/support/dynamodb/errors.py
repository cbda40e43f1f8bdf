"""Errors of the table in memory."""

from typing import Any


class Refused(Exception):
    """A refusal of DynamoDB: error code, message, and what else the answer holds."""

    def __init__(self, code: str, message: str = "", **more: Any) -> None:
        super().__init__(code, message)
        self.code = code
        self.answer = {"Error": {"Code": code, "Message": message}, **more}


class Unsupported(Exception):
    """A request that the table in memory does not support: add it, and compare with ministack."""


def invalid(message: str) -> Refused:
    """Return DynamoDB's refusal of an invalid request."""
    return Refused("ValidationException", message)
