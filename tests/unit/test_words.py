"""The check finds old words in prose and in names, and passes what is allowed."""

import pytest

from local.lint import words


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("nobody asked", "nobody"),
        ("class CallbackDesk:", "desk"),
        ("callback_desk = 1", "desk"),
        ("Somebody gave up", "nobody"),
        ("the money does not fit", "fit"),
        ("it stands in the table", "stands"),
    ],
)
def test_a_word_is_found(text: str, name: str) -> None:
    assert next(found[:2] for found in words.found_in(f"\n{text}")) == (2, name)


@pytest.mark.parametrize(
    "text", ["amend", "understands", "EOF stands for end", "dead-letter queue"]
)
def test_other_words_are_not_found(text: str) -> None:
    assert list(words.found_in(text)) == []


def test_an_allowed_phrase_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "ALLOWED", {"nobody@example.com": "an address"})
    assert list(words.found_in("mail nobody@example.com")) == []


def test_a_new_word_fails_and_is_shown_with_its_replacement(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = words.Finding("README.md", 3, "anew", "anew")
    monkeypatch.setattr(words, "findings", lambda: iter([found]))
    assert words.main() == 1
    assert capsys.readouterr().out == "README.md:3: 'anew': say again\n"
    monkeypatch.setattr(words, "findings", lambda: iter([]))
    assert words.main() == 0


def test_a_word_may_mean_something_else_in_one_folder() -> None:
    assert "peers" in words.kept_in("benchmarks/starts.py")
    assert words.kept_in("README.md") == set()
