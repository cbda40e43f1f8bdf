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
PART = 6
"""Characters: where the first or last ones of a value are nowhere, it need not be searched for."""


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
    read = [(text, [*text.content.splitlines(), *_decoded(text.content)]) for text in texts]
    everything = "\n".join(line for _, lines in read for line in lines).lower()
    parts = {everything[at : at + PART] for at in range(len(everything) - PART + 1)}
    wanted = [
        (form, each)
        for each in needles
        for form in encodings(each.value)
        if len(form) < PART or {form[:PART], form[-PART:]} <= parts
    ]
    return [leak for text, lines in read for leak in _search_one(text.place, lines, wanted)]


def encodings(value: str) -> set[str]:
    """Return the encodings in which a text may hold a value, in lower case."""
    ways = (value, json.dumps(value)[1:-1], quote(value, safe=""), quote_plus(value), repr(value))
    return {way.lower() for way in ways}


def _search_one(place: str, lines: list[str], wanted: list[tuple[str, Needle]]) -> Iterator[Leak]:
    whole = "\n".join(lines).lower()
    for form, needle in wanted:
        if form in whole:
            line = next((line for line in lines if form in line.lower()), "over several lines")
            yield Leak(f"{needle.kind} {needle.value!r}", place, line)
    for line in lines:
        for what, pattern in PATTERNS.items():
            if pattern.search(line):
                yield Leak(what, place, line)


def _decoded(content: str) -> Iterator[str]:
    """Decode what looks like Base64, as the body in a logged event."""
    for run in set(ENCODED.findall(content)):
        try:
            raw = base64.b64decode(run.translate(str.maketrans("-_", "+/")) + "==")
            yield raw.decode("utf-8")
        except (binascii.Error, ValueError):
            continue
