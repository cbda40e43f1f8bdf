"""What goes wrong: a tenth of all calls, each setting a tenth of the time, killed workers."""

import random
import re
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from tests.soak.simulators import Simulator

ENDLESS = 10**9
PARTS = 10
SHARE = 0.1 / PARTS
"""Of the calls of a route, each of its ten faults strikes one in a hundred."""
CHANGE_SECONDS = 10.0
CHANGE_SHARE = 0.1
KILL_SECONDS = 5.0

type Fault = dict[str, Any]

HTML = {"body": "<html><body>no</body></html>", "contentType": "text/html"}
JSON = "application/json"
DUITKU_ROUTES = ("createInvoice", "inquiry", "popTransactionStatus", "transactionStatus")
DUITKU_FAULTS: tuple[Fault, ...] = (
    {"kind": "answer", "status": 500, **HTML},
    {"kind": "answer", "status": 503},
    {"kind": "answer", "status": 400, "body": '{"Message": "no"}', "contentType": JSON},
    {"kind": "answer", "status": 429, "body": "Too many requests"},
    {"kind": "answer", "status": 200, **HTML},
    {"kind": "answer_after", "status": 502, **HTML},
    {"kind": "slow", "seconds": 2},
    {"kind": "slow", "seconds": 9},
    {"kind": "drop"},
    {"kind": "drop_after"},
)
"""Ten ways for a call to go wrong; nine seconds are longer than Lunas waits for Duitku."""
THINKIFIC_ROUTES = (
    *("listUsers", "createUser", "listEnrollments"),
    *("createEnrollment", "getEnrollment", "updateEnrollment"),
)
THINKIFIC_FAULTS: tuple[Fault, ...] = (
    {"kind": "answer", "status": 500, **HTML},
    {"kind": "answer", "status": 429, "headers": {"RateLimit-Reset": "2"}},
    {"kind": "answer", "status": 401, "body": '{"error": "no"}', "contentType": JSON},
    {"kind": "answer", "status": 422, "body": '{"errors": {"x": ["no"]}}', "contentType": JSON},
    {"kind": "answer", "status": 200, **HTML},
    {"kind": "answer_after", "status": 520, **HTML},
    {"kind": "slow", "seconds": 2},
    {"kind": "slow", "seconds": 7},
    {"kind": "drop"},
    {"kind": "drop_after"},
)
"""Likewise; 422 makes a dead letter, 401 a wait of five minutes."""
DUITKU_DIFFERENCES: dict[str, Any] = {
    "statusLag": 5,
    "statusLimit": {"calls": 0, "seconds": 15},
    "invoiceSeconds": 2,
    "callbackTimeout": 1,
    "callbackEnabled": False,
    "signatureMode": "legacy",
    "failingChannels": ["BC"],
    "closedChannels": ["M2"],
    "answers": {"popTransactionStatus": {"amount": "1"}, "createInvoice": {"reference": None}},
}
"""Settings that change how Duitku behaves, each with a value that disturbs Lunas."""
THINKIFIC_DIFFERENCES: dict[str, Any] = {
    "apiPlan": False,
    "requireUserAgent": True,
    "rateResetForm": "absent",
    "rateBody": "html",
    "concurrencyLimit": 2,
    "emailMatch": "partial",
    "userReadDelay": 2,
    "enrollmentReadDelay": 2,
    "putWithoutActivatedAt": "trial",
    "percentageForm": "number",
}


def spread_faults(duitku: Simulator, thinkific: Simulator) -> None:
    """Let a tenth of the calls of every route go wrong from now on."""
    for simulator, routes, faults in (
        (duitku, DUITKU_ROUTES, DUITKU_FAULTS),
        (thinkific, THINKIFIC_ROUTES, THINKIFIC_FAULTS),
    ):
        for route in routes:
            for fault in faults:
                lasting = {"route": route, "times": ENDLESS, "share": SHARE}
                simulator.do("faults", {**fault, **lasting})


class FaultSchedule:
    """Changes each setting of a simulator for a tenth of the time."""

    def __init__(
        self, simulator: Simulator, differences: dict[str, Any], chance: random.Random
    ) -> None:
        self._simulator, self._differences, self._chance = simulator, differences, chance
        usual = simulator.do("settings")
        self._usual = {name: usual[name] for name in differences}
        self.changed: Counter[str] = Counter()

    def change(self) -> None:
        """Choose which settings are changed."""
        bad = {name for name in self._differences if self._chance.random() < CHANGE_SHARE}
        self.changed.update(bad)
        chosen = {name: self._differences[name] for name in bad}
        self._simulator.do("settings", {**self._usual, **chosen})

    def calm(self) -> None:
        """Set every setting back."""
        self._simulator.do("settings", self._usual)


class Chaos:
    """Kills a worker of some function every few seconds, in the middle of its work."""

    def __init__(self, state: Path, chance: random.Random) -> None:
        self._state, self._chance = str(state), chance
        self.killed: Counter[str] = Counter()

    def kill(self) -> None:
        """Kill one worker."""
        found = [each for process in psutil.process_iter() if (each := self._worker(process))]
        if found:
            name, process = self._chance.choice(found)
            process.kill()
            self.killed[name] += 1

    def _worker(self, process: psutil.Process) -> tuple[str, psutil.Process] | None:
        try:
            command = " ".join(process.cmdline())
        except psutil.Error:
            return None
        named = re.search(r"-lunas-(\w+)Function-", command)
        return (named[1], process) if named and self._state in command else None


def repeat(
    seconds: float, stop: threading.Event, action: Callable[[], None], failures: list[str]
) -> threading.Thread:
    """Do something again and again, in a thread, until ``stop``."""

    def run() -> None:
        while not stop.wait(seconds):
            try:
                action()
            except Exception as error:  # noqa: BLE001  (reported at the end; the others go on)
                failures.append(f"{type(error).__name__}: {error}")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
