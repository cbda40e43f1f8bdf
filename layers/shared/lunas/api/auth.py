"""Authentication by tokens, and the access of each route.

Users and services are two trust domains, each with its own secret. A token signed with a user
secret is never a service, whatever it claims, and a service also sends the API key.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from lunas.aws.secrets import secret
from lunas.aws.settings import optional
from lunas.domain.errors import ConfigurationError, Forbidden, Unauthenticated
from lunas.domain.texts import is_unicode, plain
from lunas.domain.users import Caller, PaymentType, Role

ALGORITHMS = ["HS256"]
SECRET = "AUTH_SECRET_ID"  # noqa: S105
"""Environment variable with the id of the secret."""
SERVICE_LIFETIME = 3600
"""Seconds: a service token that lives longer is refused."""
MAX_ID = 200
"""Characters of a user id."""
LEEWAY = 10
"""Seconds by which the clocks of the login service and of Lambda may differ."""
SCOPES = frozenset({"payments:read", "enrollments:read", "enrollments:write"})


@dataclass(frozen=True, slots=True)
class RouteAccess:
    """The callers that may use a route: ``roles``, and services with ``scope`` if there is one."""

    roles: frozenset[Role] = frozenset()
    scope: str | None = None
    public: bool = False

    def check(self, caller: Caller) -> None:
        """Raise Forbidden unless the caller may use the route."""
        allowed = caller.role in self.roles
        if caller.role is Role.SERVICE:
            allowed = self.scope in caller.scopes
        if not allowed:
            raise Forbidden("your role or scope does not allow this")


PUBLIC = RouteAccess(public=True)
USERS = RouteAccess(frozenset({Role.USER, Role.ADMIN}))
ADMINS = RouteAccess(frozenset({Role.ADMIN}))


def users_and_services(scope: str) -> RouteAccess:
    """Return the access of users, admins, and services with ``scope``."""
    return RouteAccess(USERS.roles, scope)


def authenticate(headers: Mapping[str, str]) -> Caller:
    """Return the caller, or raise Unauthenticated. Header names are lower-case."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("a bearer token is required")
    if not token.isascii():
        raise Unauthenticated("the token cannot be read")
    keys = _keys()
    user = _verified_user(token.strip(), keys)
    if user is not None:
        return user
    return _verified_service(token.strip(), headers.get("x-api-key", ""), keys)


def check_owner(caller: Caller, owner_id: str) -> None:
    """Raise Forbidden for a user other than the owner; admins and services pass."""
    if not is_owner_or_staff(caller, owner_id):
        raise Forbidden("this belongs to another user")


def is_owner_or_staff(caller: Caller, owner_id: str) -> bool:
    """Return whether a caller is the owner, an admin or a service."""
    return caller.role is not Role.USER or caller.id == owner_id


def _keys() -> dict[str, Any]:
    """Return the secret with the keys of tokens; raises ConfigurationError if it is malformed."""
    keys = secret(SECRET)
    user_keys, service = keys.get("userKeys") or {}, keys.get("service") or {}
    forms: list[tuple[str, object, type | tuple[type, ...]]] = [
        ("userKeys", user_keys, dict),
        ("service", service, dict),
        ("serviceApiKey", keys.get("serviceApiKey") or "", str),
        ("issuer", keys.get("issuer") or "", (str, list)),
        ("audience", keys.get("audience") or "", (str, list)),
    ]
    wrong = [name for name, value, form in forms if not isinstance(value, form)]
    if not wrong:
        given = [each for each in service.values() if each is not None]
        texts = {"userKeys": user_keys.values(), "service": given}
        wrong = [name for name, all_of in texts.items() if not _are_texts(all_of)]
    if wrong:
        names = ", ".join(wrong)
        raise ConfigurationError(
            f"fields of another type than documented in the secret of AUTH_SECRET_ID: {names}"
        )
    return keys


def _are_texts(values: Iterable[object]) -> bool:
    return all(isinstance(each, str) for each in values)


def _verified_user(token: str, keys: Mapping[str, Any]) -> Caller | None:
    """Return the user if the login service signed the token, with a shared or its own key."""
    issuer, audience = keys.get("issuer"), keys.get("audience")
    if url := optional("JWKS_URL"):
        # Slow to import, and only needed where a JWKS URL is configured.
        from lunas.api.jwks import PUBLIC_KEY_ALGORITHMS, signing_key  # noqa: PLC0415

        found = signing_key(url, token)
        trusted: list[str | jwt.PyJWK] = [found] if found else []
        algorithms = PUBLIC_KEY_ALGORITHMS
    else:
        trusted = [*_candidates(token, keys.get("userKeys"))]
        algorithms = ALGORITHMS
    for key in trusted:
        claims = _decode(token, key, algorithms, (issuer, audience), ["exp", "sub"])
        if claims is not None:
            return _user(claims)
    return None


