"""``make soak``: thousands of purchases while everything around them breaks.

See docs/guides/testing.md.
"""
