"""Errors that are answered with a status."""


class Refused(Exception):
    """A request that is answered with a status other than 200."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
