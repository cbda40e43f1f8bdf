"""Makes modules provide names on demand; run by the layer's makefile.

A module may import for all what few of its functions need: botocore's clients load the writers of
its documentation, and with them a parser of HTML. Such a module is rewritten so that a name is
imported or computed when it is first used (PEP 562). The names stay the same.

    python late_names.py .../python jwt botocore.utils:dateutil,tempfile

- ``package``: all that a package only gathers from its modules.
- ``module:name,other``: these names, which the module's functions alone use. The functions that
  do begin with a look-up of them.

A name that the module lacks, or uses while it is imported itself, is an error of the build.
"""

import ast
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
HERE = "_HERE = __import__('sys').modules[__name__]"
ON_DEMAND = """
def __getattr__(name):
    match name:
        case _:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals()[name]
"""


def rewrite(source: str, names: Collection[str] = ()) -> str:
    """Rewrite the source of a module; without ``names``, all late that it only gathers.

    Raises ValueError for a name that cannot be late.
    """
    tree = ast.parse(source)
    names = set(names) or _gathered(tree)
    late: dict[str, ast.stmt] = {}
    tree.body = [kept for node in tree.body for kept in _without(node, names, late)]
    used = {name for node in tree.body for name in _used_at_import(node)}
    if wrong := (names - late.keys()) | (names & used):
        raise ValueError(f"cannot be late: {', '.join(sorted(wrong))}")
    for function in _functions(tree):
        start = 0 if ast.get_docstring(function) is None else 1
        function.body[start:start] = _look_ups(names & _names_in(function.body))
    tree.body.insert(_first_statement(tree.body), *ast.parse(HERE).body)
    tree.body.append(_on_demand(late))
    return ast.unparse(ast.fix_missing_locations(tree))


def _gathered(tree: ast.Module) -> set[str]:
    """Return the names that a module imports from others and does not use."""
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    names = {_bound(each) for node in imports if node.module != "__future__" for each in node.names}
    return names - _names_in(tree.body) - {"*"}


def _without(
    node: ast.stmt, names: Collection[str], late: dict[str, ast.stmt]
) -> Iterator[ast.stmt]:
    """Yield what is left of a top-level statement; what defines ``names`` goes to ``late``."""
    match node:
        case ast.Import(given) | ast.ImportFrom(names=given):
            for each in given:
                if _bound(each) in late:
                    raise ValueError(f"two imports of {_bound(each)}, of which one would be lost")
                if _bound(each) in names:
                    late[_bound(each)] = _importing(node, [each])
            if rest := [each for each in given if _bound(each) not in names]:
                yield _importing(node, rest)
        case ast.Assign([ast.Name(name)]) if name in names:
            late[name] = node
        case _:
            yield node


def _importing(node: ast.Import | ast.ImportFrom, names: list[ast.alias]) -> ast.stmt:
    if isinstance(node, ast.Import):
        return ast.Import(names)
    return ast.ImportFrom(node.module, names, node.level)


def _bound(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _names_in(nodes: Iterable[ast.AST]) -> set[str]:
    return {each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name)}


def _used_at_import(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement uses outside of the bodies of functions."""
    if isinstance(node, ast.Name):
        yield node.id
    body = node.body if isinstance(node, FUNCTIONS) else ()
    for each in ast.iter_child_nodes(node):
        if each not in body:
            yield from _used_at_import(each)


def _functions(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the outermost functions."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, FUNCTIONS):
            yield each
        else:
            yield from _functions(each)


def _look_ups(names: Iterable[str]) -> list[ast.stmt]:
    return ast.parse("\n".join(f"_HERE.{name}" for name in sorted(names))).body


def _first_statement(body: list[ast.stmt]) -> int:
    """Return the place after the docstring and the imports from ``__future__``."""
    for place, node in enumerate(body):
        match node:
            case ast.Expr(ast.Constant()) | ast.ImportFrom("__future__"):
                continue
        return place
    return len(body)


def _on_demand(late: dict[str, ast.stmt]) -> ast.stmt:
    """Return the function that defines each name when it is asked for."""
    function = ast.parse(ON_DEMAND).body[0]
    assert isinstance(function, ast.FunctionDef)  # noqa: S101
    match function.body:
        case [ast.Match(cases=cases), *_]:
            for name, node in late.items():
                needed = _look_ups(_names_in([node]) & late.keys() - {name})
                pattern = ast.MatchValue(ast.Constant(name))
                cases.insert(0, ast.match_case(pattern, None, [*needed, node]))
    function.body.insert(0, ast.Global(sorted(late)))
    return function


if __name__ == "__main__":
    wanted: dict[str, list[str]] = {}
    for given in sys.argv[2:]:
        module, _, listed = given.partition(":")
        wanted.setdefault(module, []).extend(listed.split(",") if listed else ())
    for module, names in wanted.items():
        path = Path(sys.argv[1], *module.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        path.write_text(rewrite(path.read_text(), names))
