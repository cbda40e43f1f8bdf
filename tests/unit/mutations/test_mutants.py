"""The mutations find what there is to take out, and take out only that."""

from pathlib import Path

import pytest

from local.mutations import checks, conditions
from local.mutations.conditions import Condition
from local.mutations.mutant import Source
from local.mutations.texts import STORE, Unreadable

OTHER = 'NEW = "attribute_not_exists(#pk)"\n'
TABLE = """
class Table:
    def put(self, item, condition, values=None):
        return self.put_action("", item, condition, values)

    def put_action(self, label, item, condition, values=None): ...

class Change:
    sets: dict
    condition: str | None = None
"""


def found(tmp_path: Path, body: str) -> list[Condition]:
    """Find the conditions of a store with this module beside the table."""
    folder = tmp_path / STORE
    folder.mkdir(parents=True, exist_ok=True)
    modules = {"table": TABLE, "other": OTHER, "payments": body}
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    return conditions.conditions(tmp_path)


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ('t.put(item, "#a = :a")', ["#a = :a"]),
        ('t.put_action("l", item, "#a = :a", {})', ["#a = :a"]),
        ('Change({}, condition="#a = :a")', ["#a = :a"]),
        ("Change({}, condition=None)\nChange({})", []),
        ("from lunas.adapters.store.other import NEW\nt.put(item, NEW)", [OTHER[7:-2]]),
        ('OWN = "#a = :a"\nt.put(item, f"{OWN} AND #b < :b")', ["#a = :a AND #b < :b"]),
        ('def f():\n    free = "#a = :a"\n    t.put(item, free)', ["#a = :a"]),
        ('t.put(item, "#a = :a" if x else None)', ["#a = :a"]),
        ('t.put(item, " AND ".join(["#a = :a", "#b = :b" if x else "#c = :c"]))',
         ["#a = :a AND #b = :b", "#a = :a AND #c = :c"]),
    ],
)  # fmt: skip
def test_a_condition_is_found_however_it_is_written(
    tmp_path: Path, body: str, texts: list[str]
) -> None:
    assert [each.text for each in found(tmp_path, body)] == texts


def test_a_condition_that_cannot_be_read_is_no_reason_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"payments\.py"):
        found(tmp_path, "t.put(item, make_one())")


def test_the_branch_of_a_condition_keeps_the_other_one(tmp_path: Path) -> None:
    (condition,) = found(tmp_path, 'x = False\nt.put(item, "#a = :a" if x else None)')
    (mutant,) = conditions.mutants(condition)
    mutant.apply(tmp_path)
    changed = (tmp_path / STORE / "payments.py").read_text()
    assert changed == (
        "x = False\n"
        "t.put(item, ('#a = :a OR NOT #a = :a' if (x) else (\"#a = :a\" if x else None)))"
    )


@pytest.mark.parametrize(
    ("text", "remaining"),
    [
        ("#a = :a", ["#a = :a OR NOT #a = :a"]),
        (
            "#a = :a AND #b < :b",
            [
                "(#a = :a AND #b < :b) OR NOT (#a = :a AND #b < :b)",
                "(#a = :a OR NOT #a = :a) AND #b < :b",
                "#a = :a AND (#b < :b OR NOT #b < :b)",
            ],
        ),
        (
            "f(#a) OR (#b = :b AND #c = :c)",
            [
                "(f(#a) OR (#b = :b AND #c = :c)) OR NOT (f(#a) OR (#b = :b AND #c = :c))",
                "(f(#a) AND NOT f(#a)) OR (#b = :b AND #c = :c)",
                "f(#a) OR ((#b = :b AND #c = :c) AND NOT (#b = :b AND #c = :c))",
                "f(#a) OR ((#b = :b OR NOT #b = :b) AND #c = :c)",
                "f(#a) OR (#b = :b AND (#c = :c OR NOT #c = :c))",
            ],
        ),
    ],
)
def test_each_part_is_taken_out_once(text: str, remaining: list[str]) -> None:
    assert [left for _, left in conditions.variants(text)] == remaining


SOURCE = '''
from urllib.parse import parse_qsl

def check(given, limit):
    """Say no."""
    note(given)
    if not given and limit:
        raise ValueError
    return parse_qsl(given, max_num_fields=limit, strict_parsing=True)
'''


def test_each_step_of_a_function_is_taken_out_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path("hook.py")
    (tmp_path / path).write_text(SOURCE)
    monkeypatch.setattr(checks, "WEBHOOKS", {path: None})
    made = {}
    for mutant in checks.mutants(tmp_path):
        original = mutant.apply(tmp_path)
        lines = (tmp_path / path).read_text().splitlines()
        made[mutant.what] = [line.strip() for line in lines if line not in SOURCE.splitlines()]
        (tmp_path / path).write_bytes(original)
    assert made == {
        "step note(given)": ["pass"],
        "if not given and limit": ["if False:"],
        "part not given": ["if True and limit:"],
        "part limit": ["if not given and True:"],
        "option max_num_fields=limit": ["return parse_qsl(given,  strict_parsing=True)"],
        "option strict_parsing=True": ["return parse_qsl(given, max_num_fields=limit, )"],
    }


def test_a_mutant_knows_the_lines_whose_tests_concern_it() -> None:
    root = Path(__file__).parents[3]
    source = Source.read(root, checks.LAYER / "rules/gateway.py")
    for mutant in checks.mutants(root):
        if mutant.path == source.path:
            text = source.text[mutant.start : mutant.end].decode()
            covered = source.text.decode().splitlines()[
                mutant.lines.start - 1 : mutant.lines.stop - 1
            ]
            assert text.splitlines()[0] in "\n".join(covered)
