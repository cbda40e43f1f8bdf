"""Compares the speed of Lunas with that of other frameworks, in one run: ``make bench``."""
