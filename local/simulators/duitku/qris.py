"""A QR text that a wallet's reader would parse: EMV tag-length-value fields and a checksum.

It is as long as real ones.
"""

import binascii

from local.simulators.duitku.channels import Channel

_RUPIAH = "360"


def qr_string(channel: Channel, reference: str, amount: int) -> str:
    """Return the QRIS text of one order; no one can be paid by it."""
    body = (
        _field("00", "01")
        + _field("01", "12")
        + _field("26", _merchant("ID.CO.SIMULATOR.WWW", "01", "9360091800000000018"))
        + _field("51", _merchant("ID.CO.QRIS.WWW", "02", "ID1020000000001"))
        + _field("52", "8299")
        + _field("53", _RUPIAH)
        + _field("54", str(amount))
        + _field("58", "ID")
        + _field("59", "DUITKU SIMULATOR")
        + _field("60", "JAKARTA SELATAN")
        + _field("61", "12940")
        + _field("62", _field("05", reference) + _field("07", channel.code))
        + "6304"
    )
    return f"{body}{binascii.crc_hqx(body.encode(), 0xFFFF):04X}"


def _merchant(scheme: str, tag: str, number: str) -> str:
    return _field("00", scheme) + _field(tag, number) + _field("03", "UBE")


def _field(tag: str, value: str) -> str:
    return f"{tag}{len(value):02d}{value}"
