"""The owner's package service: a catalog kept elsewhere, and the tokens that open it."""
