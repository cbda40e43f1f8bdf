"""Duitku's payment channels: for how long each lets an invoice be paid.

Source: docs/reference/duitku.md, Channels and expiry. A code that is not listed here, as a new one
of Duitku's would be, is taken to keep to what it is asked for.
"""

from collections.abc import Mapping

from lunas.domain.channels import DAY, Channel

PATIENT = Channel(prompt=False)
"""Virtual accounts and retail; also an invoice whose channel the buyer picks at Duitku."""
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
    """Return what is known of a channel; None is the buyer's choice on Duitku's page."""
    return CHANNELS.get(code, PATIENT) if code else PATIENT
