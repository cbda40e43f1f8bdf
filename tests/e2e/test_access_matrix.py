"""Every route of template.yaml, called by every kind of caller: who is let in, who gets what."""

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

UNKNOWN = frozenset(
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
"""Callers that no private route recognises."""
OWNER, STRANGER, ADMIN = "owner", "stranger", "admin"
PAYMENTS_READ = "service payments:read"
ENROLLMENTS_READ, ENROLLMENTS_WRITE = "service enrollments:read", "service enrollments:write"
KNOWN = frozenset(
    {
        *(OWNER, STRANGER, ADMIN),
        *(PAYMENTS_READ, ENROLLMENTS_READ, ENROLLMENTS_WRITE, "service without scope"),
    }
)
EVERYONE = UNKNOWN | KNOWN
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

    ``refusals`` are the statuses of callers that do not get the usual 401 or 403.
    """

    opens_to: frozenset[str]
    path: str = ""
    body: object = None
    form: bool = False
    refusals: Mapping[str, int] = field(default_factory=dict)

    def refusal(self, caller: str) -> int:
        """Return the status for a caller that is not let in."""
        return self.refusals.get(caller, 401 if caller in UNKNOWN else 403)


# An enrollment's id can be computed, so a stranger must not even learn that it exists.
PRIVATE = {STRANGER: 404}
# Providers sign and show no token; a caller that cannot sign is refused with any token.
UNSIGNED = dict.fromkeys(EVERYONE, 403)

ROWS: dict[str, Row] = {
    "GET /health": Row(EVERYONE),
    "HEAD /health": Row(EVERYONE),
    "GET /openapi.json": Row(EVERYONE),
    "GET /docs": Row(EVERYONE),
    "GET /thinkific/oauth/install": Row(ADMINS),
    "GET /thinkific/oauth/status": Row(ADMINS),
    "POST /thinkific/oauth/revoke": Row(ADMINS),
    # Without a state nothing changes; test_thinkific_oauth.py tests the use of a state.
    "GET /thinkific/oauth/callback": Row(EVERYONE, "/thinkific/oauth/callback?error=access+denied"),
    "GET /packages": Row(EVERYONE),
    "GET /packages/{id}": Row(EVERYONE, "/packages/{package}"),
    "GET /courses": Row(EVERYONE),
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
        OWN | ENROLLMENT_STAFF, "/enrollments/{enrollment}", refusals=PRIVATE
    ),
    "GET /enrollments/course/{courseId}/status": Row(
        OWN | ENROLLMENT_STAFF, "/enrollments/course/python-dasar/status?userId={owner}"
    ),
    "PATCH /enrollments/{id}/progress": Row(
        OWN | {ADMIN, ENROLLMENTS_WRITE},
        "/enrollments/{enrollment}/progress",
        {"progress": 10},
        refusals=PRIVATE,
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
        refusals=UNSIGNED,
    ),
    "POST /webhooks/thinkific": Row(
        frozenset(),
        body={"id": "1", "resource": "enrollment", "action": "progress", "payload": {}},
        refusals=UNSIGNED,
    ),
}


@dataclass(frozen=True)
class Matrix:
    """The resources and callers that all cells of the matrix share."""

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
        """Return every item of the table about these resources and callers.

        Callbacks are left out: a refused one is recorded as evidence, and decides nothing.
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
        for caller in sorted(EVERYONE)
        if (caller in ROWS[route].opens_to) is allowed
    ]


@pytest.fixture(scope="module")
def matrix(stack: Stack) -> Matrix:
    """Make a payment for each action on one, an enrollment and an anomaly."""
    resources = _resources(stack)
    return Matrix(stack, resources, _callers(stack, resources))


@pytest.fixture(scope="module")
def refused(matrix: Matrix) -> Refused:
    """Send every request that must be refused, and read the table before and after."""
    asked, before = cells(allowed=False), matrix.stored()
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda cell: matrix.send(*cell), asked))
    return Refused(dict(zip(asked, answers, strict=True)), before, matrix.stored())


def test_every_route_has_a_row() -> None:
    assert routes() == set(ROWS)


@pytest.mark.parametrize("caller", sorted(EVERYONE))
def test_a_caller_without_access_gets_a_problem(caller: str, refused: Refused) -> None:
    answers = {route: answer for (route, who), answer in refused.answers.items() if who == caller}

    assert {route: answer.status_code for route, answer in answers.items()} == {
        route: ROWS[route].refusal(caller) for route in answers
    }
    for answer in answers.values():
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
        assert answer.json()["requestId"]


def test_a_refused_request_changes_nothing(refused: Refused) -> None:
    assert len(refused.before) > 10
    assert refused.after == refused.before


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize("caller", sorted(EVERYONE))
def test_a_caller_with_access_is_let_in(caller: str, matrix: Matrix) -> None:
    mine = [route for route, who in cells(allowed=True) if who == caller]

    answers = {route: matrix.send(route, caller) for route in mine}

    assert {route: answer.text for route, answer in answers.items() if not answer.ok} == {}


def test_a_refusal_is_the_same_whether_the_enrollment_exists_or_not(
    matrix: Matrix, refused: Refused
) -> None:
    existing = refused.answers["GET /enrollments/{id}", STRANGER].json()

    url = f"{matrix.stack.api_url}/enrollments/enr{uuid.uuid4().hex}"
    missing = requests.get(url, headers=matrix.callers[STRANGER], timeout=TIMEOUT).json()

    assert missing | {"requestId": ""} == existing | {"requestId": ""}


def test_an_unknown_path_is_refused(matrix: Matrix) -> None:
    answer = requests.get(
        f"{matrix.stack.api_url}/admin", headers=matrix.callers[ADMIN], timeout=TIMEOUT
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
        owner.enrollments, lambda found: found[0]["delivery"]["status"] == "DELIVERED"
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
