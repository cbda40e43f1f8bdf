"""Cleans text that people type and paste: removes invisible characters."""

import re

_JOINERS = r"\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef"
"""Characters that shape an adjacent letter or emoji; alone they are invisible."""
_NOTHING = (
    r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e00ff"
)
"""Invisible characters: control characters that separate nothing, Unicode's
Default_Ignorable_Code_Point, and the blank Braille pattern.

Phones and messengers put some of these around copied text."""
INVISIBLE = f"{_NOTHING}{_JOINERS}"
"""For a character class of a regular expression."""
_ALL_INVISIBLE, _INVISIBLE_IN_PROSE = re.compile(f"[{INVISIBLE}]"), re.compile(f"[{_NOTHING}]")
_PARTING = re.compile(r"[\x0b\x0c\x1c-\x1f\x85]")
"""Control characters that separate words or lines, such as Word's line breaks; become a space."""
_LONE_JOINERS = re.compile(rf"^[\s{_JOINERS}]+|\s+[\s{_JOINERS}]*$|^[\s{_JOINERS}]*$")


def plain(text: str) -> str:
    """Return a text such as an id, an address or a number without invisible characters."""
    return _ALL_INVISIBLE.sub("", _PARTING.sub(" ", text)).strip()


def prose(text: str) -> str:
    """Return a text for people to read; characters that shape a letter stay."""
    seen = _INVISIBLE_IN_PROSE.sub("", _PARTING.sub(" ", text))
    return _LONE_JOINERS.sub("", seen).strip()


def line(text: str) -> str:
    """Return a text of one line, with single spaces."""
    return " ".join(prose(text).split())


def is_unicode(text: str) -> bool:
    """Return whether a text can be encoded in UTF-8; a lone surrogate cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
