"""Rules of the business: pure Python, no I/O, no AWS, no HTTP."""
