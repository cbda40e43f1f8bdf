"""Thinkific, the course platform; the facts it stands on are in docs/thinkific.md."""
