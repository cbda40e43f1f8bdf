"""The conditions of the table's writes: found as arguments called ``condition``, then split.

A part is taken out by making it always true (one side of an AND, or the whole) or never true (one
side of an OR), in a way that still uses its placeholders: DynamoDB refuses values that no
expression uses, and a mutant must not be found by that.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutant import Mutant, Source
from tests.mutation.texts import STORAGE, name_of, read

PARAMETER = "condition"


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression of the source that is a condition, and its text.

    ``when``: the tests in the source under which it has this text.
    """

    source: Source
    node: ast.expr
    text: str
    when: tuple[str, ...] = ()


def conditions(root: Path) -> list[Condition]:
    """Find every condition in the modules of the storage; raises Unreadable."""
    sources = [
        Source.read(root, path.relative_to(root)) for path in sorted((root / STORAGE).glob("*.py"))
    ]
    places = _places(sources)
    return [found for source in sources for found in _conditions_of(source, places)]


def mutants(condition: Condition) -> Iterator[Mutant]:
    """Make the mutants of one condition: without it, and without each of its parts."""
    otherwise = ast.get_source_segment(condition.source.text.decode(), condition.node)
    for part, text in variants(condition.text):
        what = part if part == condition.text else f"{part}  of  {condition.text}"
        instead = repr(text)
        if condition.when:
            instead = f"({text!r} if {' and '.join(condition.when)} else ({otherwise}))"
        yield condition.source.mutant(condition.node, what, instead)


def variants(text: str) -> Iterator[tuple[str, str]]:
    """Give what is taken out of a condition, with the condition that remains."""
    yield text, _always(text)
    yield from _without_parts(text)


def _without_parts(text: str) -> Iterator[tuple[str, str]]:
    operator, parts = split(text)
    for number, part in enumerate(parts if len(parts) > 1 else []):
        neutral = _always(part) if operator == "AND" else _never(part)
        for what, remaining in [(part, neutral), *_without_parts(_bare(part))]:
            together = [*parts[:number], remaining, *parts[number + 1 :]]
            yield what, f" {operator} ".join(map(_grouped, together))


def split(text: str) -> tuple[str, list[str]]:
    """Split a condition at its outermost operators; ORs bind less than ANDs."""
    for operator in ("OR", "AND"):
        parts, depth, begun = [], 0, 0
        for word in re.finditer(r"[()]|\b(?:OR|AND)\b", text):
            depth += {"(": 1, ")": -1}.get(word[0], 0)
            if word[0] == operator and depth == 0:
                parts.append(text[begun : word.start()].strip())
                begun = word.end()
        if parts:
            return operator, [*parts, text[begun:].strip()]
    return "AND", [text]


def _always(text: str) -> str:
    return f"{_grouped(text)} OR NOT {_grouped(text)}"


def _never(text: str) -> str:
    return f"{_grouped(text)} AND NOT {_grouped(text)}"


def _grouped(text: str) -> str:
    """Put a condition in parentheses if it needs any: DynamoDB refuses redundant ones."""
    bare = _bare(text)
    return f"({bare})" if len(split(bare)[1]) > 1 or bare.startswith("NOT") else bare


def _bare(text: str) -> str:
    """Take the parentheses around a whole condition away."""
    is_wrapped = text.startswith("(") and len(split(text)[1]) == 1
    return text[1:-1] if is_wrapped else text


def _places(sources: list[Source]) -> dict[str, int]:
    """Give, by name of function or class, the position of its parameter called condition."""
    places = {}
    for source in sources:
        for node in ast.walk(source.tree):
            names = _parameters(node)
            if PARAMETER in names and isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                places[node.name] = names.index(PARAMETER)
    return places


def _parameters(node: ast.AST) -> list[str]:
    """List what a function or the constructor of a dataclass takes, without self."""
    if isinstance(node, ast.FunctionDef):
        names = [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
        return [name for name in names if name not in {"self", "cls"}]
    if isinstance(node, ast.ClassDef):
        fields = (each for each in node.body if isinstance(each, ast.AnnAssign))
        return [each.target.id for each in fields if isinstance(each.target, ast.Name)]
    return []


def _conditions_of(source: Source, places: dict[str, int]) -> Iterator[Condition]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and name_of(node.func) in places:
            argument = _argument(node, places[name_of(node.func)])
            if argument is not None:
                yield from _resolved(source, argument)


def _argument(call: ast.Call, position: int) -> ast.expr | None:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if PARAMETER in given:
        return given[PARAMETER]
    return call.args[position] if position < len(call.args) else None


def _resolved(source: Source, node: ast.expr) -> Iterator[Condition]:
    """Give the conditions that an argument may be; none for what is only handed through."""
    if isinstance(node, ast.Name) and node.id == PARAMETER:
        return
    for reading in read(source, node):
        if reading.text:
            yield Condition(source, node, reading.text, reading.when)
