"""How long each channel keeps an invoice open (duitku.md, Channels and expiry)."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lunas.gateways.duitku.invoices import CHANNELS, channel_of
from tests.support.builders import NOW

DOCUMENTED = Path("docs/reference/duitku.md").read_text(encoding="utf-8")
MINUTE = timedelta(minutes=1)
# The lifetime for 20, 60, 1440 and 10080 minutes; from the API reference, not from the code.
KEPT: dict[str | None, tuple[int, int, int, int]] = {
    "VC": (30, 30, 30, 30),
    "SL": (30, 30, 30, 30),
    "OL": (15, 15, 15, 15),
    "LF": (24, 24, 24, 24),
    "LA": (24, 24, 24, 24),
    "OV": (20, 60, 1440, 1440),
    "SA": (20, 60, 60, 60),
    "DA": (20, 60, 1440, 1440),
    "SP": (20, 60, 60, 60),
    "SQ": (20, 60, 60, 60),
    "NQ": (20, 60, 1440, 1440),
    "DN": (20, 60, 1440, 1440),
    "AT": (20, 60, 720, 720),
    "JP": (10, 10, 10, 10),
    **dict.fromkeys(("T1", "T2", "T3"), (20, 60, 1440, 1440)),
    **dict.fromkeys(
        ("BC", "M2", "VA", "I1", "B1", "BT", "A1", "AG", "NC", "BR", "S1", "DM", "BV", "FT", "IR"),
        (20, 60, 1440, 10080),
    ),
    **dict.fromkeys((None, "ZZ", "GQ"), (20, 60, 1440, 10080)),
}


@pytest.mark.parametrize("code", KEPT)
def test_the_channel_decides_when_an_invoice_expires(code: str | None) -> None:
    asked = (20, 60, 1440, 10080)
    found = [channel_of(code).lifetime(each * MINUTE) // MINUTE for each in asked]
    assert tuple(found) == KEPT[code]


def test_every_channel_of_the_documents_is_known() -> None:
    table = DOCUMENTED.split("## Channels and expiry")[1].split("\n\n")[2]
    codes = {
        code
        for row in table.splitlines()[2:]
        for code in re.findall(r"\b[A-Z][A-Z0-9]\b", row.split("|")[2])
    }
    assert codes == set(CHANNELS)


@pytest.mark.parametrize(
    ("code", "left", "asked"),
    [
        ("BC", 9, None),
        ("BC", 10, 10),
        (None, 9.99, None),
        ("SP", 61, 60),
        ("JP", 10, 10),
        ("JP", 5, 5),
        ("JP", 4.9, None),
        ("VC", 10, 30),
        ("VC", 9, None),
        ("ZZ", 0, None),
        ("ZZ", -5, None),
    ],
)
def test_no_invoice_is_opened_for_too_short_a_time(
    code: str | None, left: float, asked: int | None
) -> None:
    assert channel_of(code).minutes_to_ask(NOW, NOW + left * MINUTE) == asked


@given(st.sampled_from(list(CHANNELS)), st.integers(1, 20_000))
def test_no_channel_is_asked_for_more_than_its_limit(code: str, wanted: int) -> None:
    lifetime = channel_of(code).lifetime(wanted * MINUTE)
    asked = channel_of(code).minutes_to_ask(NOW, NOW + lifetime)
    assert asked is None or asked * MINUTE == lifetime
    longest = CHANNELS[code].longest
    assert asked is None or longest is None or asked <= longest
