"""The admin routes of both simulators, as the soak uses them."""

from dataclasses import dataclass
from typing import Any

import requests

type Json = dict[str, Any]

SECONDS = 60


@dataclass(frozen=True, slots=True)
class Simulator:
    """One simulator, by its origin."""

    url: str

    def see(self, path: str) -> Json:
        """Return what an admin route shows."""
        return _content(requests.get(f"{self.url}/_sim/{path}", timeout=SECONDS))

    def do(self, path: str, body: object = None) -> Json:
        """Use an admin route."""
        return _content(requests.post(f"{self.url}/_sim/{path}", json=body or {}, timeout=SECONDS))

    def forget_faults(self) -> None:
        """End all faults."""
        _content(requests.delete(f"{self.url}/_sim/faults", timeout=SECONDS))


def _content(answer: requests.Response) -> Json:
    answer.raise_for_status()
    content: Json = answer.json()
    return content