def _candidates(token: str, user_keys: Mapping[str, str] | None) -> list[str]:
    """Return the secrets to try: the one that the token's ``kid`` names, else all of them."""
    if not user_keys:
        raise ConfigurationError("userKeys are missing in the secret of AUTH_SECRET_ID")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise Unauthenticated("the token cannot be read") from None
    # PyJWT accepts only a string as kid.
    if header.get("kid") in user_keys:
        return [user_keys[header["kid"]]]
    return list(user_keys.values())


def _decode(
    token: str,
    key: str | jwt.PyJWK | None,
    algorithms: list[str],
    domain: tuple[str | None, str | None],
    required: list[str],
) -> dict[str, Any] | None:
    """Return the claims if ``key`` signed the token, else None.

    Raises Unauthenticated if the signature is valid and the claims are not.
    """
    if not key:
        return None
    issuer, audience = domain
    try:
        return jwt.decode(
            token,
            key,
            algorithms=algorithms,
            issuer=issuer,
            audience=audience,
            leeway=LEEWAY,
            options={"require": required, "verify_aud": audience is not None},
        )
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
        return None
    except jwt.ExpiredSignatureError:
        raise Unauthenticated("the token has expired") from None
    except jwt.ImmatureSignatureError:
        raise Unauthenticated("the token is not valid yet: nbf or iat is in the future") from None
    except jwt.InvalidTokenError:
        raise Unauthenticated("the claims of the token are not valid") from None
    except jwt.InvalidKeyError:
        raise ConfigurationError(
            "a key in the secret of AUTH_SECRET_ID is no shared secret"
        ) from None


def _user(claims: Mapping[str, Any]) -> Caller:
    role = _text(claims, "role")
    if role not in {Role.USER, Role.ADMIN}:
        raise Unauthenticated("the token's role is neither USER nor ADMIN")
    given_type = _text(claims, "type")
    return Caller(
        id=_subject(claims),
        role=Role(role),
        payment_type=PaymentType(given_type) if given_type in set(PaymentType) else None,
        email=_text(claims, "email"),
        name=_text(claims, "name"),
    )


def _verified_service(token: str, api_key: str, keys: Mapping[str, Any]) -> Caller:
    domain = keys.get("service") or {}
    claims = _decode(
        token,
        domain.get("secret"),
        ALGORITHMS,
        (domain.get("issuer"), domain.get("audience")),
        ["exp", "iat", "sub", "iss", "aud"],
    )
    if claims is None or not domain.get("issuer") or not domain.get("audience"):
        raise Unauthenticated("the token's signature is not valid")
    expected = keys.get("serviceApiKey")
    if not expected or not hmac.compare_digest(
        api_key.encode("utf-8", "surrogatepass"), expected.encode()
    ):
        raise Unauthenticated("a service also needs a valid x-api-key")
    if claims.get("role") != Role.SERVICE or not _short_lived(claims):
        raise Unauthenticated("the token is not a service token of at most one hour")
    scopes = SCOPES & set(str(claims.get("scope", "")).split())
    return Caller(id=_subject(claims), role=Role.SERVICE, scopes=frozenset(scopes))


def _short_lived(claims: Mapping[str, Any]) -> bool:
    start, end = claims["iat"], claims["exp"]
    if not isinstance(start, int | float) or not isinstance(end, int | float):
        return False
    # Not by their difference: a number of hundreds of digits overflows a float.
    return start < end <= start + SERVICE_LIFETIME


def _subject(claims: Mapping[str, Any]) -> str:
    subject = _text(claims, "sub")
    if subject is None:
        raise Unauthenticated("the token's sub is not a user id")
    if len(subject) > MAX_ID:
        raise Unauthenticated(f"the token's sub is longer than {MAX_ID} characters")
    return subject


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    """Return a claim that is a text with visible characters, else None.

    Raises Unauthenticated for half of a surrogate pair: JSON can hold it, UTF-8 cannot.
    """
    value = claims.get(name)
    if not isinstance(value, str) or not plain(value):
        return None
    if not is_unicode(value):
        raise Unauthenticated(f"the token's {name} is not valid Unicode")
    return value
