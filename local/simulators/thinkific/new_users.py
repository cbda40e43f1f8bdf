"""What Thinkific checks before it creates or changes a user (Admin API, Users)."""

import re
from collections import defaultdict

from local.simulators.thinkific.answers import Json, text, unprocessable, whole_number
from local.simulators.thinkific.records import CustomField, User
from local.simulators.thinkific.site import Site

ROLES = frozenset({"affiliate", "course_admin", "group_analyst", "site_admin"})
REQUIRED = ("first_name", "last_name", "email")
MIN_PASSWORD = 6
BLANK = "can't be blank"
TAKEN = "has already been taken"
INVALID = "is invalid"
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

type Errors = defaultdict[str, list[str]]


def check_new(site: Site, body: Json) -> None:
    """Raise a 422 that lists by field what keeps the user from being created."""
    errors: Errors = defaultdict(list)
    _check_names(body, REQUIRED, errors)
    _check_email(site, text(body, "email"), None, errors)
    _check_rest(body, errors)
    if not body.get("skip_custom_fields_validation"):
        _check_required_fields(site.required_fields, custom_values(body), errors)
    _raise_if_any(errors)


def check_change(site: Site, user: User, body: Json) -> None:
    """Raise a 422 that lists by field what keeps the user from being changed."""
    errors: Errors = defaultdict(list)
    _check_names(body, [name for name in REQUIRED if name in body], errors)
    _check_email(site, text(body, "email"), user, errors)
    _check_rest(body, errors)
    _raise_if_any(errors)


def custom_values(body: Json) -> dict[int, str]:
    """Return the custom profile fields of a request, by the id of their definition."""
    given = body.get("custom_profile_fields")
    entries = given if isinstance(given, list) else []
    return dict(_custom_value(entry) for entry in entries if isinstance(entry, dict))


def _custom_value(entry: Json) -> tuple[int, str]:
    definition = whole_number(entry.get("custom_profile_field_definition_id"))
    return definition or 0, text(entry, "value")


def _check_names(body: Json, names: tuple[str, ...] | list[str], errors: Errors) -> None:
    for name in names:
        if not text(body, name):
            errors[name].append(BLANK)


def _check_email(site: Site, email: str, user: User | None, errors: Errors) -> None:
    if not email:
        return
    if not EMAIL.fullmatch(email):
        errors["email"].append(INVALID)
    holder = site.user_by_email(email)
    if holder is not None and holder is not user:
        errors["email"].append(TAKEN)


def _check_rest(body: Json, errors: Errors) -> None:
    roles = body.get("roles") or []
    if not (isinstance(roles, list) and ROLES.issuperset(map(str, roles))):
        errors["roles"].append(INVALID)
    password = body.get("password")
    if password is not None and len(str(password)) < MIN_PASSWORD:
        errors["password"].append(f"is too short (minimum is {MIN_PASSWORD} characters)")


def _check_required_fields(
    fields: list[CustomField], values: dict[int, str], errors: Errors
) -> None:
    missing = [field.label for field in fields if not values.get(field.id)]
    if missing:
        errors["custom_profile_fields"] = [f"{label} {BLANK}" for label in missing]


def _raise_if_any(errors: Errors) -> None:
    if errors:
        raise unprocessable(dict(errors))
