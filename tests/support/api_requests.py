"""Requests as API Gateway hands them over, and the tokens that they carry."""

import json
import re
import time
from typing import Any

import jwt
from aws_lambda_powertools.utilities.typing import LambdaContext

type Json = dict[str, Any]

OLD_SECRET, USER_SECRET, SERVICE_SECRET = "o" * 32, "s" * 32, "z" * 32
API_KEY = "service-api-key"
LOGIN_LIFETIME = 12 * 3600
"""Seconds; many tokens are made while tests are collected, and a run of all may take an hour."""
SERVICE_LIFETIME = 3600
"""Seconds; the longest that the rules allow."""
SERVICE_DOMAIN = {"secret": SERVICE_SECRET, "issuer": "lunas-services", "audience": "lunas"}
AUTH_SECRET: Json = {
    "userKeys": {"old": OLD_SECRET, "new": USER_SECRET},
    "issuer": None,
    "audience": None,
    "service": SERVICE_DOMAIN,
    "serviceApiKey": API_KEY,
}


class Context(LambdaContext):
    """The context of an invocation."""

    def __init__(self) -> None:
        self._aws_request_id = "invocation-1"
        self._function_name = "lunas"
        self._memory_limit_in_mb = 512
        self._invoked_function_arn = "arn:aws:lambda:ap-southeast-3:1:function:lunas"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """Return a time that is enough for whatever a test does."""
        return 75_000


def user_claims(sub: str = "u1", role: str = "USER", **changes: Any) -> Json:
    """Return the claims of a user token; a change to None leaves a claim out."""
    claims = {
        "sub": sub,
        "role": role,
        "type": "UMUM",
        "email": f"{sub if re.fullmatch('[a-z0-9-]+', str(sub)) else 'budi'}@example.com",
        "name": "Budi Santoso",
        "exp": int(time.time()) + LOGIN_LIFETIME,
    }
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def service_claims(**changes: Any) -> Json:
    """Return the claims of a service token."""
    now = int(time.time())
    claims = {
        "sub": "crm",
        "role": "SERVICE",
        "scope": "payments:read enrollments:read",
        "iss": SERVICE_DOMAIN["issuer"],
        "aud": SERVICE_DOMAIN["audience"],
        "iat": now,
        "exp": now + SERVICE_LIFETIME,
    }
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def signed(claims: Json, secret: str = USER_SECRET, kid: str | None = None) -> str:
    return jwt.encode(claims, secret, algorithm="HS256", headers={"kid": kid} if kid else None)


def user_token(sub: str = "u1", role: str = "USER", **changes: Any) -> str:
    return signed(user_claims(sub, role, **changes))


def service_token(**changes: Any) -> str:
    return signed(service_claims(**changes), SERVICE_SECRET)


def service_headers(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", "x-api-key": API_KEY}


def request(
    route: str,
    path: str | None = None,
    *,
    body: Any = None,
    token: str | None = None,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
) -> Json:
    """Build a request of the HTTP API, e.g. for ``GET /payments/{id}``; a str body goes as is."""
    method, _, pattern = route.partition(" ")
    sent = {"content-type": "application/json", **(headers or {})}
    if token:
        sent["authorization"] = f"Bearer {token}"
    made: Json = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path or pattern,
        "rawQueryString": "",
        "headers": sent,
        "queryStringParameters": query or {},
        "requestContext": {
            "http": {"method": method, "path": path or pattern},
            "apiId": "a1b2c3d4e5",
            "domainName": "a1b2c3d4e5.execute-api.ap-southeast-3.amazonaws.com",
            "requestId": "rq1",
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    if body is not None:
        made["body"] = body if isinstance(body, str) else json.dumps(body)
    return made
