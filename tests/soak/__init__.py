"""``make soak``: thousands of purchases while providers, settings and workers fail.

See docs/guides/testing.md.
"""
