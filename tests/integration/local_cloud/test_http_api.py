"""Routes are read from the OpenAPI body that SAM makes from the template."""

from typing import Any

from local.cloud.addresses import reachable
from local.cloud.http_api import cors, routes

ENDPOINT = "http://127.0.0.1:4566"


def operation(function: str) -> dict[str, Any]:
    uri = f"arn:${{AWS::Partition}}:apigateway:x/functions/${{{function}}}/invocations"
    return {"x-amazon-apigateway-integration": {"uri": {"Fn::Sub": uri}}}


def test_each_method_of_each_path_is_a_route_to_its_alias() -> None:
    body = {
        "paths": {
            "/payments": {"post": operation("SubmitAlias"), "get": operation("List")},
            "/payments/{id}": {"x-amazon-apigateway-any-method": operation("One")},
            "/$default": {"x-amazon-apigateway-any-method": operation("Rest")},
        }
    }
    assert dict(routes(body)) == {
        "POST /payments": "SubmitAlias",
        "GET /payments": "List",
        "ANY /payments/{id}": "One",
        "$default": "Rest",
    }


def test_urls_of_the_stack_are_rewritten_to_the_local_server() -> None:
    function_url = reachable("https://ab1.lambda-url.ap-southeast-3.on.aws/", ENDPOINT)
    assert function_url == f"{ENDPOINT}/_aws/lambda-url/ab1/"
    api = reachable("https://c2d.execute-api.ap-southeast-3.amazonaws.com/thinkific", ENDPOINT)
    assert api == f"{ENDPOINT}/_aws/execute-api/c2d/thinkific"


def test_other_urls_do_not_change() -> None:
    for url in ("https://sandbox.duitku.com", "http://127.0.0.1:9", "no URL"):
        assert reachable(url, ENDPOINT) == url


def test_origins_given_as_text_become_a_list() -> None:
    given = {"allowOrigins": "https://a.example, https://b.example", "maxAge": 60}
    made = cors({"x-amazon-apigateway-cors": given})
    assert made == {"AllowOrigins": ["https://a.example", "https://b.example"], "MaxAge": 60}
