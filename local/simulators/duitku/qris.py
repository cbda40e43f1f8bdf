"""A QR text that a wallet's reader would parse: EMV tag-length-value fields and a checksum."""

import binascii

from local.simulators.duitku.channels import Channel

_RUPIAH = "360"


def qr_string(channel: Channel, reference: str, amount: int) -> str:
    """Return the QRIS text of one order; no one can be paid by it."""
    body = (
        _field("00", "01")
        + _field("01", "12")
        + _field("26", _field("00", "ID.CO.SIMULATOR.WWW") + _field("01", channel.code))
        + _field("52", "8299")
        + _field("53", _RUPIAH)
        + _field("54", str(amount))
        + _field("58", "ID")
        + _field("59", "DUITKU SIMULATOR")
        + _field("60", "JAKARTA")
        + _field("62", _field("01", reference))
        + "6304"
    )
    return f"{body}{binascii.crc_hqx(body.encode(), 0xFFFF):04X}"


def _field(tag: str, value: str) -> str:
    return f"{tag}{len(value):02d}{value}"
