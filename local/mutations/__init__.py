"""``make mutants``: takes each condition and each check out, one at a time, and wants a red test.

What is taken out is found in the sources, not listed by hand: every condition of a write in
``adapters/store`` with each of its parts, and every step of the webhook that checks something.
"""
