"""Settings and secrets: a missing one is named, a stored one is never quoted."""

import json
from datetime import timedelta

import pytest

from lunas.aws import clients, secrets
from lunas.aws.secrets import MAX_AGE, SecretCache, secret, secret_text
from lunas.aws.settings import callback_lifetime, enabled, setting
from lunas.clock import PAYMENT_ID, new_payment_id, now
from lunas.domain.errors import ConfigurationError
from lunas.domain.times import from_iso, to_iso
from lunas.gateways.duitku.account import duitku_account


class Texts:
    """Replaces Secrets Manager: returns one text after the other, then the last one again."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.asked: list[str] = []

    def fetch(self, secret_id: str) -> str:
        """Return the next text."""
        self.asked.append(secret_id)
        return self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]


def cache(monkeypatch: pytest.MonkeyPatch, *values: object) -> Texts:
    """Cache secrets with these values, or with these texts if they are texts."""
    texts = Texts(*(each if isinstance(each, str) else json.dumps(each) for each in values))
    made = SecretCache(texts.fetch)
    monkeypatch.setattr(secrets, "_provider", lambda: made)
    monkeypatch.setenv("DUITKU_SECRET_ID", "arn:secret")
    return texts


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("TABLE_NAME", raising=False)
    if value is not None:
        monkeypatch.setenv("TABLE_NAME", value)
    with pytest.raises(ConfigurationError, match="TABLE_NAME"):
        setting("TABLE_NAME")


@pytest.mark.parametrize(
    ("value", "on"), [("true", True), ("TRUE", True), ("1", False), ("yes", False), ("", False)]
)
def test_only_true_enables_a_setting(monkeypatch: pytest.MonkeyPatch, value: str, on: bool) -> None:
    monkeypatch.setenv("DUITKU_LEGACY_CALLBACKS", value)
    assert enabled("DUITKU_LEGACY_CALLBACKS") is on


def test_a_setting_that_is_not_set_is_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DUITKU_LEGACY_CALLBACKS", raising=False)
    assert not enabled("DUITKU_LEGACY_CALLBACKS")


@pytest.mark.parametrize(("value", "days"), [("30", 30), ("", 400), (None, 400)])
def test_the_environment_sets_how_long_evidence_is_kept(
    monkeypatch: pytest.MonkeyPatch, value: str | None, days: int
) -> None:
    monkeypatch.delenv("CALLBACK_EVIDENCE_DAYS", raising=False)
    if value is not None:
        monkeypatch.setenv("CALLBACK_EVIDENCE_DAYS", value)
    assert callback_lifetime() == timedelta(days=days)


def test_a_secret_is_read_as_an_object(monkeypatch: pytest.MonkeyPatch) -> None:
    held = cache(monkeypatch, {"apiKey": "k"})
    assert secret("DUITKU_SECRET_ID") == {"apiKey": "k"}
    assert held.asked == ["arn:secret"]


def test_a_secret_is_read_again_after_five_minutes_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moment = 1000.0
    monkeypatch.setattr(secrets, "monotonic", lambda: moment)
    held = cache(monkeypatch, {"apiKey": "old"}, {"apiKey": "new"})
    assert secret("DUITKU_SECRET_ID") == {"apiKey": "old"}
    moment += MAX_AGE - 1
    assert secret("DUITKU_SECRET_ID") == {"apiKey": "old"}
    moment += 1
    assert secret("DUITKU_SECRET_ID") == {"apiKey": "new"}
    assert len(held.asked) == 2
    assert MAX_AGE <= 300


@pytest.mark.parametrize("value", ['"hunter2"', '["hunter2"]', "null", "hunter2", "{hunter2", ""])
def test_a_secret_that_is_not_an_object_is_a_configuration_error_without_its_content(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    cache(monkeypatch, value)
    with pytest.raises(ConfigurationError, match="DUITKU_SECRET_ID") as raised:
        secret("DUITKU_SECRET_ID")
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("value", [{}, {"apiKey": ""}, {"apiKey": None}, {"apiKey": ["k"]}])
def test_a_missing_text_of_a_secret_is_named(
    monkeypatch: pytest.MonkeyPatch, value: dict[str, object]
) -> None:
    cache(monkeypatch, value)
    with pytest.raises(ConfigurationError, match="apiKey"):
        secret_text("DUITKU_SECRET_ID", "apiKey")


def test_the_duitku_account_has_origins_without_a_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    cache(monkeypatch, {"merchantCode": "D1", "apiKey": "k"})
    monkeypatch.setenv("DUITKU_API_URL", "https://v2.test/")
    monkeypatch.setenv("DUITKU_POP_URL", "https://pop.test")
    monkeypatch.setenv("DUITKU_CALLBACK_URL", "https://c")
    monkeypatch.setenv("DUITKU_LEGACY_CALLBACKS", "true")
    monkeypatch.setenv("DUITKU_ADDRESSES", "::1")
    account = duitku_account()
    assert (account.api_url, account.pop_url) == ("https://v2.test", "https://pop.test")
    assert (account.merchant_code, account.api_key) == ("D1", "k")
    assert (account.callback_url, account.senders) == ("https://c", "::1")
    assert account.legacy_callbacks


def test_a_payment_id_starts_with_a_letter_and_is_valid_at_duitku() -> None:
    made = {new_payment_id() for _ in range(100)}
    assert len(made) == 100
    for each in made:
        assert each[0].isalpha()
        assert each.isalnum()
        assert len(each) <= 50
        assert PAYMENT_ID.fullmatch(each)


def test_the_clock_has_the_precision_of_the_table() -> None:
    moment = now()
    assert from_iso(to_iso(moment)) == moment


def test_a_secret_is_fetched_once_and_again_after_its_cache_was_cleared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache(monkeypatch, {"apiKey": "old"}, {"apiKey": "new"})
    assert [secret("DUITKU_SECRET_ID")["apiKey"] for _ in range(3)] == ["old"] * 3
    secrets._provider().clear_cache()  # noqa: SLF001
    assert secret("DUITKU_SECRET_ID") == {"apiKey": "new"}


def test_one_secret_cache_serves_the_whole_process() -> None:
    secrets._provider.cache_clear()  # noqa: SLF001
    assert secrets._provider() is secrets._provider()  # noqa: SLF001
    secrets._provider.cache_clear()  # noqa: SLF001


@pytest.mark.parametrize("inside", [True, False])
def test_clients_are_created_ahead_only_while_lambda_starts_a_function(
    monkeypatch: pytest.MonkeyPatch,
    inside: bool,
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
    if inside:
        monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
    made: list[str] = []
    clients.prepare(lambda: made.append("one"), lambda: made.append("two"))
    assert made == (["one", "two"] if inside else [])
