"""Every route of template.yaml, called by everybody: who gets in, and who is told what."""

import base64
import json
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
import requests

from local.cloud import Stack
from tests.support.providers import Duitku, Thinkific
from tests.support.seeding import dynamodb
from tests.support.template import routes
from tests.support.users import TIMEOUT, Json, Person, Users, eventually

THREADS = 2

type Headers = dict[str, str]

NO_ONE_KNOWN = frozenset(
    {
        "no token",
        "expired token",
        "token of a wrong key",
        "unsigned token",
        "service without API key",
        "service for over an hour",
        "service signed as a user",
        "admin signed as a service",
    }
)
"""Callers whom no private route recognises."""
OWNER, STRANGER, ADMIN = "owner", "stranger", "admin"
PAYMENTS_READ = "service payments:read"
ENROLLMENTS_READ, ENROLLMENTS_WRITE = "service enrollments:read", "service enrollments:write"
KNOWN = frozenset(
    {
        *(OWNER, STRANGER, ADMIN),
        *(PAYMENTS_READ, ENROLLMENTS_READ, ENROLLMENTS_WRITE, "service without scope"),
    }
)
EVERYBODY = NO_ONE_KNOWN | KNOWN
USERS = frozenset({OWNER, STRANGER, ADMIN})
ADMINS = frozenset({ADMIN})
PAYMENT_STAFF = frozenset({ADMIN, PAYMENTS_READ})
ENROLLMENT_STAFF = frozenset({ADMIN, ENROLLMENTS_READ})
OWN = frozenset({OWNER})

PURCHASE = {"packageId": "entry", "courseId": "literasi-data"}
COURSE = {"name": "Matrix"}
PACKAGE = {"kind": "ENTRY", "name": "Matrix", "prices": {"UMUM": 49000}, "courseIds": ["{course}"]}
CORRECTION = {"name": "Siti Rahmawati", "reason": "a slip"}
RESOLUTION = {"resolution": "refunded", "reason": "by hand"}


@dataclass(frozen=True)
class Row:
    """Who may use a route. ``{names}`` in path and body stand for the resources of the module.

    ``reply`` says what those get who may not and do not get the usual 401 or 403.
    """

    opens_to: frozenset[str]
    path: str = ""
    body: object = None
    form: bool = False
    reply: Mapping[str, int] = field(default_factory=dict)

    def refusal(self, caller: str) -> int:
        """Return the status for somebody who may not."""
        return self.reply.get(caller, 401 if caller in NO_ONE_KNOWN else 403)


# Whose enrollment it is can be computed, so that a stranger must not even learn that it exists.
PRIVATE = {STRANGER: 404}
# Peers show no token but sign; whoever cannot sign is refused, whatever token they have.
UNSIGNED = dict.fromkeys(EVERYBODY, 403)

ROWS: dict[str, Row] = {
    "GET /health": Row(EVERYBODY),
    "HEAD /health": Row(EVERYBODY),
    "GET /openapi.json": Row(EVERYBODY),
    "GET /docs": Row(EVERYBODY),
    "GET /thinkific/oauth/install": Row(ADMINS),
    "GET /thinkific/oauth/status": Row(ADMINS),
    "POST /thinkific/oauth/revoke": Row(ADMINS),
    # Whoever has no state changes nothing; how a state is used is in test_thinkific_oauth.py.
    "GET /thinkific/oauth/callback": Row(
        EVERYBODY, "/thinkific/oauth/callback?error=access+denied"
    ),
    "GET /packages": Row(EVERYBODY),
    "GET /packages/{id}": Row(EVERYBODY, "/packages/{package}"),
    "GET /courses": Row(EVERYBODY),
    "PUT /packages/{id}": Row(ADMINS, "/packages/{package}", PACKAGE),
    "PUT /courses/{id}": Row(ADMINS, "/courses/{course}", COURSE),
    "POST /payments/initiate": Row(USERS, body=PURCHASE),
    "POST /payment/initiate": Row(USERS, body=PURCHASE),
    "GET /payments/methods": Row(USERS, "/payments/methods?packageId=entry"),
    "POST /payments": Row(
        USERS,
        body={**PURCHASE, "paymentType": "UMUM", "proofLink": "https://example.com/p.jpg"},
    ),
    "GET /payments": Row(PAYMENT_STAFF),
    "GET /payments/{id}": Row(OWN | PAYMENT_STAFF, "/payments/{order}"),
    "GET /payments/{id}/history": Row(OWN | PAYMENT_STAFF, "/payments/{order}/history"),
    "GET /payments/user/{userId}": Row(OWN | PAYMENT_STAFF, "/payments/user/{owner}"),
    "PATCH /payments/{id}/approve": Row(ADMINS, "/payments/{approved}/approve"),
    "PATCH /payments/{id}/reject": Row(ADMINS, "/payments/{rejected}/reject", {"reason": "none"}),
    "POST /payments/{id}/recheck": Row(ADMINS, "/payments/{order}/recheck"),
    "PATCH /payments/{id}/learner": Row(ADMINS, "/payments/{approved}/learner", CORRECTION),
    "POST /payments/{id}/check": Row(OWN, "/payments/{order}/check"),
    "POST /payments/{id}/refund": Row(ADMINS, "/payments/{refunded}/refund", {"reason": "none"}),
    "GET /anomalies": Row(ADMINS),
    "PATCH /anomalies/{id}": Row(ADMINS, "/anomalies/{anomaly}", RESOLUTION),
    "GET /enrollments": Row(ENROLLMENT_STAFF),
    "GET /enrollments/my-enrollments": Row(USERS),
    "GET /enrollments/{id}": Row(
        OWN | ENROLLMENT_STAFF, "/enrollments/{enrollment}", reply=PRIVATE
    ),
    "GET /enrollments/course/{courseId}/status": Row(
        OWN | ENROLLMENT_STAFF, "/enrollments/course/python-dasar/status?userId={owner}"
    ),
    "PATCH /enrollments/{id}/progress": Row(
        OWN | {ADMIN, ENROLLMENTS_WRITE},
        "/enrollments/{enrollment}/progress",
        {"progress": 10},
        reply=PRIVATE,
    ),
    "POST /enrollments/{id}/redeliver": Row(ADMINS, "/enrollments/{enrollment}/redeliver"),
    "POST /courses/sync": Row(ADMINS),
    "POST /webhooks/duitku": Row(
        frozenset(),
        body={
            "merchantCode": "{merchant}",
            "amount": "49000",
            "merchantOrderId": "{order}",
            "resultCode": "00",
            "reference": "{reference}",
            "signature": "0" * 64,
        },
        form=True,
        reply=UNSIGNED,
    ),
    "POST /webhooks/thinkific": Row(
        frozenset(),
        body={"id": "1", "resource": "enrollment", "action": "progress", "payload": {}},
        reply=UNSIGNED,
    ),
}


