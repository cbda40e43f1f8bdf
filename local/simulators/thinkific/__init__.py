"""Stand-in for Thinkific: the Admin REST API v1 of two sites as one local server.

The facts that it imitates are collected in ``docs/thinkific.md``. Where Thinkific publishes
nothing, or readers contradict each other, the behaviour is a knob (:mod:`.settings`).
"""
