"""``make redrive``: deliveries that were given up are asked for anew, their dead letters deleted.

An operator runs it once the cause is mended. Each letter is dealt with by itself: first the
delivery is asked for, then the letter deleted, so that a break in between repeats and never loses.
"""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from local.deployed import Deployed, find
from lunas.adapters.dead_letters import DeadLetter, DeadLetters
from lunas.adapters.store.enrollments import Enrollments
from lunas.adapters.store.table import Table
from lunas.rules.delivery import DeliveryRequest
from lunas.rules.errors import StoreBusy
from lunas.usecases.redrive import redrive

ASKED, OUT_OF_DATE, STAYS = "asked anew", "out of date", "stays"


def run(environment: str, state_dir: Path) -> int:
    """Empty the dead-letter queue of an environment; returns 1 when a letter has to stay."""
    return empty(find(environment, state_dir), print)


def empty(deployed: Deployed, report: Callable[[str], None]) -> int:
    """Deal with every dead letter; ``report`` hears a line about each, and the sum."""
    letters = DeadLetters(deployed.dead_letters, deployed.sqs)
    enrollments = Enrollments(Table(deployed.dynamodb, deployed.table))
    fates: Counter[str] = Counter()
    staying: list[DeadLetter] = []
    for letter in letters.receive_all():
        fate, line = _deal(enrollments, letter)
        fates[fate] += 1
        report(f"{fate:<12} {line}")
        if fate == STAYS:
            staying.append(letter)
        else:
            letters.delete(letter)
    behind = letters.unseen()
    for letter in staying:
        letters.show_again(letter)
    report("redrive: " + ", ".join(f"{fates[each]} {each}" for each in (ASKED, OUT_OF_DATE, STAYS)))
    if behind:
        report(f"about {behind} more wait behind those that stay, or arrived meanwhile: run again")
    return 1 if staying or behind else 0


def _deal(enrollments: Enrollments, letter: DeadLetter) -> tuple[str, str]:
    """Ask for a letter's delivery if that makes sense; give its fate and a line about it."""
    if letter.wish is None:
        return STAYS, f"message {letter.id} is no delivery request"
    about = _describe(letter.wish, letter.reason)
    try:
        redriven = redrive(enrollments, letter.wish, datetime.now(UTC))
    except StoreBusy as error:
        return STAYS, f"{about}: {error}"
    return (ASKED if redriven.asked_anew else OUT_OF_DATE), f"{about}: {redriven.finding}"


def _describe(wish: DeliveryRequest, reason: str | None) -> str:
    given_up = f"given up since {reason}" if reason else "moved by SQS"
    return f"{wish.enrollment_id} of {wish.payment_id}, {given_up}"