@dataclass(frozen=True)
class RaceSetup:
    """The resources and callers that all cells share, and what became of the requests."""

    stack: Stack
    resources: dict[str, str]
    callers: dict[str, Headers]

    def send(self, route: str, caller: str) -> requests.Response:
        """Send the request of a cell."""
        row, (method, pattern) = ROWS[route], route.split(" ")
        body = self._filled(row.body)
        return requests.request(
            method,
            f"{self.stack.api_url}{self._filled(row.path or pattern)}",
            json=None if row.form else body,
            data=body if row.form else None,
            headers=self.callers[caller],
            timeout=TIMEOUT,
        )

    def stored(self) -> dict[str, Any]:
        """Return every item of the table that has to do with these resources and callers.

        Callbacks are left out: what is refused is kept as evidence, and decides nothing.
        """
        pages = dynamodb(self.stack).get_paginator("scan").paginate(TableName=self.stack.table_name)
        items = [item for page in pages for item in page["Items"]]
        ours = [value for value in self.resources.values() if len(value) > 10]
        return {
            f"{item['pk']['S']} {item['sk']['S']}": item
            for item in items
            if any(value in json.dumps(item, default=str) for value in ours)
            and not item["pk"]["S"].startswith("CALLBACK#")
        }

    def _filled(self, value: Any) -> Any:
        text = json.dumps(value)
        for name, resource in self.resources.items():
            text = text.replace(f"{{{name}}}", resource)
        return json.loads(text)


@dataclass(frozen=True)
class Refused:
    """The answers to what must be refused, by route and caller, and the table around them."""

    answers: dict[tuple[str, str], requests.Response]
    before: dict[str, Any]
    after: dict[str, Any]


def cells(*, allowed: bool) -> list[tuple[str, str]]:
    return [
        (route, caller)
        for route in sorted(set(ROWS) & routes())
        for caller in sorted(EVERYBODY)
        if (caller in ROWS[route].opens_to) is allowed
    ]


@pytest.fixture(scope="module")
def setup(stack: Stack) -> RaceSetup:
    """Make a payment for each thing that can be done to one, an enrollment and an anomaly."""
    resources = _resources(stack)
    return RaceSetup(stack, resources, _callers(stack, resources))


@pytest.fixture(scope="module")
def refused(setup: RaceSetup) -> Refused:
    """Send everything that must be refused, with a look at the table before and after."""
    asked, before = cells(allowed=False), setup.stored()
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda cell: setup.send(*cell), asked))
    return Refused(dict(zip(asked, answers, strict=True)), before, setup.stored())


def test_every_route_has_a_row() -> None:
    assert routes() == set(ROWS)


@pytest.mark.parametrize("caller", sorted(EVERYBODY))
def test_whoever_may_not_is_refused_by_a_problem(caller: str, refused: Refused) -> None:
    answers = {route: answer for (route, who), answer in refused.answers.items() if who == caller}

    assert {route: answer.status_code for route, answer in answers.items()} == {
        route: ROWS[route].refusal(caller) for route in answers
    }
    for answer in answers.values():
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
        assert answer.json()["requestId"]


