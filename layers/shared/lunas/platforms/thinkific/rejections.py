"""Reads the body of an error of Thinkific, whatever its shape.

Documented are ``errors`` as an object of texts by field, ``errors`` as a list of texts, and one
``error`` (docs/reference/thinkific.md, Errors); there are other shapes in practice. So every text
in a body is read together with its names: the keys around it, and the field that an object names
beside the text.
"""

import re
from collections.abc import Iterator, Mapping

_NAMING = frozenset(
    {"field", "fields", "fieldname", "attribute", "param", "parameter", "property", "source"}
    | {"pointer", "key", "path", "name"}
)
"""Keys under which an object may name its field, ignoring case and underscores."""
_EMAIL_FIELD = re.compile(r"((user|primary)[_-]?)?e[_-]?mail([_-]?address)?", re.IGNORECASE)
_ABOUT_EMAIL = re.compile(r"\be-?mail\b", re.IGNORECASE)
_TAKEN = re.compile(
    r"\btaken\b|\balready (exists?|used|registered)\b|\balready been (used|registered)\b"
    r"|\bin use\b|\bnot unique\b|\bmust be unique\b",
    re.IGNORECASE,
)
_CLAUSE_ENDS = re.compile(r"[;,\n]|\. |\sand\s", re.IGNORECASE)
_PARTS = re.compile(r"[./\[\]]+")
"""Separators in a name such as ``user.email`` or ``/data/attributes/email``."""
DEEPEST = 10
"""Levels of a body that are read."""
LONGEST = 1_000
"""Characters of a text that are read."""

type _NamedText = tuple[tuple[str, ...], str]
"""The names of a text, and the text."""


def field_errors(body: object) -> dict[str, str]:
    """Return the texts of an error body by field; texts without a field have the key ""."""
    errors = body
    if isinstance(body, dict):
        given = (body.get("errors"), body.get("error"), _by_field(body), body.get("message"))
        errors = next((each for each in given if each), None)
    if isinstance(errors, dict):
        return {str(field): _joined(texts) for field, texts in errors.items()}
    joined = _joined(errors)
    return {"": joined} if joined else {}


def _joined(texts: object) -> str:
    return "; ".join(text for _, text in _texts(texts, (), DEEPEST))


def _by_field(body: Mapping[str, object]) -> dict[str, object]:
    """Return the lists of a body without ``errors``, where each key is a field."""
    return {name: each for name, each in body.items() if isinstance(each, list) and each}


def address_taken(body: object) -> bool:
    """Return whether an error body means that the e-mail address has an account already.

    "Taken" may be about another field, so a name or the text must mention e-mail. A false match is
    cheap: looking up an account that does not exist costs one call.
    """
    return any(_means_taken(names, text) for names, text in _texts(body, (), DEEPEST))


def _means_taken(names: tuple[str, ...], text: str) -> bool:
    is_email = any(map(_names_email, names))
    return any(
        _TAKEN.search(clause) and (is_email or _ABOUT_EMAIL.search(clause))
        for clause in _CLAUSE_ENDS.split(text[:LONGEST].replace("_", " "))
    )


def _names_email(name: str) -> bool:
    parts = [each for each in _PARTS.split(name) if each]
    return bool(parts) and bool(_EMAIL_FIELD.fullmatch(parts[-1]))


def _texts(value: object, names: tuple[str, ...], levels: int) -> Iterator[_NamedText]:
    if isinstance(value, str):
        yield names, value
    if not levels:
        return
    if isinstance(value, list):
        for each in value:
            yield from _texts(each, names, levels - 1)
    if isinstance(value, dict):
        given = names + _given_names(value, levels)
        for key, each in value.items():
            yield from _texts(each, (*given, key), levels - 1)


def _given_names(value: Mapping[str, object], levels: int) -> tuple[str, ...]:
    """Return the field that an object names."""
    return tuple(
        text
        for key, each in value.items()
        if key.lower().replace("_", "") in _NAMING
        for _, text in _texts(each, (), levels - 1)
    )
