"""The catalog of the owner's package service: without it nothing is sold."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from lunas.api import catalogs
from lunas.api.auth import authenticate
from lunas.domain.lists import PaymentFilter
from lunas.domain.users import Caller, Role
from lunas.package_service import catalog
from lunas.storage.catalog import Catalog
from lunas.storage.payments import Payments
from lunas.storage.table import Table
from tests.support.api_requests import API_KEY, Json, user_token
from tests.support.builders import course
from tests.support.functions import call
from tests.support.loopback import Answer, Service, reply, serving

COURSES = [
    {"id": "c1", "name": "Course one", "thinkificCourseId": 1},
    {"id": "c2", "name": "Course two", "quota": 5},
]
PACKAGE = {
    "id": "sold-there",
    "kind": "ENTRY",
    "name": "Sold there",
    "onSale": True,
    "prices": {"UMUM": 55000, "DIKE": 44000},
    "courseIds": ["c1", "c2"],
}
MANUAL = {
    "packageId": "sold-there",
    "courseId": "c1",
    "paymentType": "UMUM",
    "proofLink": "https://example.com/proof.jpg",
}
HANGING = Answer(hang=True)


@pytest.fixture(scope="module")
def running() -> Iterator[Service]:
    with serving() as made:
        yield made


@pytest.fixture
def service(running: Service, table: Table, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Let Lunas sell from a package service; the table maps one of its courses."""
    Catalog(table).put_course(course("c2", platform_course_id="2000002"))
    monkeypatch.setenv("PACKAGE_SERVICE_URL", running.url)
    running.otherwise = None
    running.asked.clear()
    running.answers["/packages"] = reply({"items": [PACKAGE]})
    running.answers["/packages/sold-there"] = reply(PACKAGE)
    running.answers["/courses"] = reply({"items": COURSES})
    catalogs._provider.cache_clear()  # noqa: SLF001
    yield running
    catalogs._provider(running.url)._session.current().close()  # noqa: SLF001
    catalogs._provider.cache_clear()  # noqa: SLF001


@pytest.fixture
def payments(table: Table) -> Payments:
    return Payments(table)


def submit(**changes: Any) -> tuple[int, Json]:
    """Submit a proof as a new learner: the same one would get the waiting payment again."""
    token = user_token(uuid.uuid4().hex)
    return call("payments", "POST /payments", body=MANUAL | changes, token=token)


def initiate() -> tuple[int, Json]:
    body = {"packageId": "sold-there", "courseId": "c1"}
    return call("initiate_payment", "POST /payments/initiate", body=body, token=user_token())


def code(answer: Json) -> str:
    return str(answer["type"]).rpartition(":")[2]


def written(payments: Payments) -> int:
    return len(payments.page(PaymentFilter(), 100, None).items)


@pytest.mark.usefixtures("service")
def test_a_package_of_the_service_is_sold_at_its_price() -> None:
    status, payment = submit()

    assert status == 201
    extra = (payment["packageName"], payment["amount"], payment["courseIds"])
    assert extra == ("Sold there", 55000, ["c1"])


@pytest.mark.usefixtures("service")
def test_the_table_adds_the_mapping_and_the_enrolled_count() -> None:
    status, answer = call("catalog", "GET /courses")

    assert status == 200
    assert answer["items"] == [
        {"id": "c1", "name": "Course one", "thinkificCourseId": 1, "enrolled": 0},
        {
            "id": "c2",
            "name": "Course two",
            "thinkificCourseId": 2_000_002,
            "quota": 5,
            "enrolled": 0,
        },
    ]


@pytest.mark.usefixtures("service")
def test_anyone_sees_the_packages_of_the_service() -> None:
    assert call("catalog", "GET /packages") == (200, {"items": [PACKAGE]})
    assert call("catalog", "GET /packages/{id}", "/packages/sold-there") == (200, PACKAGE)


def test_a_package_unknown_to_the_service_is_not_found(service: Service) -> None:
    status, _ = submit(packageId="elsewhere")

    assert status == 404
    assert service.paths() == ["/packages/elsewhere"]


def test_each_call_carries_credentials_that_lunas_itself_accepts(service: Service) -> None:
    submit()

    assert service.asked
    for asked in service.asked:
        assert asked.headers["x-api-key"] == API_KEY
        assert authenticate(asked.headers) == Caller("lunas", Role.SERVICE)


def test_the_users_own_token_is_not_forwarded(service: Service) -> None:
    token = user_token()

    call("payments", "POST /payments", body=MANUAL, token=token)

    assert all(token not in json.dumps(dict(asked.headers)) for asked in service.asked)


