"""How long open-ended tests run: a short form in ``make test``, longer ones on request.

``LUNAS_TESTS`` selects it: ``long`` is what ``make test-full`` takes, ``exhaustive`` takes hours.
"""

import os

import pytest

_LENGTHS = ("short", "long", "exhaustive")
_LENGTH = _LENGTHS.index(os.environ.get("LUNAS_TESTS") or "short")
LONG = _LENGTH > 0
"""Whether there is time for the long forms."""
EXHAUSTIVE = _LENGTH > 1
"""Whether there is time for everything."""
only_long = pytest.mark.skipif(not LONG, reason="only in the long form: make test-full")


def by_length[T](short: T, long: T, exhaustive: T) -> T:
    """Choose by the length that is asked for."""
    return (short, long, exhaustive)[_LENGTH]
