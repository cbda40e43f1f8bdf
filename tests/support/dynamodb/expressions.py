"""DynamoDB's expressions, as far as Lunas uses them; anything else fails loudly.

Items stay in DynamoDB's notation (``{"S": "text"}``). An expression is read once and becomes a
function. An attribute other than ``pk``, ``sk`` and those of two words (``createdAt``) is written
as ``#name``: DynamoDB reserves many single words.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from tests.support.dynamodb.errors import Unsupported

type Wire = dict[str, Any]
type Scope = tuple[Mapping[str, Any], Mapping[str, str], Mapping[str, Any]]
"""What an expression is about: the item, the names and the values."""
type Operand = Callable[[Scope], Any]
type Condition = Callable[[Scope], bool]

TOKEN = re.compile(r"\s*([A-Za-z_]\w*|[#:]\w+|<=|>=|<>|[=<>(),+])")
BARE = re.compile(r"pk|sk|[a-z]+[A-Z]\w*")
"""A name of an attribute that is no word that DynamoDB reserves."""
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: bool(one == other),
    "<": lambda one, other: bool(one < other),
    "<=": lambda one, other: bool(one <= other),
    ">": lambda one, other: bool(one > other),
    ">=": lambda one, other: bool(one >= other),
}


def comparable(value: Mapping[str, Any]) -> Any:
    """Return a value of DynamoDB as one that Python compares in the same way."""
    ((kind, held),) = value.items()
    match kind:
        case "N":
            return Decimal(held)
        case "SS":
            return frozenset(held)
        case _:
            return held


class Tokens:
    """The tokens of an expression, one by one."""

    def __init__(self, text: str) -> None:
        self._words = _words(text)
        self._place = 0

    def peek(self) -> str:
        return self._words[self._place] if self._place < len(self._words) else ""

    def take(self, *wanted: str) -> str:
        """Take the next token, which must be one of ``wanted`` if any are given."""
        word = self.peek()
        if not word or (wanted and word not in wanted):
            raise Unsupported(f"{word!r} instead of {wanted}")
        self._place += 1
        return word

    def listed[T](self, read: Callable[[], T]) -> list[T]:
        """Read what is between commas."""
        found = [read()]
        while self.peek() == ",":
            self.take()
            found.append(read())
        return found


def _words(text: str) -> list[str]:
    words, place = [], 0
    while text[place:].strip():
        found = TOKEN.match(text, place)
        if found is None:
            raise Unsupported(text[place:])
        words.append(found[1])
        place = found.end()
    return words


def attributes(text: str, names: Mapping[str, str]) -> set[str]:
    """Return the attributes that an expression names."""
    words = _words(text)
    return {names[word] for word in words if word[0] == "#"} | {*filter(BARE.fullmatch, words)}


@cache
def condition(text: str) -> Condition:
    """Read a condition, a filter or a key condition."""
    tokens = Tokens(text)
    read = _any_of(tokens)
    if tokens.peek():
        raise Unsupported(text)
    return read


def _any_of(tokens: Tokens) -> Condition:
    parts = [_all_of(tokens)]
    while tokens.peek() == "OR":
        tokens.take()
        parts.append(_all_of(tokens))
    return lambda scope: any(part(scope) for part in parts)


def _all_of(tokens: Tokens) -> Condition:
    parts = [_single(tokens)]
    while tokens.peek() == "AND":
        tokens.take()
        parts.append(_single(tokens))
    return lambda scope: all(part(scope) for part in parts)


def _single(tokens: Tokens) -> Condition:
    match tokens.peek():
        case "(":
            tokens.take()
            inner = _any_of(tokens)
            tokens.take(")")
            return inner
        case "NOT":
            tokens.take()
            refused = _single(tokens)
            return lambda scope: not refused(scope)
        case "attribute_exists" | "attribute_not_exists" | "begins_with":
            return _function(tokens)
    return _comparison(tokens)


def _function(tokens: Tokens) -> Condition:
    name = tokens.take()
    tokens.take("(")
    operands = tokens.listed(lambda: operand(tokens))
    tokens.take(")")
    first = operands[0]
    match name:
        case "attribute_exists":
            return lambda scope: first(scope) is not None
        case "attribute_not_exists":
            return lambda scope: first(scope) is None
    start = operands[1]
    return lambda scope: str((first(scope) or {}).get("S", "")).startswith(start(scope)["S"])


def _comparison(tokens: Tokens) -> Condition:
    left = operand(tokens)
    word = tokens.take("=", "<>", "<", "<=", ">", ">=", "BETWEEN", "IN")
    if word == "BETWEEN":
        low = operand(tokens)
        tokens.take("AND")
        high = operand(tokens)
        return lambda scope: _holds(">=", left, low, scope) and _holds("<=", left, high, scope)
    if word == "IN":
        tokens.take("(")
        listed = tokens.listed(lambda: operand(tokens))
        tokens.take(")")
        return lambda scope: any(_holds("=", left, each, scope) for each in listed)
    right = operand(tokens)
    if word == "<>":
        return lambda scope: not _holds("=", left, right, scope)
    return lambda scope: _holds(word, left, right, scope)


def _holds(word: str, left: Operand, right: Operand, scope: Scope) -> bool:
    """Compare; a missing attribute, or one of another type, compares as false."""
    one, other = left(scope), right(scope)
    if one is None or other is None or one.keys() != other.keys():
        return False
    return COMPARISONS[word](comparable(one), comparable(other))


def operand(tokens: Tokens) -> Operand:
    word = tokens.take()
    if word.startswith(":"):
        return lambda scope: scope[2][word]
    if word.startswith("#"):
        return lambda scope: scope[0].get(scope[1][word])
    if not BARE.fullmatch(word):
        raise Unsupported(f"{word} is not written as #{word}")
    return lambda scope: scope[0].get(word)
