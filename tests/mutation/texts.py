"""The text of an expression in the storage's sources, worked out without running it."""

import ast
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutant import Source

STORAGE = Path("layers/shared/lunas/storage")
PACKAGE = "lunas.storage."


class Unreadable(Exception):
    """A condition whose text cannot be read from the source; it would escape the mutations."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A text that an expression may have, and the tests under which it has it."""

    text: str
    when: tuple[str, ...] = ()

    def then(self, other: "Reading", between: str = "") -> "Reading":
        """Put another text behind this one."""
        return Reading(f"{self.text}{between}{other.text}", (*self.when, *other.when))


def read(source: Source, node: ast.expr) -> list[Reading]:
    """Work out the texts of an expression of literals and constants; raises Unreadable."""
    match node:
        case ast.Constant(value=None):
            return [Reading("")]
        case ast.Constant(value=str(text)):
            return [Reading(text)]
        case ast.Name(id=name):
            return read(*_definition(source, node, name))
    return _read_composed(source, node)


def _read_composed(source: Source, node: ast.expr) -> list[Reading]:
    match node:
        case ast.FormattedValue(value=inner):
            return read(source, inner)
        case ast.JoinedStr(values=parts):
            return _joined(source, parts, "")
        case ast.Call(
            func=ast.Attribute(value=ast.Constant(value=str(between)), attr="join"),
            args=[ast.List(elts=parts)],
        ):
            return _joined(source, parts, between)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _returned(*_function(source, name), [source.shown(each) for each in arguments])
        case ast.IfExp(test=test, body=body, orelse=orelse):
            true, false = f"({source.shown(test)})", f"not ({source.shown(test)})"
            return [*_only_if(true, source, body), *_only_if(false, source, orelse)]
    raise Unreadable(f"{source.path}:{node.lineno}: {source.shown(node)}")


def _only_if(test: str, source: Source, node: ast.expr) -> list[Reading]:
    return [Reading(each.text, (test, *each.when)) for each in read(source, node)]


def _joined(source: Source, parts: list[ast.expr], between: str) -> list[Reading]:
    first, *others = parts
    readings = read(source, first)
    for part in others:
        following = read(source, part)
        readings = [before.then(after, between) for before in readings for after in following]
    return readings


def _returned(source: Source, function: ast.FunctionDef, arguments: list[str]) -> list[Reading]:
    """Read what a function returns by its one ``return``, with tests in words of the caller."""
    returned = [each.value for each in ast.walk(function) if isinstance(each, ast.Return)]
    if len(returned) != 1 or returned[0] is None:
        raise Unreadable(f"{source.path}: {function.name} does not return by one expression")
    names = dict(zip((each.arg for each in function.args.args), arguments, strict=True))
    return [
        Reading(each.text, tuple(_renamed(test, names) for test in each.when))
        for each in read(source, returned[0])
    ]


def _renamed(test: str, names: dict[str, str]) -> str:
    """Put the arguments of a call in place of the parameters that a test reads."""
    tree = ast.parse(test, mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
    return f"({ast.unparse(tree)})"


def name_of(node: ast.expr) -> str:
    """Return the last name of what is called or assigned to; nothing of other expressions."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _definition(source: Source, node: ast.AST, name: str) -> tuple[Source, ast.expr]:
    """Find what a name stands for: in the function, in the module, or where it is imported from."""
    function = source.function(node)
    for scope in (function, source.tree):
        for each in ast.walk(scope) if scope else ():
            if isinstance(each, ast.Assign) and any(name_of(to) == name for to in each.targets):
                return source, each.value
    origin = _origin(source, name)
    return _definition(origin, origin.tree, name)


def _function(source: Source, name: str) -> tuple[Source, ast.FunctionDef]:
    """Find a function by its name: in the module, or where it is imported from."""
    for each in source.tree.body:
        if isinstance(each, ast.FunctionDef) and each.name == name:
            return source, each
    return _function(_origin(source, name), name)


def _origin(source: Source, name: str) -> Source:
    """Return the module of the storage that a name is imported from; raises Unreadable."""
    for imported in source.tree.body:
        if isinstance(imported, ast.ImportFrom) and name in {each.name for each in imported.names}:
            module = (imported.module or "").removeprefix(PACKAGE)
            path = STORAGE / f"{module}.py"
            if (source.root / path).is_file():
                return Source.read(source.root, path)
    raise Unreadable(f"{source.path}: {name} is not defined")
