"""How much of what can be repeated at will is done: little in ``make test``, more at length."""

import os

LONG = os.environ.get("LUNAS_TESTS") == "long"
"""Whether the long forms run, as by ``make test-full``."""
