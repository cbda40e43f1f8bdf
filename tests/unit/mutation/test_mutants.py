"""Mutants: what they change, and which tests run on them."""

import ast
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber

from lunas.domain.anomalies import Anomaly, AnomalyKind
from lunas.storage.anomalies import Anomalies
from lunas.storage.table import Table
from tests.mutation import checks, conditions
from tests.mutation.__main__ import Report, grouped_tests
from tests.mutation.conditions import Condition
from tests.mutation.mutant import Mutant, Source
from tests.mutation.texts import STORAGE, Unreadable
from tests.mutation.trials import Baseline, Verdict
from tests.mutation.watching import sent_conditions
from tests.support.builders import NOW

OTHER = '''NEW = "attribute_not_exists(#pk)"

def as_read(item):
    """Return a condition."""
    paid = "#c = :c" if item.claims else "attribute_not_exists(#c)"
    return f"#a = :a AND {paid}"
'''
NEW = "attribute_not_exists(#pk)"
AS_READ = "from lunas.storage.other import as_read\n"
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
    """Find the conditions of a storage package with this module beside the table."""
    folder = tmp_path / STORAGE
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
        ("from lunas.storage.other import NEW\nt.put(item, NEW)", [NEW]),
        ('OWN = "#a = :a"\nt.put(item, f"{OWN} AND #b < :b")', ["#a = :a AND #b < :b"]),
        ('def f():\n    free = "#a = :a"\n    t.put(item, free)', ["#a = :a"]),
        ('t.put(item, "#a = :a" if x else None)', ["#a = :a"]),
        ('t.put(item, " AND ".join(["#a = :a", "#b = :b" if x else "#c = :c"]))',
         ["#a = :a AND #b = :b", "#a = :a AND #c = :c"]),
        ('def free(x):\n    return "#a = :a"\nt.put(item, free(x))', ["#a = :a"]),
        (AS_READ + 't.put(item, f"#s = :s AND {as_read(before)}")',
         ["#s = :s AND #a = :a AND #c = :c", "#s = :s AND #a = :a AND attribute_not_exists(#c)"]),
    ],
)  # fmt: skip
def test_a_condition_is_found_in_every_notation(
    tmp_path: Path, body: str, texts: list[str]
) -> None:
    assert [each.text for each in found(tmp_path, body)] == texts


@pytest.mark.parametrize(
    "body",
    [
        "t.put(item, make_one())",
        "from lunas.domain.payments import make_one\nt.put(item, make_one())",
        'def f(x):\n    if x:\n        return "#a = :a"\n    return ""\nt.put(item, f(x))',
        "def f(x):\n    return\nt.put(item, f(x))",
    ],
)
def test_an_unreadable_condition_is_an_error(tmp_path: Path, body: str) -> None:
    with pytest.raises(Unreadable, match=r"payments\.py"):
        found(tmp_path, body)


def test_a_branch_within_a_function_is_described_by_its_arguments(tmp_path: Path) -> None:
    body = AS_READ + "t.put(item, as_read(plan.before))"
    first, second = found(tmp_path, body)
    assert first.when == ("(plan.before.claims)",)
    assert second.when == ("(not plan.before.claims)",)


def test_the_branch_of_a_condition_keeps_the_other_one(tmp_path: Path) -> None:
    (condition,) = found(tmp_path, 'x = False\nt.put(item, "#a = :a" if x else None)')
    (mutant,) = conditions.mutants(condition)
    mutant.apply(tmp_path)
    changed = (tmp_path / STORAGE / "payments.py").read_text()
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
def test_each_part_is_removed_once(text: str, remaining: list[str]) -> None:
    assert [left for _, left in conditions.variants(text)] == remaining


SOURCE = '''
import jwt
from urllib.parse import parse_qsl
from lunas.domain.times import moment

def check(given, limit):
    """Refuse a value."""
    note(given)
    if not given and limit:
        raise ValueError
    return parse_qsl(given, max_num_fields=limit, strict_parsing=True)

def age(token, days):
    match days:
        case [] if token:
            return 0 < len(token)
    claims = jwt.decode(token, leeway=10)
    return max(moment(day, near=True) if day else 0 for day in days if day in claims)
'''
AGE = "return max(moment(day, near=True) if day else 0 for day in days if day in claims)"


