"""Duitku, the payment gateway, as docs/reference/duitku.md describes its API."""
