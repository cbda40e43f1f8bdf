"""A package off sale is not listed and not sold; its buyers keep their access."""

from typing import Any

import pytest

from lunas.storage import keys
from lunas.storage.catalog import Catalog
from lunas.storage.table import Table
from tests.integration.layer import providers, purchases
from tests.integration.layer.purchases import PROOF, approve, submitted
from tests.integration.layer.test_sync_function import NIGHTLY, listed, site_course, sync
from tests.support.api_requests import service_headers, service_token, user_token
from tests.support.builders import course
from tests.support.functions import call, invoke
from tests.support.http_stub import Reply
from tests.support.logs import Logged

pytestmark = pytest.mark.usefixtures("catalog")
ADMIN = user_token("a1", "ADMIN")
BODY: dict[str, Any] = {
    "kind": "ENTRY",
    "name": "Entry",
    "prices": {"DIKE": 40_000, "UMUM": 49_000},
    "courseIds": ["c1", "c2"],
}
WANTED = {"packageId": "p1", "courseId": "c1"}
NOT_ON_SALE = (409, "urn:lunas:problem:not-on-sale")


def put(token: str = ADMIN, **changes: Any) -> tuple[int, Any]:
    body = {**BODY, **changes}
    return call("catalog", "PUT /packages/{id}", "/packages/p1", body=body, token=token)


def shown(token: str | None = None, **more: Any) -> tuple[int, Any]:
    return call("catalog", "GET /packages/{id}", "/packages/p1", token=token, **more)


def names(token: str | None = None, **more: Any) -> list[str]:
    status, listed_ones = call("catalog", "GET /packages", token=token, **more)
    assert status == 200
    return [each["id"] for each in listed_ones["items"]]


def buying(sub: str = "u1") -> list[tuple[int, str]]:
    """Try both ways to buy; return the status and problem type of each answer."""
    token, proof = user_token(sub), {"paymentType": "UMUM", "proofLink": PROOF}
    answers = [
        call("initiate_payment", "POST /payments/initiate", body=WANTED, token=token),
        call("payments", "POST /payments", body=WANTED | proof, token=token),
    ]
    return [(status, problem.get("type", "")) for status, problem in answers]


def test_a_package_is_on_sale_by_default() -> None:
    assert shown()[1]["onSale"] is True
    assert put()[1]["onSale"] is True
    assert put(onSale=None)[1]["onSale"] is True


@pytest.mark.parametrize(
    "left_out",
    [{}, {"onSale": None}, {"onSale": ""}, {"onSale": " ", "name": "Entry, corrected"}],
    ids=str,
)
@pytest.mark.parametrize("on_sale", [True, False])
def test_an_update_that_omits_on_sale_does_not_change_it(
    on_sale: bool, left_out: dict[str, Any]
) -> None:
    put(onSale=on_sale)
    status, written = put(**left_out)
    assert (status, written["onSale"]) == (200, on_sale)
    assert shown(ADMIN) == (200, written)
    assert ("p1" in names()) is on_sale


def test_a_new_package_is_on_sale_by_default() -> None:
    for name, given in (("n1", {}), ("n2", {"onSale": None}), ("n3", {"onSale": False})):
        answer = call(
            "catalog", "PUT /packages/{id}", f"/packages/{name}", body=BODY | given, token=ADMIN
        )
        assert (answer[0], answer[1]["onSale"]) == (200, name != "n3")
    assert names() == ["b1", "n1", "n2", "p1"]


def test_a_package_off_sale_is_shown_to_admins_only() -> None:
    status, off = put(onSale=False)
    assert (status, off["onSale"]) == (200, False)
    assert "p1" not in names()
    assert shown()[0] == 404
    for token in (user_token("u1"), "nonsense", f"{ADMIN}x"):
        assert "p1" not in names(token)
        assert shown(token)[0] == 404
    service = service_headers(service_token())
    assert ("p1" in names(headers=service), shown(headers=service)[0]) == (False, 404)
    assert "p1" in names(ADMIN)
    assert shown(ADMIN) == (200, off)
    assert put(onSale=True)[0] == 200
    assert "p1" in names()


def test_put_accepts_what_get_returns() -> None:
    _, made = put(
        onSale=False,
        description=" Dua\nbaris ",
        imageUrl=" Https://cdn.example/p.png",
        accessDays=30,
    )
    assert (made["description"], made["imageUrl"]) == ("Dua\nbaris", "https://cdn.example/p.png")
    assert shown(ADMIN) == (200, made)
    again = {name: each for name, each in made.items() if name != "id"}
    answer = call("catalog", "PUT /packages/{id}", "/packages/p1", body=again, token=ADMIN)
    assert answer == (200, made)
    _, bare = put(description="", imageUrl=" ")
    assert not {"description", "imageUrl"} & set(bare)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"imageUrl": "http://cdn.example/p.png"}, "imageUrl"),
        ({"imageUrl": "javascript:alert(1)"}, "imageUrl"),
        ({"onSale": "no"}, "onSale"),
        ({"onSale": 0}, "onSale"),
        ({"description": 7}, "description"),
        ({"description": "x" * 2_001}, "description"),
    ],
    ids=str,
)
def test_an_invalid_field_is_named(changes: dict[str, Any], field: str) -> None:
    status, problem = put(**changes)
    assert (status, [each["field"] for each in problem["errors"]]) == (422, [field])


