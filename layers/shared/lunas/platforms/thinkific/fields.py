"""Fields of Thinkific's answers, each of a type that it may have.

Another type is Malformed, which names the field and never quotes its value: Thinkific, or
somebody in its place, answered something else than what is asked for, and nothing is concluded
from it. null and a field that is not there are the same.
"""

import re
from collections.abc import Mapping
from typing import Any

from lunas.domain.errors import Malformed

type Fields = Mapping[str, Any]

_DIGITS = re.compile(r"[0-9]{1,18}")


def id_of(value: object) -> int | None:
    """Read an id, an integer or digits; None for anything else."""
    if type(value) not in {int, str}:
        return None
    return int(digits) if _DIGITS.fullmatch(digits := str(value)) else None


def number(row: Fields, name: str) -> int:
    """Return an id, which has to be there."""
    found = id_of(row.get(name))
    if found is None:
        raise malformed(name)
    return found


def number_if_any(row: Fields, name: str) -> int | None:
    """Return an id, None where there is none."""
    return None if row.get(name) is None else number(row, name)


def numbers(row: Fields, name: str) -> list[int]:
    """Return a list of ids, empty where there is none."""
    listed = row.get(name)
    if listed is None:
        return []
    found = [id_of(each) for each in listed] if isinstance(listed, list) else [None]
    if None in found:
        raise malformed(name)
    return [each for each in found if each is not None]


def text(row: Fields, name: str) -> str:
    """Return a text, empty where there is none."""
    found = row.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise malformed(name)
    return found


def word(row: Fields, name: str) -> str:
    """Return what may be a text or an integer, as text; empty where there is none."""
    found = row.get(name)
    return str(found) if type(found) is int else text(row, name)


def flag(row: Fields, name: str) -> bool:
    """Return yes or no; no where there is none."""
    found = row.get(name)
    if not isinstance(found, bool | None):
        raise malformed(name)
    return bool(found)


def part(row: Fields, name: str) -> Fields:
    """Return an object, empty where there is none."""
    found = row.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise malformed(name)
    return found


def malformed(name: str) -> Malformed:
    """Return the error for a field that is not as it should be."""
    return Malformed(f"Thinkific answered without a readable {name}")
