"""Who may call: security schemes, and what a route's access means in their words."""

from collections.abc import Mapping
from typing import Any

from lunas.api.auth import Access
from lunas.domain.users import Role

type Json = dict[str, Any]

USER, SERVICE, KEY = "UserToken", "ServiceToken", "ServiceKey"
SCHEMES: Mapping[str, Json] = {
    USER: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": (
            "Token of the login service with `sub`, `role` (USER or ADMIN), `type` (DIKE or "
            "UMUM), `email`, `name` and `exp`. Requirements name the role that is needed."
        ),
    },
    SERVICE: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": (
            "Token of a service: `sub`, `role` SERVICE, `scope`, `iss`, `aud`, `iat`, `exp`, good "
            "for at most one hour. Requirements name the scope that is needed."
        ),
    },
    KEY: {
        "type": "apiKey",
        "in": "header",
        "name": "x-api-key",
        "description": "Goes with every service token.",
    },
}


def security(access: Access) -> list[Json]:
    """Write an access as security requirements; an empty list means everybody."""
    if access.public:
        return []
    required: list[Json] = [{USER: [] if Role.USER in access.roles else [Role.ADMIN.value]}]
    if access.scope:
        required.append({SERVICE: [access.scope], KEY: []})
    return required


def sentence(access: Access) -> str:
    """Say who may call, in a sentence."""
    if access.public:
        return "Everybody may call this."
    people = "Users and admins" if Role.USER in access.roles else "Admins"
    if access.scope:
        return f"{people} may call this, and services with the scope `{access.scope}`."
    return f"{people} may call this."
