"""Reads fields of Thinkific's answers and checks their types.

A field of another type raises Malformed, which names the field and never quotes its value: the
answer may come from a proxy, and no conclusion is drawn from it. null counts as a missing field.
"""

import re
from collections.abc import Mapping
from typing import Any

from lunas.domain.errors import Malformed

type Fields = Mapping[str, Any]

_DIGITS = re.compile(r"[0-9]{1,18}")


def number_of(value: object) -> int | None:
    """Read an integer or digits; None for anything else."""
    if type(value) not in {int, str}:
        return None
    return int(digits) if _DIGITS.fullmatch(digits := str(value)) else None


def id_of(value: object) -> str | None:
    """Read an id, an integer or digits, as text without leading zeros; None for anything else."""
    found = number_of(value)
    return None if found is None else str(found)


def required_id(item: Fields, name: str) -> str:
    """Return an id; raises Malformed without one."""
    found = id_of(item.get(name))
    if found is None:
        raise malformed(name)
    return found


def id_if_any(item: Fields, name: str) -> str | None:
    """Return an id, or None without one."""
    return None if item.get(name) is None else required_id(item, name)


def ids(item: Fields, name: str) -> list[str]:
    """Return a list of ids, empty without one."""
    listed = item.get(name)
    if listed is None:
        return []
    found = [id_of(each) for each in listed] if isinstance(listed, list) else [None]
    if None in found:
        raise malformed(name)
    return [each for each in found if each is not None]


def text(item: Fields, name: str) -> str:
    """Return a text, empty without one."""
    found = item.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise malformed(name)
    return found


def word(item: Fields, name: str) -> str:
    """Return a text or an integer as text, empty without one."""
    found = item.get(name)
    return str(found) if type(found) is int else text(item, name)


def flag(item: Fields, name: str) -> bool:
    """Return a boolean, False without one."""
    found = item.get(name)
    if not isinstance(found, bool | None):
        raise malformed(name)
    return bool(found)


def part(item: Fields, name: str) -> Fields:
    """Return an object, empty without one."""
    found = item.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise malformed(name)
    return found


def malformed(name: str) -> Malformed:
    """Return the error for a field of another type."""
    return Malformed(f"Thinkific answered without a readable {name}")
