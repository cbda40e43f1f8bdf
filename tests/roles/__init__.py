"""The check of the roles: what parliament and cloudsplaining find in their policies."""
