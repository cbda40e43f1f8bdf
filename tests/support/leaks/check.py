"""The leak test: after a session, its stack's logs are searched for all data that went in.

Searched are the lines of every function, with the metrics that are among them, the output of the
deployment, and the errors that the API answered. The logs of the emulator and the simulators are
not Lunas: they stand for AWS, Duitku and Thinkific, who receive this data anyway.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.cloud import Options, Stack, running_stack
from local.cloud.state import State
from tests.support.figures import figures_of
from tests.support.leaks.intake import Needle, gather
from tests.support.leaks.search import Leak, Text, search, texts_of
from tests.support.leaks.tap import Exchange, Tap, tapped
from tests.support.users import eventually

REFUSED = 400
CREATED = 201
SHOWN = 20
"""Leaks that a failure names; one bad log line of a function is found many times."""


@dataclass(frozen=True, slots=True)
class Searched:
    """How much was searched, for how many values, and what was found."""

    lines: int
    errors: int
    needles: int
    payments: int
    leaks: list[Leak]

    def __str__(self) -> str:
        return (
            f"{self.lines} lines of logs and {self.errors} errors searched for {self.needles} "
            f"values: {len(self.leaks)} leaks; all {self.payments} payments are in the lines"
        )


@contextmanager
def watched_stack(folder: Path, options: Options, config: pytest.Config) -> Iterator[Stack]:
    """Run a stack for as long as the block lasts, and fail at its end when it has leaked."""
    with running_stack(folder, options) as running, tapped(running) as tap:
        yield running
        figures_of(config).note(f"leak test: {check_no_leak(running, tap)}")


def check_no_leak(stack: Stack, tap: Tap) -> Searched:
    """Fail if anything that went in is in a log or an error, or if too little was searched."""
    made = payments_made(tap.exchanges)
    eventually(lambda: made - logged_ids(texts_of(stack.logs)), lambda missing: not missing)
    searched = search_all(stack, tap, gather(stack, tap.exchanges), len(made))
    check_not_idle(searched, tap.exchanges)
    assert not searched.leaks, "\n".join(map(str, [searched, *searched.leaks[:SHOWN]]))
    return searched


def search_all(stack: Stack, tap: Tap, needles: set[Needle], payments: int) -> Searched:
    """Search logs and errors."""
    logs = texts_of(stack.logs)
    deployed = State(stack.logs.parent.parent).logs / "deploy.log"
    refusals = [each for each in tap.exchanges if each.status >= REFUSED]
    errors = [Text(f"answer to {each.method} {each.url}", each.answer) for each in refusals]
    output = [Text(deployed.name, deployed.read_text())]
    return Searched(
        lines=sum(log.content.count("\n") for log in logs),
        errors=len(errors),
        needles=len(needles),
        payments=payments,
        leaks=search([*logs, *output, *errors], needles),
    )


def check_not_idle(searched: Searched, exchanges: list[Exchange]) -> None:
    """Fail if less was searched than a session of this size must have logged.

    Each request that a function answered has left a line, and each token is a value. That the
    lines are those of this very session show the payments: all ids that were given out are there.
    """
    answered = sum(each.status < REFUSED for each in exchanges)
    credentials = {each.headers.get("authorization") for each in exchanges} - {None}
    assert searched.lines >= max(answered, 1), f"few lines for {answered} answers: {searched}"
    assert searched.needles >= len(credentials) + 6, f"few values: {searched}"


def payments_made(exchanges: list[Exchange]) -> set[str]:
    """Return the ids of the payments that the API made."""
    made = (json.loads(each.answer) for each in exchanges if each.status == CREATED)
    return {each["id"] for each in made if str(each.get("id", "")).startswith("pay")}


def logged_ids(logs: list[Text]) -> set[str]:
    """Return the ids of the payments that the lines are about."""
    return {found for log in logs for found in re.findall(r"pay[0-9a-f]{32}", log.content)}
