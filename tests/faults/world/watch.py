"""Checks everything from outside, and describes what is wrong or left undone."""

from tests.faults.world.always import Always
from tests.faults.world.at_rest import AtRest
from tests.faults.world.ledger import Ledger
from tests.faults.world.snapshot import Snapshot
from tests.faults.world.world import World

UNEXPECTED = {"unexpected error", "difference found"}


class Watch:
    """The checks of one world."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self.snapshot = Snapshot(world, ledger)
        self._always = Always(self.snapshot)
        self._at_rest = AtRest(self.snapshot)

    def wrong(self) -> list[str]:
        """Return the broken invariants."""
        self.snapshot.look()
        return list(self._always.wrong())

    def unfinished(self) -> list[str]:
        """Return what is left undone once everything has come to rest."""
        self.snapshot.look()
        return list(self._at_rest.unfinished())

    def undelivered(self) -> list[str]:
        """Return what Lunas should have delivered by itself, and has not."""
        self.snapshot.look()
        return list(self._at_rest.undelivered())

    def unexpected(self) -> list[str]:
        """Return errors that the product did not raise on purpose, and what its audit found."""
        return [str(each) for each in self.snapshot.world.logged if each[0] in UNEXPECTED]