def test_each_step_of_a_function_is_removed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path("hook.py")
    (tmp_path / path).write_text(SOURCE)
    monkeypatch.setattr(checks, "CHECKED", {path: None})
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
        "if token": ["case [] if False:"],
        "always 0 < len(token)": ["return True"],
        "never 0 < len(token)": ["return False"],
        "option leeway=10": ["claims = jwt.decode(token, )"],
        "if day": [AGE.replace("if day else", "if False else")],
        "chosen if day in claims": [AGE.replace("if day in claims", "if True")],
    }


@pytest.mark.parametrize("path", [path for path, names in checks.CHECKED.items() if names], ids=str)
def test_every_listed_function_exists(path: Path) -> None:
    source = Source.read(Path(__file__).parents[3], path)
    there = {each.name for each in ast.walk(source.tree) if isinstance(each, ast.FunctionDef)}
    assert (checks.CHECKED[path] or frozenset()) <= there


def test_a_mutant_covers_the_lines_that_it_changes() -> None:
    root = Path(__file__).parents[3]
    source = Source.read(root, checks.LAYER / "domain/gateway_status.py")
    for mutant in checks.mutants(root):
        if mutant.path == source.path:
            text = source.text[mutant.start : mutant.end].decode()
            covered = source.text.decode().splitlines()[
                mutant.lines.start - 1 : mutant.lines.stop - 1
            ]
            assert text.splitlines()[0] in "\n".join(covered)


def test_an_equivalent_mutant_exists_and_is_not_tried() -> None:
    root = Path(__file__).parents[3]
    there = {(each.path, each.what) for each in checks.found(root)}
    tried = {(each.path, each.what) for each in checks.mutants(root)}
    assert there - tried == set(checks.EQUIVALENT)


MUTANT = Mutant(Path("domain/refunds.py"), "if x", 0, 1, "False", range(7, 9))


def test_the_tests_most_likely_to_fail_run_first() -> None:
    own, quick, slow = (
        "tests/unit/domain/test_refunds.py::test_a",
        "tests/unit/api/test_app.py::test_b",
        "tests/integration/layer/test_refunds_store.py::test_c",
    )
    seen = {("domain/refunds.py", 7): [slow, own], ("domain/refunds.py", 8): [quick, own]}
    others = {("domain/refunds.py", 9): ["tests/unit/test_d.py::test_d"]}
    assert grouped_tests(Baseline(seen | others, set(), []), MUTANT) == [[own], [quick], [slow]]
    assert grouped_tests(Baseline(others, set(), []), MUTANT) == []


@pytest.mark.parametrize(
    ("verdict", "shown"),
    [
        (Verdict(""), "SURVIVED"),
        (Verdict("", "pytest ended with 4"), "pytest ended with 4"),
        (Verdict("tests/unit/test_a.py::test_a", "ValidationException"), "NO MUTANT"),
    ],
    ids=["nothing is red", "nothing could be run", "the request is not taken"],
)
def test_only_a_failed_test_kills_a_mutant(
    capsys: pytest.CaptureFixture[str], verdict: Verdict, shown: str
) -> None:
    report = Report()
    report.add(MUTANT, verdict)
    assert len(report.bad) == 1
    assert shown in capsys.readouterr().out
    report.add(MUTANT, Verdict("tests/unit/test_a.py::test_a", "assert 1 == 2"))
    assert (report.tried, len(report.bad)) == (2, 1)


def test_conditions_that_the_storage_sends_count_and_those_of_tests_do_not() -> None:
    client = boto3.client(
        "dynamodb",
        region_name="ap-southeast-3",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    table, sent = Table(client, "t"), set[str]()
    anomaly = Anomaly(
        id="ano1", kind=AnomalyKind.UNKNOWN_ORDER, at=NOW, order_id="order1", evidence={}
    )

    with Stubber(client) as stub, sent_conditions(sent):
        for _ in range(2):
            stub.add_response("put_item", {})
        table.put({"pk": "a", "sk": "b"}, "attribute_exists(#pk)")
        Anomalies(table).keep(anomaly)

    assert sent == {NEW}
