"""Stand-in for Duitku: the v2 host, the POP host and the POP page host as one local server.

The facts that it imitates are collected in ``docs/reference/duitku.md``. Where Duitku publishes
nothing (spacing of the callbacks, limit of the status calls, text of some errors) the value is a
setting.
"""
