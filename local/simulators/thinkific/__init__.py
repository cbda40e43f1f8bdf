"""Stand-in for Thinkific: API, OAuth and webhooks of two sites as one local server.

The facts that it imitates are collected in ``docs/reference/thinkific.md``. Where Thinkific
publishes nothing, or readers contradict each other, the behaviour is a setting (:mod:`.settings`).
"""
