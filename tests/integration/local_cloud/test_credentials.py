"""A stack's keys are its own unless the environment sets them."""

from local.cloud.credentials import credentials, gateways


def test_without_an_environment_the_simulators_are_used() -> None:
    known = gateways({})
    assert known.duitku_api_url is known.duitku_pop_url is None
    assert known.thinkific_api_url is known.thinkific_oauth_url is None


def test_one_address_of_duitku_serves_for_both_of_its_apis() -> None:
    for name in ("DUITKU_API_URL", "DUITKU_POP_URL"):
        known = gateways({name: "https://duitku.test/"})
        assert known.duitku_api_url == known.duitku_pop_url == "https://duitku.test"


def test_two_addresses_of_duitku_stay_apart() -> None:
    known = gateways({"DUITKU_API_URL": "https://v2.test", "DUITKU_POP_URL": "https://pop.test"})
    assert (known.duitku_api_url, known.duitku_pop_url) == ("https://v2.test", "https://pop.test")


def test_an_empty_variable_counts_as_none() -> None:
    assert gateways({"THINKIFIC_API_URL": ""}).thinkific_api_url is None
    assert credentials({"DUITKU_API_KEY": ""}).duitku.api_key


def test_keys_of_the_environment_win() -> None:
    keys = credentials(
        {
            "DUITKU_MERCHANT_CODE": "DS1",
            "DUITKU_API_KEY": "k1",
            "THINKIFIC_API_KEY": "k2",
            "THINKIFIC_SUBDOMAIN": "school",
            "THINKIFIC_CLIENT_ID": "id",
            "THINKIFIC_CLIENT_SECRET": "secret",
            "THINKIFIC_ACCESS_TOKEN": "token",
        }
    )
    assert (keys.duitku.merchant_code, keys.duitku.api_key) == ("DS1", "k1")
    site = keys.thinkific
    assert (site.subdomain, site.api_key) == ("school", "k2")
    assert (site.client_id, site.client_secret) == ("id", "secret")
    assert keys.thinkific_access_token == "token"


def test_every_stack_has_keys_of_its_own() -> None:
    first, second = credentials({}), credentials({})
    assert first.jwt_secret != second.jwt_secret
    assert first.service.secret != second.service.secret
    assert first.service.secret != first.jwt_secret
    assert first.service_api_key != second.service_api_key
    assert first.thinkific_access_token != second.thinkific_access_token
    assert first.duitku.api_key != second.duitku.api_key
