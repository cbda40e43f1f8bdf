"""The keys and addresses of a stack: given by the environment, else made up for this stack."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from local.cloud.aws import Aws
from local.cloud.stack import DuitkuProject, ServiceIdentity, ThinkificSite

SCOPES = ("payments:read", "enrollments:read", "enrollments:write")


@dataclass(frozen=True)
class Gateways:
    """Origins of Duitku and Thinkific; None where the simulator is to be started instead."""

    duitku_api_url: str | None
    duitku_pop_url: str | None
    thinkific_api_url: str | None
    thinkific_oauth_url: str | None


@dataclass(frozen=True)
class Credentials:
    """Every key of a stack."""

    jwt_secret: str
    service_api_key: str
    service: ServiceIdentity
    duitku: DuitkuProject
    thinkific: ThinkificSite
    thinkific_access_token: str


def gateways(environment: Mapping[str, str]) -> Gateways:
    """Read where Duitku and Thinkific are; one given address of Duitku serves for both its APIs."""
    api = _origin(environment, "DUITKU_API_URL")
    pop = _origin(environment, "DUITKU_POP_URL")
    return Gateways(
        duitku_api_url=api or pop,
        duitku_pop_url=pop or api,
        thinkific_api_url=_origin(environment, "THINKIFIC_API_URL"),
        thinkific_oauth_url=_origin(environment, "THINKIFIC_OAUTH_URL"),
    )


def credentials(environment: Mapping[str, str]) -> Credentials:
    """Take the keys that the environment gives and make up the others."""
    return Credentials(
        jwt_secret=secrets.token_urlsafe(48),
        service_api_key=secrets.token_urlsafe(32),
        service=ServiceIdentity(
            secret=secrets.token_urlsafe(48),
            issuer="lunas-services",
            audience="lunas",
            scopes=SCOPES,
        ),
        duitku=DuitkuProject(
            merchant_code=environment.get("DUITKU_MERCHANT_CODE")
            or f"DS{secrets.randbelow(90_000) + 10_000}",
            api_key=environment.get("DUITKU_API_KEY") or secrets.token_hex(16),
        ),
        thinkific=ThinkificSite(
            subdomain=environment.get("THINKIFIC_SUBDOMAIN") or "lunas",
            api_key=environment.get("THINKIFIC_API_KEY") or secrets.token_hex(16),
            client_id=environment.get("THINKIFIC_CLIENT_ID") or secrets.token_hex(16),
            client_secret=environment.get("THINKIFIC_CLIENT_SECRET") or secrets.token_hex(16),
        ),
        thinkific_access_token=environment.get("THINKIFIC_ACCESS_TOKEN") or secrets.token_hex(32),
    )


def store(aws: Aws, outputs: Mapping[str, str], keys: Credentials) -> None:
    """Put the keys where the functions read them, in the shapes of ``docs/deploy.md``."""
    auth = {
        "userKeys": {"local": keys.jwt_secret},
        "issuer": None,
        "audience": None,
        "serviceApiKey": keys.service_api_key,
        "service": keys.service.model_dump(include={"secret", "issuer", "audience"}),
    }
    thinkific = {
        **keys.thinkific.model_dump(by_alias=True, exclude={"subdomain"}),
        "accessToken": keys.thinkific_access_token,
    }
    for output, value in (
        ("AuthSecretId", auth),
        ("DuitkuSecretId", keys.duitku.model_dump(by_alias=True)),
        ("ThinkificSecretId", thinkific),
    ):
        aws.secrets.put_secret_value(SecretId=outputs[output], SecretString=json.dumps(value))


def _origin(environment: Mapping[str, str], name: str) -> str | None:
    return environment.get(name, "").rstrip("/") or None
