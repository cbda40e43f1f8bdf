"""Environment and secrets: what is missing is named, what is there is never quoted."""

from datetime import timedelta
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import TransformParameterError

from lunas.adapters import secrets
from lunas.adapters.aws import CONFIG
from lunas.adapters.clock import PAYMENT_ID, new_payment_id, now
from lunas.adapters.duitku.account import duitku_account
from lunas.adapters.secrets import MAX_AGE, secret, secret_text
from lunas.adapters.settings import CheckoutSettings, callback_lifetime, enabled, setting
from lunas.rules.errors import Misconfigured
from lunas.rules.times import from_iso, to_iso


class Vault:
    """Answers in place of Secrets Manager."""

    def __init__(self, value: object) -> None:
        self.value = value
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def get(self, name: str, **options: Any) -> object:
        """Return the secret, or raise it."""
        self.asked.append((name, options))
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


def vault(monkeypatch: pytest.MonkeyPatch, value: object) -> Vault:
    made = Vault(value)
    monkeypatch.setattr(secrets, "_provider", lambda: made)
    monkeypatch.setenv("DUITKU_SECRET_ID", "arn:secret")
    return made


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("TABLE_NAME", raising=False)
    if value is not None:
        monkeypatch.setenv("TABLE_NAME", value)
    with pytest.raises(Misconfigured, match="TABLE_NAME"):
        setting("TABLE_NAME")


@pytest.mark.parametrize(
    ("value", "on"), [("true", True), ("TRUE", True), ("1", False), ("yes", False), ("", False)]
)
def test_only_true_switches_something_on(
    monkeypatch: pytest.MonkeyPatch, value: str, on: bool
) -> None:
    monkeypatch.setenv("DUITKU_LEGACY_CALLBACKS", value)
    assert enabled("DUITKU_LEGACY_CALLBACKS") is on


def test_what_was_never_set_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DUITKU_LEGACY_CALLBACKS", raising=False)
    assert not enabled("DUITKU_LEGACY_CALLBACKS")


@pytest.mark.parametrize(("value", "days"), [("30", 30), ("", 400), (None, 400)])
def test_evidence_is_kept_as_long_as_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, value: str | None, days: int
) -> None:
    monkeypatch.delenv("CALLBACK_EVIDENCE_DAYS", raising=False)
    if value is not None:
        monkeypatch.setenv("CALLBACK_EVIDENCE_DAYS", value)
    assert callback_lifetime() == timedelta(days=days)


def test_checkout_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUITKU_CALLBACK_URL", "https://c")
    monkeypatch.setenv("RETURN_URL", "https://r")
    monkeypatch.setenv("INVOICE_MINUTES", "60")
    assert CheckoutSettings.from_environment() == CheckoutSettings("https://c", "https://r", 60)


def test_a_secret_is_read_as_an_object_and_read_anew_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = vault(monkeypatch, {"apiKey": "k"})
    assert secret("DUITKU_SECRET_ID") == {"apiKey": "k"}
    assert held.asked == [("arn:secret", {"transform": "json", "max_age": MAX_AGE})]
    assert MAX_AGE <= 300


@pytest.mark.parametrize(
    "value", ["hunter2", ["hunter2"], None, TransformParameterError("hunter2")], ids=str
)
def test_a_secret_that_is_no_object_is_misconfigured_and_never_quoted(
    monkeypatch: pytest.MonkeyPatch, value: object
) -> None:
    vault(monkeypatch, value)
    with pytest.raises(Misconfigured, match="DUITKU_SECRET_ID") as raised:
        secret("DUITKU_SECRET_ID")
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("value", [{}, {"apiKey": ""}, {"apiKey": None}, {"apiKey": ["k"]}])
def test_a_secret_without_the_text_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, value: dict[str, object]
) -> None:
    vault(monkeypatch, value)
    with pytest.raises(Misconfigured, match="apiKey"):
        secret_text("DUITKU_SECRET_ID", "apiKey")


def test_the_duitku_account_has_origins_without_a_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    vault(monkeypatch, {"merchantCode": "D1", "apiKey": "k"})
    monkeypatch.setenv("DUITKU_API_URL", "https://v2.test/")
    monkeypatch.setenv("DUITKU_POP_URL", "https://pop.test")
    account = duitku_account()
    assert (account.api_url, account.pop_url) == ("https://v2.test", "https://pop.test")
    assert (account.merchant_code, account.api_key) == ("D1", "k")


def test_a_payment_id_starts_with_a_letter_and_fits_duitku() -> None:
    made = {new_payment_id() for _ in range(100)}
    assert len(made) == 100
    for each in made:
        assert each[0].isalpha()
        assert each.isalnum()
        assert len(each) <= 50
        assert PAYMENT_ID.fullmatch(each)


def test_the_clock_tells_no_more_than_the_table_keeps() -> None:
    moment = now()
    assert from_iso(to_iso(moment)) == moment


class Vaulted(SecretsProvider):
    """Reads from a list instead of from Secrets Manager, and remembers as the real one does."""

    def __init__(self, *values: str) -> None:
        super().__init__(boto3_client=object())  # type: ignore[arg-type]
        self.values = list(values)

    def _get(self, name: str, **_options: Any) -> str:
        assert name == "arn:secret"
        return self.values.pop(0)


def test_a_secret_is_fetched_once_and_anew_after_its_cache_was_cleared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider = Vaulted('{"apiKey": "old"}', '{"apiKey": "new"}')
    monkeypatch.setattr(secrets, "_provider", lambda: provider)
    monkeypatch.setenv("DUITKU_SECRET_ID", "arn:secret")
    assert [secret("DUITKU_SECRET_ID")["apiKey"] for _ in range(3)] == ["old"] * 3
    provider.clear_cache()  # type: ignore[no-untyped-call]
    assert secret("DUITKU_SECRET_ID") == {"apiKey": "new"}


@pytest.mark.parametrize("text", ["hunter2", "{hunter2", ""])
def test_a_secret_that_cannot_be_read_is_misconfigured_without_quoting_it(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    provider = Vaulted(text)
    monkeypatch.setattr(secrets, "_provider", lambda: provider)
    monkeypatch.setenv("DUITKU_SECRET_ID", "arn:secret")
    with pytest.raises(Misconfigured, match="DUITKU_SECRET_ID") as raised:
        secret("DUITKU_SECRET_ID")
    assert "hunter2" not in str(raised.value)


def test_one_provider_with_the_projects_time_outs_serves_the_whole_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Any] = []
    monkeypatch.setattr(secrets, "SecretsProvider", lambda **options: made.append(options))
    secrets._provider.cache_clear()  # noqa: SLF001
    secrets._provider()  # noqa: SLF001
    secrets._provider()  # noqa: SLF001
    secrets._provider.cache_clear()  # noqa: SLF001
    assert made == [{"boto_config": CONFIG}]
