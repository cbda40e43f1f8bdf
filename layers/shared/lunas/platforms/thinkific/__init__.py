"""Thinkific, the course platform; the facts it stands on are in docs/reference/thinkific.md."""
