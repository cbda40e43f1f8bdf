"""The payment channels of Duitku with the time that each leaves for paying.

Source: ``docs/reference/duitku.md``, Channels and expiry. The active set depends on the project;
here every documented channel is on unless the settings close it.
"""

from dataclasses import dataclass
from enum import StrEnum

DAY = 1440


class Kind(StrEnum):
    """The groups of channels; the group decides what the buyer is shown."""

    CARD = "card"
    VIRTUAL_ACCOUNT = "virtual account"
    RETAIL = "retail"
    WALLET = "e-wallet"
    ACCOUNT_LINK = "account link"
    QRIS = "QRIS"
    PAYLATER = "paylater"
    BANKING = "e-banking"
    COMMERCE = "e-commerce"


@dataclass(frozen=True)
class Channel:
    """One channel: Duitku's two-letter code and its minutes until expiry.

    ``maximum`` None means that longer times than the default are allowed without a known end;
    a ``fixed`` channel ignores the time that was asked for.
    """

    code: str
    name: str
    kind: Kind
    default: int
    maximum: int | None = None
    fixed: bool = False

    def minutes(self, asked: int | None) -> int:
        """Return the minutes that an order on this channel stays open."""
        if self.fixed or asked is None:
            return self.default
        return min(asked, self.maximum or asked)


_ACCOUNTS = {
    "BC": "BCA",
    "M2": "Mandiri",
    "VA": "Maybank",
    "I1": "BNI",
    "B1": "CIMB Niaga",
    "BT": "Permata",
    "A1": "ATM Bersama",
    "AG": "Artha Graha",
    "NC": "Neo Commerce",
    "BR": "BRI",
    "S1": "Sahabat Sampoerna",
    "DM": "Danamon",
    "BV": "BSI",
}

_ALL = (
    Channel("VC", "Credit Card", Kind.CARD, 30, fixed=True),
    *(Channel(code, f"{bank} VA", Kind.VIRTUAL_ACCOUNT, DAY) for code, bank in _ACCOUNTS.items()),
    Channel("FT", "Pegadaian / Alfa / Pos", Kind.RETAIL, DAY),
    Channel("IR", "Indomaret", Kind.RETAIL, DAY),
    Channel("OV", "OVO", Kind.WALLET, 10, DAY),
    Channel("SA", "ShopeePay App", Kind.WALLET, 10, 60),
    Channel("LF", "LinkAja (fixed fee)", Kind.WALLET, 24, DAY, fixed=True),
    Channel("LA", "LinkAja (percentage)", Kind.WALLET, 24, DAY, fixed=True),
    Channel("DA", "DANA", Kind.WALLET, DAY, DAY),
    Channel("SL", "ShopeePay account link", Kind.ACCOUNT_LINK, 30, fixed=True),
    Channel("OL", "OVO account link", Kind.ACCOUNT_LINK, 15, fixed=True),
    Channel("SP", "QRIS ShopeePay", Kind.QRIS, 10, 60),
    Channel("SQ", "QRIS Nusapay", Kind.QRIS, 10, 60),
    Channel("NQ", "QRIS Nobu", Kind.QRIS, 24, DAY),
    Channel("DN", "Indodana Paylater", Kind.PAYLATER, DAY, DAY),
    Channel("AT", "Atome", Kind.PAYLATER, 720, 720),
    Channel("JP", "Jenius Pay", Kind.BANKING, 10, 10),
    Channel("T1", "Tokopedia Card", Kind.COMMERCE, DAY, DAY),
    Channel("T2", "Tokopedia E-Wallet", Kind.COMMERCE, DAY, DAY),
    Channel("T3", "Tokopedia Others", Kind.COMMERCE, DAY, DAY),
)

CHANNELS = {channel.code: channel for channel in _ALL}
