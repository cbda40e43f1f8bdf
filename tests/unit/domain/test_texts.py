"""Cleaning texts that are typed or pasted."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lunas.domain.phones import phone_number
from lunas.domain.texts import email_address, line, plain, prose

FAMILY = "\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("\u202aBudi\u202c", "Budi"),
        ("\ufeff\u200b Bu\u00addi\u2060 \u3164", "Budi"),
        (" \u200d\ufe0f ", ""),
        ("\U000e0041Budi\U000e007f", "Budi"),
        ("a\u0000b", "ab"),
        ("\u0007Bu\u001bdi\u007f \u0080S\u009f", "Budi S"),
        ("\u0000 \u001f\u0085", ""),
        ("satu\n\tdua\r\ntiga", "satu\n\tdua\r\ntiga"),
        ("Budi\u000bSantoso\u001c\u0085", "Budi Santoso"),
        (f"Ibu {FAMILY}", f"Ibu {FAMILY}"),
        ("\u0645\u06cc\u200c\u0646\u0627", "\u0645\u06cc\u200c\u0646\u0627"),
    ],
)
def test_invisible_characters_are_removed(typed: str, seen: str) -> None:
    assert prose(typed) == seen


def test_joiners_and_selectors_are_removed_from_an_id() -> None:
    assert plain(f" p\u200d1{FAMILY[1]}\ufe0f ") == "p1"


@given(st.text(st.characters(max_codepoint=0xA0)))
def test_no_control_character_remains_but_line_breaks_and_tabs_of_prose(text: str) -> None:
    for change, kept in ((plain, "\t\n\r"), (prose, "\t\n\r"), (line, "")):
        left = {each for each in change(text) if unicodedata.category(each) == "Cc"}
        assert left <= set(kept)
    assert not set("\0\x7f\x9b") & set(plain(f"\0{text}\x7f\x9b"))


def test_a_line_has_single_spaces() -> None:
    assert line("  Siti \u00a0\n\u200bNur\tHaliza ") == "Siti Nur Haliza"


@given(st.text())
def test_a_cleaned_text_is_unchanged_by_cleaning(text: str) -> None:
    for change in (plain, prose, line):
        assert change(change(text)) == change(text)
    assert plain(prose(text)) == plain(text)


@given(st.from_regex(r"[a-z]{1,9}(\.[a-z]{1,9})?@[a-z]{1,9}(\.[a-z]{2,9}){1,2}", fullmatch=True))
def test_an_ordinary_address_is_accepted_unchanged(address: str) -> None:
    assert email_address(f" {address}\u200b") == address


@pytest.mark.parametrize(
    ("address", "message"),
    [("budi", "with an @"), ("b u@c.id", "before the @"), ("b@c", "after the @")],
)
def test_an_invalid_address_is_explained(address: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        email_address(address)


@given(st.from_regex(r"08[1-35-9][0-9]{7,9}", fullmatch=True), st.sampled_from("- ./"))
def test_a_mobile_number_is_normalized_from_every_notation(number: str, between: str) -> None:
    kept = f"+62{number[1:]}"
    spread = between.join((number[:4], number[4:8], number[8:]))
    for typed in (number, spread, kept, kept[1:], f"00{kept[1:]}", f"+62 (0){number[1:]}"):
        assert phone_number(typed) == kept
    assert phone_number(kept) == kept
