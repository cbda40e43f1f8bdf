"""Three ways to authenticate: what each call carries, and what a refused token leads to."""

import pytest

from lunas.domain.errors import DeliveryDelayed
from lunas.platforms.thinkific.credentials import ApiKey, Bearer, Credentials
from lunas.platforms.thinkific.http import AccessRefused, ThinkificApi, ThinkificSite
from tests.support.http_stub import StubLimiter, StubPeer, Told

URL = "https://thinkific.test"
REFUSED = Told(401, {"error": "Authentication Error"})


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
    credentials: Credentials, peer: StubPeer, limiter: StubLimiter | None = None
) -> ThinkificApi:
    site = ThinkificSite(URL, credentials)
    return ThinkificApi(site, limiter or StubLimiter(), "r1", session=peer.session)


def test_an_api_key_goes_with_its_site_and_as_a_bearer_to_v2() -> None:
    key = ApiKey("shop", "key")
    assert key.headers() == {"X-Auth-API-Key": "key", "X-Auth-Subdomain": "shop"}
    assert key.bearer() == "key"


def test_a_token_implies_its_site() -> None:
    token = Bearer(lambda: "t1")
    assert token.headers() == {"Authorization": "Bearer t1"}
    assert token.bearer() == "t1"


def test_every_call_asks_for_the_token_anew() -> None:
    tokens, peer = Tokens("t1", "t2"), StubPeer(Told(body={}), Told(body={}))
    made = api(tokens.credentials, peer)
    made.get("/courses")
    tokens.replace()
    made.get("/courses")
    assert [each.headers["Authorization"] for each in peer.asked] == ["Bearer t1", "Bearer t2"]
    assert {each.headers["X-Correlation-Id"] for each in peer.asked} == {"r1"}
    assert "X-Auth-API-Key" not in peer.asked[0].headers


def test_a_refused_token_that_was_replaced_is_tried_once_more() -> None:
    tokens, peer = Tokens("t1", "t2"), StubPeer(REFUSED, Told(body={"id": 1}))
    limiter = StubLimiter()
    assert api(tokens.credentials, peer, limiter).post("/users", {"a": 1}) == {"id": 1}
    assert [each.body for each in peer.asked] == [{"a": 1}] * 2
    assert tokens.refused == ["t1"]
    assert limiter.permits == 2


def test_a_second_refusal_waits_for_a_person() -> None:
    tokens, peer = Tokens("t1", "t2"), StubPeer(REFUSED, REFUSED)
    with pytest.raises(AccessRefused, match="401"):
        api(tokens.credentials, peer).get("/courses")
    assert len(peer.asked) == 2


@pytest.mark.parametrize("credentials", [ApiKey("shop", "key"), Bearer(lambda: "t1")])
def test_a_key_or_token_of_a_persons_is_not_replaced(credentials: Credentials) -> None:
    peer = StubPeer(REFUSED)
    with pytest.raises(AccessRefused):
        api(credentials, peer).get("/courses")
    assert len(peer.asked) == 1


def test_a_missing_scope_is_no_matter_of_the_token() -> None:
    tokens, peer = Tokens("t1", "t2"), StubPeer(Told(403, {"error": "insufficient scope"}))
    with pytest.raises(AccessRefused, match="403"):
        api(tokens.credentials, peer).get("/courses")
    assert tokens.refused == []


def test_whoever_has_no_token_takes_no_turn() -> None:
    def none() -> str:
        raise DeliveryDelayed("not connected", 300)

    limiter, peer = StubLimiter(), StubPeer()
    with pytest.raises(DeliveryDelayed):
        api(Bearer(none), peer, limiter).get("/courses")
    assert (limiter.permits, peer.asked) == (0, [])
