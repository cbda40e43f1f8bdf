"""Three ways to authenticate: what each call sends, and what follows a refused token."""

import pytest

from lunas.domain.errors import DeliveryDelayed
from lunas.platforms.thinkific.credentials import ApiKey, Bearer, Credentials
from lunas.platforms.thinkific.http import AccessRefused, ThinkificApi, ThinkificSite
from tests.support.http_stub import Reply, StubLimiter, StubProvider

URL = "https://thinkific.test"
REFUSED = Reply(401, {"error": "Authentication Error"})


class Tokens:
    """A token that can be replaced by the next one."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.refused: list[str] = []

    def value(self) -> str:
        return self.tokens[0]

    def replace(self) -> bool:
        self.refused.append(self.tokens[0])
        self.tokens = self.tokens[1:] or self.tokens
        return len(self.refused) < 2

    @property
    def credentials(self) -> Credentials:
        return Bearer(self.value, self.replace)


def api(
    credentials: Credentials, provider: StubProvider, limiter: StubLimiter | None = None
) -> ThinkificApi:
    site = ThinkificSite(URL, credentials)
    return ThinkificApi(site, limiter or StubLimiter(), "r1", session=provider.session)


def test_an_api_key_is_sent_with_its_site_and_as_a_bearer_token_to_v2() -> None:
    key = ApiKey("shop", "key")
    assert key.headers() == {"X-Auth-API-Key": "key", "X-Auth-Subdomain": "shop"}
    assert key.bearer() == "key"


def test_a_token_implies_its_site() -> None:
    token = Bearer(lambda: "t1")
    assert token.headers() == {"Authorization": "Bearer t1"}
    assert token.bearer() == "t1"


def test_every_call_uses_the_current_token() -> None:
    tokens, provider = Tokens("t1", "t2"), StubProvider(Reply(body={}), Reply(body={}))
    made = api(tokens.credentials, provider)
    made.get("/courses")
    tokens.replace()
    made.get("/courses")
    assert [each.headers["Authorization"] for each in provider.asked] == ["Bearer t1", "Bearer t2"]
    assert {each.headers["X-Correlation-Id"] for each in provider.asked} == {"r1"}
    assert "X-Auth-API-Key" not in provider.asked[0].headers


def test_after_a_refusal_the_replaced_token_is_tried_once() -> None:
    tokens, provider = Tokens("t1", "t2"), StubProvider(REFUSED, Reply(body={"id": 1}))
    limiter = StubLimiter()
    assert api(tokens.credentials, provider, limiter).post("/users", {"a": 1}) == {"id": 1}
    assert [each.body for each in provider.asked] == [{"a": 1}] * 2
    assert tokens.refused == ["t1"]
    assert limiter.permits == 2


def test_a_second_refusal_waits_for_a_person() -> None:
    tokens, provider = Tokens("t1", "t2"), StubProvider(REFUSED, REFUSED)
    with pytest.raises(AccessRefused, match="401"):
        api(tokens.credentials, provider).get("/courses")
    assert len(provider.asked) == 2


@pytest.mark.parametrize("credentials", [ApiKey("shop", "key"), Bearer(lambda: "t1")])
def test_a_configured_key_or_token_is_not_replaced(credentials: Credentials) -> None:
    provider = StubProvider(REFUSED)
    with pytest.raises(AccessRefused):
        api(credentials, provider).get("/courses")
    assert len(provider.asked) == 1


def test_a_missing_scope_does_not_replace_the_token() -> None:
    tokens, provider = Tokens("t1", "t2"), StubProvider(Reply(403, {"error": "insufficient scope"}))
    with pytest.raises(AccessRefused, match="403"):
        api(tokens.credentials, provider).get("/courses")
    assert tokens.refused == []


def test_without_a_token_no_permit_is_taken() -> None:
    def none() -> str:
        raise DeliveryDelayed("not connected", 300)

    limiter, provider = StubLimiter(), StubProvider()
    with pytest.raises(DeliveryDelayed):
        api(Bearer(none), provider, limiter).get("/courses")
    assert (limiter.permits, provider.asked) == (0, [])
