"""Names of time zones, as the database of the layer has them and not that of this machine."""

from importlib import resources


def unknown_zone(name: str) -> str | None:
    """Return what is wrong with a zone's name and what to do, None if the database has it."""
    known = (resources.files("tzdata") / "zones").read_text(encoding="utf-8").split()
    if name in known:
        return None
    return f"{name!r} is no time zone of the IANA database: correct TimeZone in samconfig.toml"
