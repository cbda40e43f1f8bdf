"""Names of time zones, from the layer's database instead of the machine's."""

from importlib import resources


def unknown_zone(name: str) -> str | None:
    """Return an error with what to do for an unknown time zone, None for a known one."""
    known = (resources.files("tzdata") / "zones").read_text(encoding="utf-8").split()
    if name in known:
        return None
    return f"{name!r} is no time zone of the IANA database: correct TimeZone in samconfig.toml"
