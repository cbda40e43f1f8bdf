"""Keeps words out of the project that a new reader would have to look up.

``python -m local.lint.words`` is one of the checks of ``make check``; ``docs/glossary.md`` lists
the words to use. A name counts as the words that it is made of: ``callback_desk`` and
``CallbackDesk`` hold "desk".
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

WORDS: Mapping[str, tuple[str, str]] = {
    # name: what it matches, what to say instead
    "told": (r"told|tells?|telling", "message, result, response; sends, names, shows"),
    "says": (r"says|said", "states, shows, returns, answers"),
    "hear": (r"hears?|heard|unheard", "handle, receive"),
    "heed": (r"heed\w*", "on_outcome, follow"),
    "whoever": (r"whoever|whomever", "the caller, every"),
    "nobody": (r"nobody|somebody|anybody", "no one, someone, anyone; name the person"),
    "anew": (r"anew", "again"),
    "mend": (r"mend(s|ed|ing)?", "fix"),
    "stands": (r"stands(?! (?:in )?for\b)|stood", "is, holds"),
    "dealt with": (r"deal(s|t|ing)? with", "handled, failed"),
    "of no use": (r"of (?:no )?use", "ignored, useful"),
    "put off": (r"put(s|ting)? off", "reschedule"),
    "give up": (r"g[ia]ve[sn]? up|giving up|gives? (?:it|them|one) up", "dead-letter"),
    "waits its turn": (r"waits? (?:its|their) turn|turns? to call|taking turns", "rate limited"),
    "caught up": (r"caught up|catch(es)?[- ]up", "synced, progress sync"),
    "fit": (r"(?:does|do|did|that|what) not fit|unfit", "mismatch, does not match"),
    "wish": (r"wish(es)?", "PurchaseRequest, SaleReportRequest"),
    "desk": (r"desks?|couriers?|followers?", "a service class"),
    "custody": (r"custody", "CallbackRecorder"),
    "trail": (r"trails?|stretch(es)?", "Feed, Batch, checkpoint"),
    "sight": (r"sights?", "Snapshot"),
    "shelf": (r"shel(f|ves)|keepers?", "Repository"),
    "fate": (r"fates?", "RedriveResult"),
    "store busy": (r"store busy|stores busy", "StorageContention"),
    "patience": (r"patience|pace", "max_wait, rate limit"),
    "vault": (r"vaults?|read ahead|outlasts?", "SecretCache, prefetch, retry_on_conflict"),
    "leg": (r"legs?", "kind (SALE, REFUND)"),
    "edges": (r"edges|usecases?", "api, services"),
    "stumbled": (r"stumbl\w+|hurry|hurries", "failed, deadline is near"),
    "knob": (r"knobs?", "setting"),
    "peers": (r"peers?|pupils?", "providers, learner"),
    "catalogue": (r"catalogues?", "catalog"),
    "stagehand": (
        r"stagehands?|upkeep|deeds|weather|killers?",
        "driver, operators, actions, chaos",
    ),
}

KEPT: Mapping[str, str] = {
    # The functions that the benchmark compares Lunas with are called its peers.
    "benchmarks/": "peers",
    "docs/reference/benchmarks.md": "peers",
    # ``ip link`` calls the other end of a pair of interfaces its peer.
    "tests/unit/sam_local/networks.py": "peers",
}
"""Words that mean something else in a folder or file, and stay."""

ALLOWED: Mapping[str, str] = {
    # phrase: why it may stay, wherever it is
    "CloudTrail": "a service of AWS",
}

_GENERATED = ("docs/openapi.json", "requirements/", "layers/shared/lunas/aws/descriptions/")
_OWN = ("local/lint/words.py", "tests/unit/test_words.py")
_SKIPPED = {".git", ".venv", ".local", ".aws-sam", "__pycache__"}
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_")


@dataclass(frozen=True, slots=True)
class Finding:
    """A word in a line of a file, by its path from the project's folder."""

    path: str
    line: int
    word: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text!r}: say {WORDS[self.word][1]}"


@cache
def _pattern() -> re.Pattern[str]:
    groups = (f"(?P<w{at}>{pattern})" for at, (pattern, _) in enumerate(WORDS.values()))
    return re.compile(rf"\b(?:{'|'.join(groups)})\b", re.IGNORECASE)


def found_in(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, name and match of every word in a text."""
    names = list(WORDS)
    for number, line in enumerate(text.splitlines(), start=1):
        for phrase in ALLOWED:
            line = line.replace(phrase, "")  # noqa: PLW2901
        for match in _pattern().finditer(_HUMP.sub(" ", line)):
            yield number, names[int(str(match.lastgroup)[1:])], match.group()


def findings() -> Iterator[Finding]:
    """Yield every word in the project's text files."""
    for path in _files():
        name = path.relative_to(ROOT).as_posix()
        if name.startswith((*_GENERATED, *_OWN)):
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        kept = kept_in(name)
        for number, word, match in found_in(text):
            if word not in kept:
                yield Finding(name, number, word, match)


def _files() -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(each for each in folders if _is_ours(each))
        yield from (Path(folder, name) for name in sorted(names) if name != ".git")


def _is_ours(folder: str) -> bool:
    return folder not in _SKIPPED and not folder.endswith("_cache") and folder != ".hypothesis"


def kept_in(path: str) -> set[str]:
    """Return the words that mean something else in a file."""
    return {
        word for start, each in KEPT.items() if path.startswith(start) for word in each.split(", ")
    }


def main() -> int:
    """Print what is found; returns 1 if anything is."""
    found = list(findings())
    for each in found:
        print(each)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
