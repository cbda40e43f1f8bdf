"""Searching texts for values that must not be in them, plain or in the usual encodings."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

from tests.support.leaks.intake import Needle

PATTERNS = {
    "an e-mail address": re.compile(r"[\w.+-]+(?:@|%40)[\w-]+\.[a-z]{2,}", re.IGNORECASE),
    "a token": re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}"),
    "an Authorization header": re.compile(r"\b(?:bearer|basic) [\w.+/=-]{16,}", re.IGNORECASE),
}
"""What must not be there at all: this also covers values that no collection holds."""
ENCODED = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")


@dataclass(frozen=True, slots=True)
class Text:
    """A text to search, and where it is from."""

    place: str
    content: str


@dataclass(frozen=True, slots=True)
class Leak:
    """What was found where, and the line; for the person who has to fix it."""

    what: str
    place: str
    line: str

    def __str__(self) -> str:
        return f"{self.what} in {self.place}: {self.line[:400]}"


def texts_of(folder: Path) -> list[Text]:
    """Read every log in a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [Text(path.name, path.read_text(errors="replace")) for path in files]


def search(texts: Iterable[Text], needles: Iterable[Needle]) -> list[Leak]:
    """Return which needles and patterns are in the texts."""
    wanted = [(form, each) for each in needles for form in encodings(each.value)]
    return [leak for text in texts for leak in _search_one(text, wanted)]


def encodings(value: str) -> set[str]:
    """Return the encodings in which a text may hold a value, in lower case."""
    ways = (value, json.dumps(value)[1:-1], quote(value, safe=""), quote_plus(value), repr(value))
    return {way.lower() for way in ways}


def _search_one(text: Text, wanted: list[tuple[str, Needle]]) -> Iterator[Leak]:
    lines = [*text.content.splitlines(), *_decoded(text.content)]
    whole = "\n".join(lines).lower()
    for form, needle in wanted:
        if form in whole:
            line = next((line for line in lines if form in line.lower()), "over several lines")
            yield Leak(f"{needle.kind} {needle.value!r}", text.place, line)
    for line in lines:
        for what, pattern in PATTERNS.items():
            if pattern.search(line):
                yield Leak(what, text.place, line)


def _decoded(content: str) -> Iterator[str]:
    """Decode what looks like Base64, as the body in a logged event."""
    for run in set(ENCODED.findall(content)):
        try:
            raw = base64.b64decode(run.translate(str.maketrans("-_", "+/")) + "==")
            yield raw.decode("utf-8")
        except (binascii.Error, ValueError):
            continue
