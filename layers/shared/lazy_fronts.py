"""Makes packages import their modules on demand; run by the layer's makefile.

A package whose ``__init__`` imports names from all of its modules loads all of them for a program
that needs one: Powertools' event handler loads AppSync, Bedrock and asyncio. Such an ``__init__``
is rewritten so that a name is imported when it is first used (PEP 562). Names that the ``__init__``
itself uses are still imported at once.

    python lazy_fronts.py .../python aws_lambda_powertools.event_handler jwt
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ON_DEMAND = '''

_MODULE_OF = {table!r}


def __getattr__(name):
    """Import the module that has the name."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
    from importlib import import_module

    module, there = _MODULE_OF[name]
    value = globals()[name] = getattr(import_module(module, __name__), there)
    return value
'''


def rewrite(source: str) -> str:
    """Rewrite the source of an ``__init__``."""
    tree = ast.parse(source)
    table = dict(_on_demand(tree))
    kept = [node for node in (_remaining(each, table) for each in tree.body) if node]
    return ast.unparse(ast.Module(kept, [])) + ON_DEMAND.format(table=table)


def _on_demand(tree: ast.Module) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield each name that is only re-exported, with its module and its name in that module."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            module = "." * node.level + (node.module or "")
            for each in node.names:
                name = each.asname or each.name
                if name not in used and each.name != "*":
                    yield name, (module, each.name)


def _remaining(node: ast.stmt, table: Mapping[str, object]) -> ast.stmt | None:
    """Return what is left of a top-level statement, or None."""
    if not isinstance(node, ast.ImportFrom):
        return node
    names = [each for each in node.names if (each.asname or each.name) not in table]
    return ast.ImportFrom(node.module, names, node.level) if names else None


if __name__ == "__main__":
    for package in sys.argv[2:]:
        path = Path(sys.argv[1], *package.split("."), "__init__.py")
        path.write_text(rewrite(path.read_text()))
