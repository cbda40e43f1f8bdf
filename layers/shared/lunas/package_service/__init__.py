"""The owner's package service: its catalog, and the tokens for calling it."""