def test_what_is_refused_changes_nothing(refused: Refused) -> None:
    assert len(refused.before) > 10
    assert refused.after == refused.before


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize("caller", sorted(EVERYBODY))
def test_whoever_may_gets_in(caller: str, setup: RaceSetup) -> None:
    mine = [route for route, who in cells(allowed=True) if who == caller]

    answers = {route: setup.send(route, caller) for route in mine}

    assert {route: answer.text for route, answer in answers.items() if not answer.ok} == {}


def test_a_refusal_says_the_same_whether_the_enrollment_exists_or_not(
    setup: RaceSetup, refused: Refused
) -> None:
    there = refused.answers["GET /enrollments/{id}", STRANGER].json()

    url = f"{setup.stack.api_url}/enrollments/enr{uuid.uuid4().hex}"
    missing = requests.get(url, headers=setup.callers[STRANGER], timeout=TIMEOUT).json()

    assert missing | {"requestId": ""} == there | {"requestId": ""}


def test_an_unknown_path_is_refused(setup: RaceSetup) -> None:
    answer = requests.get(
        f"{setup.stack.api_url}/admin", headers=setup.callers[ADMIN], timeout=TIMEOUT
    )

    assert answer.status_code == 404


def _resources(stack: Stack) -> dict[str, str]:
    users, duitku = Users(stack), Duitku(stack)
    Thinkific(stack).set(rateLimit=100_000)
    owner, stranger, admin = users.learner(), users.learner(), users.admin()
    course = admin.put_course()
    enrolled = owner.submit("entry", "python-dasar")
    admin.approve(enrolled["id"])
    order = owner.initiate("intermediate", "web-django")
    duitku.post(duitku.form(order, amount="11111"))
    (enrollment,) = eventually(
        owner.enrollments, lambda rows: rows[0]["delivery"]["status"] == "DELIVERED"
    )
    owner.wait_for(enrolled["id"], "COMPLETED")
    return {
        "owner": owner.id,
        "stranger": stranger.id,
        "admin": admin.id,
        "course": course,
        "package": admin.put_package(course),
        "order": order["id"],
        "reference": order["gateway"]["reference"],
        "approved": owner.submit("intermediate", "analisis-sql")["id"],
        "rejected": owner.submit("intermediate", "statistika-bisnis")["id"],
        "refunded": _settled(owner, admin, "intermediate", "web-django"),
        "enrollment": enrollment["id"],
        "anomaly": _anomaly_of(admin.all("/anomalies"), order),
        "merchant": stack.duitku.merchant_code,
    }


def _settled(owner: Person, admin: Person, package: str, course: str) -> str:
    payment = owner.submit(package, course)
    assert admin.approve(payment["id"]).status_code == 200
    return str(payment["id"])


def _anomaly_of(anomalies: list[Json], order: Json) -> str:
    (found,) = [each["id"] for each in anomalies if each.get("paymentId") == order["id"]]
    return str(found)


def _callers(stack: Stack, resources: Mapping[str, str]) -> dict[str, Headers]:
    owner, secret, services = resources["owner"], stack.jwt_secret, stack.service.secret
    keyed = {"x-api-key": stack.service_api_key}
    admin = _user_claims(resources["admin"], "ADMIN")
    service = _service_claims(stack, "payments:read enrollments:read enrollments:write")
    return {
        "no token": {},
        "expired token": _bearer(_user_claims(owner) | {"exp": int(time.time()) - 60}, secret),
        "token of a wrong key": _bearer(admin, "0" * 40),
        "unsigned token": {"Authorization": f"Bearer {_unsigned(admin)}"},
        "service without API key": _bearer(service, services),
        "service for over an hour": _bearer(service | {"exp": service["iat"] + 3601}, services)
        | keyed,
        "service signed as a user": _bearer(service, secret) | keyed,
        "admin signed as a service": _bearer(service | admin, services) | keyed,
        OWNER: _bearer(_user_claims(owner), secret),
        STRANGER: _bearer(_user_claims(resources["stranger"]), secret),
        ADMIN: _bearer(admin, secret),
        "service without scope": _bearer(_service_claims(stack, ""), services) | keyed,
    } | {
        f"service {scope}": _bearer(_service_claims(stack, scope), services) | keyed
        for scope in stack.service.scopes
    }


def _user_claims(user: str, role: str = "USER") -> Json:
    return {
        "sub": user,
        "role": role,
        "type": "UMUM",
        "email": f"{user}@example.com",
        "name": "Matrix Learner",
        "exp": int(time.time()) + 1800,
    }


def _service_claims(stack: Stack, scope: str) -> Json:
    now = int(time.time())
    domain = {"iss": stack.service.issuer, "aud": stack.service.audience}
    return {
        "sub": "progress-service",
        "role": "SERVICE",
        "scope": scope,
        **domain,
        "iat": now,
        "exp": now + 3600,
    }


def _bearer(claims: Json, secret: str) -> Headers:
    return {"Authorization": f"Bearer {jwt.encode(claims, secret, algorithm='HS256')}"}


def _unsigned(claims: Json) -> str:
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    written = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return f"{b'.'.join(written).decode()}."
