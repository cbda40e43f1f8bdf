"""The smallest function with a table: a DynamoDB client and an answer."""

from typing import Any

import boto3

dynamodb = boto3.client("dynamodb")


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer."""
    return {"statusCode": 200, "body": "OK"}
