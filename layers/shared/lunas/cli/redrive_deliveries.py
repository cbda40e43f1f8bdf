"""``make redrive-deliveries``: requests deliveries again and deletes their dead letters.

An operator runs it once the cause is mended. Each letter is dealt with by itself: first the
delivery is asked for, then the letter deleted, so that a break in between repeats and never loses.
Then what is FAILED without a letter: SQS keeps one for fourteen days only, and anybody who may
can delete one.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from local.deployed import Deployed, find
from lunas.aws.dead_letters import DeadLetter, DeadLetters
from lunas.domain.delivery import DeliveryRequest
from lunas.domain.enrollments import DeliveryStatus, Enrollment
from lunas.domain.errors import StorageContention
from lunas.domain.lists import EnrollmentFilter, Position
from lunas.services.redrive import Fate, Redriven, redrive
from lunas.storage.enrollments import Enrollments
from lunas.storage.table import Table

PAGE = 100


def run(environment: str, state_dir: Path) -> int:
    """Empty the dead-letter queue of an environment; returns 1 when a letter has to stay."""
    return empty(find(environment, state_dir), print)


def empty(deployed: Deployed, report: Callable[[str], None]) -> int:
    """Deal with every dead letter; ``report`` hears a line about each, and the sum."""
    letters = DeadLetters(deployed.dead_letters, deployed.sqs)
    enrollments = Enrollments(Table(deployed.dynamodb, deployed.table))
    fates: Counter[Fate] = Counter()
    staying: list[DeadLetter] = []
    asked: set[str] = set()

    def tell(fate: Fate, line: str) -> None:
        fates[fate] += 1
        report(f"{fate:<12} {line}")

    for letter in letters.receive_all():
        fate, line = _deal(enrollments, letter, asked)
        tell(fate, line)
        if fate is Fate.STAYS:
            staying.append(letter)
        else:
            letters.delete(letter)
    behind = letters.unseen()
    for letter in staying:
        letters.show_again(letter)
    # The index of what failed is some moments behind.
    for failed in (each for each in _failed(enrollments) if each.id not in asked):
        again = _redriven(enrollments, failed.id, asked)
        tell(again.fate, f"{failed.id} of {failed.payment_id}, without a letter: {again.finding}")
    report("redrive: " + ", ".join(f"{fates[each]} {each}" for each in Fate))
    if behind:
        report(f"about {behind} more wait behind those that stay, or arrived meanwhile: run again")
    return 1 if fates[Fate.STAYS] or behind else 0


def _deal(enrollments: Enrollments, letter: DeadLetter, asked: set[str]) -> tuple[Fate, str]:
    """Ask for a letter's delivery if that makes sense; give its fate and a line about it."""
    if letter.request is None:
        return Fate.STAYS, f"message {letter.id} is no delivery request"
    redriven = _redriven(enrollments, letter.request.enrollment_id, asked)
    return redriven.fate, f"{_describe(letter.request, letter.reason)}: {redriven.finding}"


def _redriven(enrollments: Enrollments, enrollment_id: str, asked: set[str]) -> Redriven:
    """Ask anew, once in a run however many letters there are; ``asked`` collects what was."""
    if enrollment_id in asked:
        return Redriven(Fate.OUT_OF_DATE, "it was asked for a moment ago")
    try:
        redriven = redrive(enrollments, enrollment_id, datetime.now(UTC))
    except StorageContention as error:
        return Redriven(Fate.STAYS, str(error))
    if redriven.fate is Fate.ASKED:
        asked.add(enrollment_id)
    return redriven


def _failed(enrollments: Enrollments) -> Iterator[Enrollment]:
    """List what waits for a person, page by page; asking anew takes it out of the list."""
    wanted = EnrollmentFilter(delivery=DeliveryStatus.FAILED)
    after: Position | None = None
    while True:
        page = enrollments.page(wanted, PAGE, after)
        yield from page.items
        after = page.after
        if after is None:
            return


def _describe(request: DeliveryRequest, reason: str | None) -> str:
    given_up = f"given up since {reason}" if reason else "moved by SQS"
    return f"{request.enrollment_id} of {request.payment_id}, {given_up}"
