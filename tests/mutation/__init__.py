"""``make mutation-test``: takes out each condition and each check in turn; a test has to fail.

What is taken out is found in the sources, not listed by hand: every condition of a write in
``storage`` with each of its parts, and every step of the webhook that checks something.
"""
