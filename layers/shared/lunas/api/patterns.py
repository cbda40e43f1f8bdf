"""The forms that values must have, and what they ask for as a person would say it."""

ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
CHANNEL = r"^[A-Z0-9]{2}$"
SEPARATOR = r"^[,;]?$"
IN_WORDS = {
    ID: "must be of 1 to 64 letters, digits, dots, hyphens and underscores, and begin with a "
    "letter or digit",
    CHANNEL: "must be two letters or digits, as GET /payments/methods names the channel",
    SEPARATOR: "must be a comma or a semicolon",
}