def test_a_package_off_sale_is_not_sold(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = providers.answers(monkeypatch, "initiate_payment")
    put(onSale=False)
    assert buying() == [NOT_ON_SALE] * 2
    query = {"packageId": "p1"}
    status, problem = call(
        "initiate_payment", "GET /payments/methods", query=query, token=user_token()
    )
    assert (status, problem["type"]) == NOT_ON_SALE
    assert provider.asked == []
    # Not by an admin either: a package is on sale for everyone or for no one.
    status, _ = call("initiate_payment", "POST /payments/initiate", body=WANTED, token=ADMIN)
    assert status == 409


def test_a_payment_opened_before_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    opened, waiting = purchases.initiated(monkeypatch), submitted("u2")
    put(onSale=False)
    providers.answers(monkeypatch, "initiate_payment", Reply(404))
    status, again = call(
        "initiate_payment", "POST /payments/initiate", body=WANTED, token=user_token("u1")
    )
    assert (status, again["id"]) == (200, opened["id"])
    body = {**WANTED, "paymentType": "UMUM", "proofLink": PROOF}
    status, again = call("payments", "POST /payments", body=body, token=user_token("u2"))
    assert (status, again["id"]) == (200, waiting["id"])
    status, approved = approve(waiting["id"])
    assert (status, approved["status"]) == (200, "APPROVED")


def test_an_item_without_the_attribute_is_on_sale(table: Table) -> None:
    table.client.update_item(
        TableName=table.name,
        Key={name: {"S": part} for name, part in keys.package("p1").items()},
        UpdateExpression="REMOVE onSale",
    )
    assert (shown()[1]["onSale"], names()) == (True, ["b1", "p1"])


def gone(monkeypatch: pytest.MonkeyPatch, *there: int) -> None:
    """Let Thinkific show only these courses, and no bundle."""
    rows = [site_course(number, f"Course c{number - 2_000_000}") for number in there]
    providers.answers(monkeypatch, "sync_courses", listed(*rows), listed())


def test_a_comparison_names_the_packages_that_sell_a_gone_course(
    monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    gone(monkeypatch, 2_000_001)
    _, report = sync()
    assert report["gone"] == [
        {
            "courseId": "c2",
            "name": "Course c2",
            "thinkificCourseId": 2_000_002,
            "packages": ["b1", "p1"],
        }
    ]
    put(onSale=False)
    gone(monkeypatch, 2_000_001)
    assert sync()[1]["gone"][0]["packages"] == ["b1"]
    gone(monkeypatch, 2_000_001)
    invoke("sync_courses", NIGHTLY)
    line = [each for each in logged.lines if each["level"] == "WARNING"][-1]
    assert line["gone"] == ["c2"]
    assert line["sold_in"] == ["b1"]
    assert "onSale" in line["todo"]


def test_a_package_shows_its_gone_courses_to_admins_only(
    monkeypatch: pytest.MonkeyPatch, catalog: Catalog
) -> None:
    assert "goneCourseIds" not in shown(ADMIN)[1]
    gone(monkeypatch, 2_000_001)
    sync()
    assert shown(ADMIN)[1]["goneCourseIds"] == ["c2"]
    _, packages = call("catalog", "GET /packages", token=ADMIN)
    assert [each["goneCourseIds"] for each in packages["items"]] == [["c2"], ["c2"]]
    _, courses = call("catalog", "GET /courses", token=ADMIN)
    assert {each["id"]: each.get("gone") for each in courses["items"]} == {"c1": None, "c2": True}
    # Thinkific's list may be incomplete, so buyers are not shown what may be wrong.
    for token in (None, user_token("u1")):
        assert "goneCourseIds" not in shown(token)[1]
        _, courses = call("catalog", "GET /courses", token=token)
        assert [each.get("gone") for each in courses["items"]] == [None, None]
    # A new name leaves it gone; a mapping to another course does not.
    catalog.put_course(course("c2", name="Renamed", platform_course_id="2000002"))
    assert shown(ADMIN)[1]["goneCourseIds"] == ["c2"]
    catalog.put_course(course("c2", platform_course_id="2000009"))
    assert "goneCourseIds" not in shown(ADMIN)[1]


def test_a_course_that_is_back_at_thinkific_is_not_gone(
    monkeypatch: pytest.MonkeyPatch, catalog: Catalog
) -> None:
    for there in ([2_000_001], [2_000_001, 2_000_002]):
        gone(monkeypatch, *there)
        sync()
    assert "goneCourseIds" not in shown(ADMIN)[1]
    second = catalog.course("c2")
    assert second
    assert not second.gone


def test_a_course_mapped_to_another_meanwhile_is_not_marked_gone(
    catalog: Catalog,
) -> None:
    assert not catalog.note_gone(course("c2", platform_course_id="5"))
    second = catalog.course("c2")
    assert second
    assert not second.gone
