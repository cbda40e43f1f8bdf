"""Duitku, the payment gateway; the facts it stands on are in docs/reference/duitku.md."""
