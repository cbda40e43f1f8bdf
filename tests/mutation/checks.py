"""The steps by which Lunas checks what it receives and decides, each with a mutant of its own.

- an ``if`` never holds, also one within an expression or behind a ``case``; one that chooses
  within a comprehension always holds;
- each side of an ``and`` holds, of an ``or`` does not;
- a comparison that is returned always holds, and never does;
- a call made for its effect, as one that raises, is not made;
- a ``raise`` that no ``if`` guards is passed over;
- an option of a library's call is left at its default.
"""

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tests.mutation.mutant import Mutant, Source

LAYER = Path("layers/shared/lunas")
CHECKED: dict[Path, frozenset[str] | None] = {
    Path("functions/duitku_webhook/app.py"): None,
    LAYER / "api/http_events.py": None,
    LAYER / "api/webhook.py": None,
    LAYER / "worker.py": None,
    LAYER / "gateways/duitku/callbacks.py": None,
    LAYER / "services/callbacks.py": None,
    LAYER / "domain/gateway_status.py": frozenset({"matches", "whole_rupiah"}),
    Path("functions/thinkific_webhook/app.py"): frozenset({"handler", "_verify"}),
    LAYER / "platforms/thinkific/events.py": None,
    LAYER / "services/manual_payments.py": None,
    LAYER / "services/purchases.py": frozenset({"price", "check_offer"}),
    LAYER / "domain/texts.py": frozenset({"email_address"}),
    LAYER / "domain/users.py": frozenset({"own_address", "customer_of", "check_invoiceable"}),
    LAYER / "domain/catalog.py": frozenset({"check_on_sale", "check_mapped", "check_room"}),
    LAYER / "services/checkout.py": None,
    LAYER / "domain/schedule.py": frozenset({"minutes", "lifetime", "minutes_to_ask"}),
    LAYER / "services/open_payments.py": None,
    LAYER / "services/recheck.py": None,
    LAYER / "services/settlement.py": None,
    LAYER / "domain/settlement.py": None,
    LAYER / "domain/payments.py": frozenset({"existing"}),
    LAYER / "domain/refunds.py": None,
    LAYER / "services/corrections.py": None,
    LAYER / "domain/corrections.py": None,
    LAYER / "services/shared_access.py": None,
    LAYER / "domain/access_claims.py": None,
    LAYER / "domain/enrollments.py": frozenset({"ends_at", "has_access", "is_owed"}),
    LAYER / "services/access_comparison.py": None,
    LAYER / "domain/access_comparison.py": None,
    LAYER / "platforms/thinkific/platform.py": frozenset({"access", "_platform_access"}),
    LAYER / "api/auth.py": None,
    LAYER / "api/jwks.py": None,
    LAYER / "api/pagination.py": None,
}
"""The files that check callers, messages of Duitku and Thinkific, purchases and access; with the
functions that do so, None: all."""
EQUIVALENT = {
    (LAYER / "api/pagination.py", "option algorithm=ALGORITHM"): (
        "the library's default is the same; readers should not have to know it"
    ),
}
"""Mutants that behave as the code does, by file and what is taken out, with the reason."""


def mutants(root: Path) -> Iterator[Mutant]:
    """Make the mutants of all steps, without those that are known to be equivalent."""
    for mutant in found(root):
        if (mutant.path, mutant.what) not in EQUIVALENT:
            yield mutant


def found(root: Path) -> Iterator[Mutant]:
    """Make the mutants of all steps."""
    for path, functions in CHECKED.items():
        source = Source.read(root, path)
        for node in ast.walk(source.tree):
            function = source.function(node)
            if function and (functions is None or function.name in functions):
                yield from _of_node(source, node)


def _of_node(source: Source, node: ast.AST) -> Iterator[Mutant]:
    yield from _conditions(source, node)
    yield from _steps(source, node)


def _conditions(source: Source, node: ast.AST) -> Iterator[Mutant]:
    match node:
        case ast.If(test=test) | ast.IfExp(test=test) | ast.match_case(guard=ast.expr() as test):
            yield source.mutant(test, f"if {source.shown(test)}", "False")
        case ast.comprehension(ifs=tests):
            for test in tests:
                yield source.mutant(test, f"chosen if {source.shown(test)}", "True")
        case ast.BoolOp(op=operator, values=values):
            neutral = "True" if isinstance(operator, ast.And) else "False"
            for value in values:
                yield source.mutant(value, f"part {source.shown(value)}", neutral)
        case ast.Return(value=ast.Compare() as compared):
            yield source.mutant(compared, f"always {source.shown(compared)}", "True")
            yield source.mutant(compared, f"never {source.shown(compared)}", "False")


def _steps(source: Source, node: ast.AST) -> Iterator[Mutant]:
    match node:
        case ast.Expr(value=ast.Call() as call):
            yield source.mutant(node, f"step {source.shown(call)}", "pass")
        case ast.Raise() if not isinstance(source.parents[node], ast.If):
            yield source.mutant(node, f"step {source.shown(node)}", "pass")
        case ast.Call(
            func=ast.Name(id=name) | ast.Attribute(value=ast.Name(id=name)), keywords=keywords
        ) if _is_foreign(source, name):
            for keyword in keywords:
                yield _without(source, keyword)


def _is_foreign(source: Source, name: str) -> bool:
    """Return whether a name is a library, or imported from one."""
    return any(
        name in {alias.name for alias in each.names}
        for each in source.tree.body
        if isinstance(each, ast.Import)
        or (isinstance(each, ast.ImportFrom) and not (each.module or "").startswith("lunas"))
    )


def _without(source: Source, keyword: ast.keyword) -> Mutant:
    """Leave an option out, with the comma after it."""
    whole = f"{keyword.arg}={source.shown(keyword.value)}"
    made = source.mutant(keyword.value, f"option {whole}", "")
    start = made.start - len(f"{keyword.arg}=")
    end = made.end + source.text[made.end :].startswith(b",")
    return replace(made, start=start, end=end)
