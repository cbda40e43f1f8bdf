"""The words of the payment page, in the two languages that it can be opened in."""

type Labels = dict[str, str]

_INDONESIAN: Labels = {
    "language": "id",
    "title": "Pembayaran",
    "order": "Pesanan",
    "choose": "Pilih cara bayar",
    "change": "Ganti cara bayar",
    "until": "Bayar sebelum",
    "number": "Nomor pembayaran",
    "pay": "Bayar",
    "fail": "Gagalkan",
    "cancel": "Batalkan",
    "expire": "Biarkan kedaluwarsa",
    "back": "Kembali ke toko",
    "pending": "Menunggu pembayaran",
    "paid": "Sudah dibayar",
    "failed": "Pembayaran gagal",
    "cancelled": "Pembayaran dibatalkan",
    "expired": "Waktu bayar habis",
    "unknown": "Transaksi tidak ditemukan",
    "notice": "Ini simulator: tidak ada uang yang berpindah.",
}

_ENGLISH: Labels = {
    "language": "en",
    "title": "Payment",
    "order": "Order",
    "choose": "Choose how to pay",
    "change": "Pay another way",
    "until": "Pay before",
    "number": "Payment number",
    "pay": "Pay",
    "fail": "Let it fail",
    "cancel": "Cancel",
    "expire": "Let it expire",
    "back": "Back to the shop",
    "pending": "Waiting for the payment",
    "paid": "Paid",
    "failed": "The payment failed",
    "cancelled": "The payment was cancelled",
    "expired": "The time to pay is over",
    "unknown": "No such transaction",
    "notice": "This is a simulator: no money moves.",
}

LANGUAGES = {"id": _INDONESIAN, "en": _ENGLISH}


def labels(language: str) -> Labels:
    """Return the words of a language, Indonesian when it is not known."""
    return LANGUAGES.get(language, _INDONESIAN)