def test_a_response_is_cached_for_a_minute(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit()
    submit(courseId="c2")
    assert sorted(service.paths()) == ["/courses", "/packages/sold-there"]

    monkeypatch.setattr(catalog, "MAX_AGE", 0)
    catalogs._provider.cache_clear()  # noqa: SLF001
    submit()
    submit()
    assert len(service.paths()) == 6
    assert catalog.MAX_AGE == 0


def test_the_cache_lifetime_is_a_minute() -> None:
    assert catalog.MAX_AGE == 60


def test_packages_of_the_service_cannot_be_edited_in_lunas(service: Service) -> None:
    status, _ = call(
        "catalog",
        "PUT /packages/{id}",
        "/packages/sold-there",
        body={name: PACKAGE[name] for name in ("kind", "name", "prices", "courseIds")},
        token=user_token("a1", "ADMIN"),
    )

    assert status == 409
    assert service.paths() == []


def test_a_package_off_sale_at_the_service_is_neither_sold_nor_listed(service: Service) -> None:
    off = PACKAGE | {"onSale": False}
    service.answers["/packages"] = reply({"items": [off]})
    service.answers["/packages/sold-there"] = reply(off)

    for status, problem in (submit(), initiate()):
        assert (status, code(problem)) == (409, "not-on-sale")
    assert call("catalog", "GET /packages") == (200, {"items": []})
    assert call("catalog", "GET /packages/{id}", "/packages/sold-there")[0] == 404
    admin = user_token("a1", "ADMIN")
    assert call("catalog", "GET /packages", token=admin) == (200, {"items": [off]})


@pytest.mark.parametrize(
    ("extra", "shown"),
    [
        ({"description": " Dua ", "imageUrl": "https://cdn.example/p.png"}, ...),
        ({"description": "x" * 3_000}, {"description": "x" * 2_000}),
        ({"description": " ", "imageUrl": "http://cdn.example/p.png"}, {}),
        ({"description": 7, "imageUrl": {}, "onSale": None}, {}),
    ],
    ids=["both", "long", "blank", "nonsense"],
)
def test_an_invalid_display_field_does_not_stop_a_sale(
    service: Service, extra: Json, shown: Any
) -> None:
    service.answers["/packages/sold-there"] = reply(PACKAGE | extra)

    assert submit()[0] == 201
    expected = {"description": "Dua", "imageUrl": extra["imageUrl"]} if shown is ... else shown
    answer = call("catalog", "GET /packages/{id}", "/packages/sold-there")
    assert answer == (200, PACKAGE | expected)


NONSENSE: dict[str, Answer] = {
    "neither on sale nor off": reply({**PACKAGE, "onSale": "no"}),
    "500": Answer(500),
    "401": Answer(401),
    "cut": Answer(cut=True),
    "slow": HANGING,
    "empty": Answer(),
    "HTML": Answer(body=b"<html>"),
    "a list": reply([PACKAGE]),
    "a number": reply(1),
    "no courses": reply({**PACKAGE, "courseIds": []}),
    "courses no list": reply({**PACKAGE, "courseIds": 3}),
    "a course twice": reply({**PACKAGE, "courseIds": ["c1", "c1"]}),
    "91 courses": reply({**PACKAGE, "courseIds": [f"c{number}" for number in range(91)]}),
    "unknown kind": reply({**PACKAGE, "kind": "GIFT"}),
    "unknown type": reply({**PACKAGE, "prices": {"VIP": 1}}),
    "price as text": reply({**PACKAGE, "prices": {"UMUM": "55000"}}),
    "price of nothing": reply({**PACKAGE, "prices": {"UMUM": 0}}),
    "negative price": reply({**PACKAGE, "prices": {"UMUM": -1}}),
    "broken price": reply({**PACKAGE, "prices": {"UMUM": 5.5}}),
    "price too small for Duitku": reply({**PACKAGE, "prices": {"UMUM": 5}}),
    "price beyond reason": reply({**PACKAGE, "prices": {"UMUM": 10**40}}),
    "another package": reply({**PACKAGE, "id": "other"}),
    "courses as text": reply({**PACKAGE, "courseIds": "c1"}),
    "no text for a name": reply({**PACKAGE, "name": None}),
    "nested without end": Answer(body=b"[" * 100_000),
    "no name": reply({name: PACKAGE[name] for name in PACKAGE if name != "name"}),
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
def test_an_unreadable_package_is_not_sold(
    answer: Answer, service: Service, payments: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "TIMEOUT", (0.3, 0.3))
    service.answers["/packages/sold-there"] = answer
    before = written(payments)

    for status, problem in (submit(), initiate()):
        assert (status, code(problem)) == (503, "catalog-unavailable")
    assert written(payments) == before


@pytest.mark.parametrize(
    "answer",
    [Answer(500), Answer(404), HANGING, reply([]), reply({"items": 3}), reply({"items": [{}]})],
    ids=["500", "404", "slow", "a list", "items no list", "no id"],
)
def test_unreadable_courses_stop_every_sale(
    answer: Answer, service: Service, payments: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "TIMEOUT", (0.3, 0.3))
    service.answers["/courses"] = answer
    before = written(payments)

    for status, problem in (submit(), initiate()):
        assert (status, code(problem)) == (503, "catalog-unavailable")
    assert written(payments) == before


def test_an_unreachable_service_is_a_503(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    del service
    monkeypatch.setenv("PACKAGE_SERVICE_URL", "http://127.0.0.1:9")

    status, problem = call("catalog", "GET /packages")

    assert (status, code(problem)) == (503, "catalog-unavailable")


def test_a_failure_is_not_cached(service: Service) -> None:
    service.otherwise = Answer(500)
    assert submit()[0] == 503

    service.otherwise = None
    assert submit()[0] == 201
