"""Gives the HTTP API its routes.

SAM writes routes, integrations and CORS into the API's OpenAPI ``Body``, which the emulator's
CloudFormation ignores: after a deploy the API has no routes. So they are read from the processed
template and made one by one.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from local.cloud.aws import Aws
from local.cloud.deploy import STACK

if TYPE_CHECKING:
    from mypy_boto3_apigatewayv2.type_defs import CorsTypeDef

_FUNCTION_IN_URI = re.compile(r"\$\{(\w+)\}/invocations")
_API = "AWS::ApiGatewayV2::Api"


def create_routes(aws: Aws, names: Mapping[str, str]) -> None:
    """Create what every HTTP API of the stack routes; ``names`` maps logical to physical ids."""
    template = aws.cloudformation.get_template(StackName=STACK, TemplateStage="Processed")
    body: Any = template["TemplateBody"]
    for logical_id, resource in body["Resources"].items():
        if resource["Type"] == _API:
            _create_routes_of(aws, names[logical_id], resource["Properties"]["Body"], names)


def _create_routes_of(
    aws: Aws, api: str, body: Mapping[str, Any], names: Mapping[str, str]
) -> None:
    targets: dict[str, str] = {}
    aws.api_gateway.update_api(ApiId=api, CorsConfiguration=cors(body))
    for route, function in routes(body):
        if function not in targets:
            targets[function] = _integrate(aws, api, names[function])
        aws.api_gateway.create_route(ApiId=api, RouteKey=route, Target=targets[function])


def cors(body: Mapping[str, Any]) -> "CorsTypeDef":
    """Return the CORS of an OpenAPI body as the API's own setting.

    A parameter that is a list arrives as its text here, where AWS makes a list of it.
    """
    found = dict(body.get("x-amazon-apigateway-cors", {}))
    if isinstance(origins := found.get("allowOrigins"), str):
        found["allowOrigins"] = [each.strip() for each in origins.split(",")]
    return {_capitalized(name): value for name, value in found.items()}  # type: ignore[return-value]


def _capitalized(name: str) -> str:
    return f"{name[:1].upper()}{name[1:]}"


def routes(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give each route key of an OpenAPI body with the logical id of the alias behind it."""
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            found = _FUNCTION_IN_URI.search(uri)
            if found:
                yield _route_key(method, path), found[1]


def _route_key(method: str, path: str) -> str:
    if path == "/$default":
        return "$default"
    return f"{'ANY' if method == 'x-amazon-apigateway-any-method' else method.upper()} {path}"


def _integrate(aws: Aws, api: str, alias: str) -> str:
    """Create the integration of a function's alias, by its ARN; give it as the target of routes."""
    integration = aws.api_gateway.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=alias, PayloadFormatVersion="2.0"
    )
    return f"integrations/{integration['IntegrationId']}"
