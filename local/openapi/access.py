"""Who may call: security schemes, and a route's access in their terms."""

from collections.abc import Mapping
from typing import Any

from lunas.api.auth import RouteAccess
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


def security(access: RouteAccess) -> list[Json]:
    """Return an access as security requirements: an empty list for a public route."""
    if access.public:
        return []
    required: list[Json] = [{USER: [] if Role.USER in access.roles else [Role.ADMIN.value]}]
    if access.scope:
        required.append({SERVICE: [access.scope], KEY: []})
    return required


def sentence(access: RouteAccess) -> str:
    """Return who may call, as a sentence."""
    if access.public:
        return "Anyone may call this."
    callers = "Users and admins" if Role.USER in access.roles else "Admins"
    if access.scope:
        return f"{callers} may call this, and services with the scope `{access.scope}`."
    return f"{callers} may call this."
