"""Phone numbers, in any common notation."""

import re
import unicodedata

from lunas.domain.texts import plain

HOME = "ID"
"""The country of numbers without a country code."""
ABROAD = "62"
"""Its country code."""
LONGEST = 16
"""Characters of a number, with its + (E.164)."""
_WRITING = re.compile(r"(?i:tel:)?\s*[0-9+(][0-9+()./\s-]*")
_DASHES = re.compile(r"[\u2010-\u2015\u2212\u30fc~]")


def phone_number(given: str) -> str:
    """Return a number as ``+`` and digits (E.164); ValueError if it is none.

    Digits of any script and the dashes of word processors are converted. A number in an assigned
    range is accepted in any notation. As ranges grow, any other number needs only a possible
    length, and a leading 0 or + that makes its notation clear.
    """
    text = _in_ascii(plain(given))
    if _WRITING.fullmatch(text):
        readings = _readings(re.sub(r"[^0-9+]", "", text))
        found = _first(readings, in_use=True) or _first(readings, in_use=False)
        if found is not None:
            return found
    raise ValueError("must be a phone number, such as 0812 3456 7890 or +62 812 3456 7890")


def _in_ascii(text: str) -> str:
    dashed = _DASHES.sub("-", unicodedata.normalize("NFKC", text))
    return "".join(str(unicodedata.decimal(each, each)) for each in dashed)


def _readings(number: str) -> list[str]:
    """Return the possible interpretations of a number, the likeliest first."""
    if number.startswith("00"):  # how most countries dial abroad, though Indonesia does not
        return [f"+{number[2:]}"]
    if number.startswith("+0"):
        return [number[1:]]
    if number.startswith(ABROAD):
        return [f"+{number}", number]
    return [number]


def _first(readings: list[str], *, in_use: bool) -> str | None:
    # Only forms with a phone number in them load the numbering plans of the world.
    from phonenumbers import phonenumberutil as plans  # noqa: PLC0415

    for reading in readings:
        try:
            number = plans.parse(reading, HOME)
        except plans.NumberParseException:
            continue
        length = plans.is_possible_number_with_reason(number)
        whole = length == plans.ValidationResult.IS_POSSIBLE and reading[0] in "+0"
        # A domestic number that still begins with 0 after parsing matches no numbering plan.
        if number.country_code == int(ABROAD) and number.italian_leading_zero:
            whole = False
        written = plans.format_number(number, plans.PhoneNumberFormat.E164)
        if plans.is_valid_number(number) if in_use else whole and len(written) <= LONGEST:
            return written
    return None
