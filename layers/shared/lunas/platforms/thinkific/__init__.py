"""Thinkific, the course platform, as docs/reference/thinkific.md describes its API."""
