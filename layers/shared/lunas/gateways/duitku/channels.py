"""Duitku's payment channels: for how long an invoice can be paid with each.

Source: docs/reference/duitku.md, Channels and expiry. A channel without an entry, such as a new
one, is expected to honour the expiry that an invoice asks for.
"""

from collections.abc import Mapping

from lunas.domain.schedule import DAY, Channel

PATIENT = Channel(prompt=False)
"""Virtual accounts and retail, and invoices whose channel the buyer picks at Duitku."""
CHANNELS: Mapping[str, Channel] = {
    "VC": Channel(fixed=30),
    **dict.fromkeys(
        ("BC", "M2", "VA", "I1", "B1", "BT", "A1", "AG", "NC", "BR", "S1", "DM", "BV"), PATIENT
    ),
    **dict.fromkeys(("FT", "IR"), PATIENT),
    "OV": Channel(longest=DAY),
    "SA": Channel(longest=60),
    "LF": Channel(fixed=24),
    "LA": Channel(fixed=24),
    "DA": Channel(longest=DAY),
    "SL": Channel(fixed=30),
    "OL": Channel(fixed=15),
    "SP": Channel(longest=60),
    "SQ": Channel(longest=60),
    "NQ": Channel(longest=DAY),
    "DN": Channel(longest=DAY),
    "AT": Channel(longest=720),
    "JP": Channel(longest=10),
    **dict.fromkeys(("T1", "T2", "T3"), Channel(longest=DAY)),
}


def channel_of(code: str | None) -> Channel:
    """Return the terms of a channel; None if the buyer picks it on Duitku's page."""
    return CHANNELS.get(code, PATIENT) if code else PATIENT
