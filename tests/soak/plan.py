"""A random plan from a seed: who buys what, how they pay, and how the callback goes wrong."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

ADMIN = "soak-admin"
CHANNELS = ("BC", "SP", "M2")
"""Codes by which a buyer names a channel at once: that goes by Duitku's API v2."""
ENTRY, INTERMEDIATE, BUNDLE = "entry", "intermediate", "bundle-data"
COURSES = {
    ENTRY: ("python-dasar", "literasi-data"),
    INTERMEDIATE: ("analisis-sql", "web-django", "statistika-bisnis"),
}


class Way(StrEnum):
    """How the money travels: Duitku's page, a channel of Duitku, or a transfer with proof."""

    POP = "Duitku, channel chosen on its page"
    CHANNEL = "Duitku, channel named"
    MANUAL = "transfer, approved by an admin"


class Callback(StrEnum):
    """How Duitku's callback comes."""

    HONEST = "comes once"
    DOUBLED = "comes three times at once"
    LATE = "comes six seconds late"
    NEVER = "never comes"
    MISSIGNED = "is signed with another key"
    ALTERED = "names another amount"
    EARLY = "comes before the money, not after"
    FAILED_FIRST = "reports a failure, then the money"


@dataclass(frozen=True, slots=True)
class Purchase:
    """One thing that a learner buys; a bundle names no course, and Duitku's page no channel."""

    package: str
    course: str | None
    way: Way
    callback: Callback
    pays: bool
    refunded: bool
    channel: str | None = None

    @property
    def body(self) -> dict[str, str]:
        """The order as the API takes it."""
        return {"packageId": self.package, **({"courseId": self.course} if self.course else {})}


@dataclass(frozen=True, slots=True)
class Basket:
    """All that one learner buys; ``together``: everything is ordered before anything is paid."""

    learner: str
    purchases: tuple[Purchase, ...]
    together: bool = False


def baskets(payments: int, seed: int) -> Iterator[Basket]:
    """Plan so many payments, each learner with one or two of them."""
    chance = random.Random(seed)  # noqa: S311  (a plan that can be repeated)
    planned = number = 0
    while planned < payments:
        number += 1
        basket = _basket(chance, f"soak-{seed}-{number:05d}", payments - planned)
        planned += len(basket.purchases)
        yield basket


def _basket(chance: random.Random, learner: str, left: int) -> Basket:
    kind = chance.random()
    if kind < 0.05 and left > 1:
        return _paid_twice(chance, learner)
    if kind < 0.15 and left > 1:
        course = _purchase(chance, ENTRY, COURSES[ENTRY][0])
        return Basket(learner, (course, _purchase(chance, BUNDLE, None)))
    if kind < 0.30:
        return Basket(learner, (_purchase(chance, BUNDLE, None),))
    package = chance.choice(list(COURSES))
    return Basket(learner, (_purchase(chance, package, chance.choice(COURSES[package])),))


def _paid_twice(chance: random.Random, learner: str) -> Basket:
    """Order the same course by both ways, and pay both."""
    course = COURSES[ENTRY][1]
    made = [
        Purchase(ENTRY, course, way, _callback(chance), pays=True, refunded=False)
        for way in (Way.POP, Way.MANUAL)
    ]
    return Basket(learner, tuple(made), together=True)


def _purchase(chance: random.Random, package: str, course: str | None) -> Purchase:
    way = chance.choices(list(Way), (60, 20, 20))[0]
    return Purchase(
        package,
        course,
        way,
        _callback(chance),
        pays=chance.random() > 0.05,
        refunded=chance.random() < 0.06,
        channel=chance.choice(CHANNELS) if way is Way.CHANNEL else None,
    )


def _callback(chance: random.Random) -> Callback:
    """Choose a callback's fault: each one happens to a tenth of them."""
    if chance.random() < 0.3:
        return Callback.HONEST
    return chance.choice([each for each in Callback if each is not Callback.HONEST])
