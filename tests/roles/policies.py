"""The policies of the roles in an expanded template, as IAM would get them."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

REGION, ACCOUNT = "ap-southeast-3", "123456789012"
KINDS = {
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::SecretsManager::Secret": "secretsmanager:{region}:{account}:secret:{name}-AbCdEf",
    "AWS::KMS::Key": "kms:{region}:{account}:key/11111111-2222-3333-4444-555555555555",
    "AWS::Lambda::Alias": "lambda:{region}:{account}:function:{name}:live",
}
"""The ARN of a resource of each type that a policy may name, without the common prefix."""
NAMING = {"Ref", "Fn::GetAtt", "Fn::Sub"}
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}


def policies(template: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each policy with the name of its role, its references resolved."""
    resources = template["Resources"]
    for name, role in resources.items():
        if role["Type"] == "AWS::IAM::Role":
            for policy in role["Properties"].get("Policies", []):
                yield name, _put_in(policy["PolicyDocument"], resources)


def _put_in(value: Any, resources: Mapping[str, Any]) -> Any:
    match value:
        case dict() if len(value) == 1 and value.keys() <= NAMING:
            return _name(value, resources)
        case dict():
            return {key: _put_in(each, resources) for key, each in value.items()}
        case list():
            return [_put_in(each, resources) for each in value]
    return value


def _name(value: Mapping[str, Any], resources: Mapping[str, Any]) -> str:
    """Return what a Ref, GetAtt or Sub stands for."""
    match value:
        case {"Ref": name}:
            return PSEUDO.get(name) or _arn(name, resources)
        case {"Fn::GetAtt": [name, "StreamArn"]}:
            return f"{_arn(name, resources)}/stream/label"
        case {"Fn::GetAtt": [name, _]}:
            return _arn(name, resources)
    text = value["Fn::Sub"]
    return re.sub(r"\$\{([\w:.]+)\}", lambda found: _named(found[1], resources), text)


def _named(name: str, resources: Mapping[str, Any]) -> str:
    return PSEUDO.get(name) or _arn(name.partition(".")[0], resources)


def _arn(name: str, resources: Mapping[str, Any]) -> str:
    """Return the name on AWS of a resource; of what is none, its own name."""
    pattern = KINDS.get(resources.get(name, {}).get("Type", ""))
    if pattern is None:
        return name
    return "arn:aws:" + pattern.format(region=REGION, account=ACCOUNT, name=name)


def as_json(template: Mapping[str, Any]) -> str:
    """Write all policies for the tools."""
    return json.dumps(list(policies(template)))
