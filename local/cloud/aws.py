"""Clients for the emulator's AWS API."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import boto3
import botocore.session

if TYPE_CHECKING:
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient


class Aws:
    """One emulator's services, with the emulator's own credentials, never the user's."""

    def __init__(self, endpoint: str, region: str) -> None:
        self.endpoint = endpoint
        self.region = region
        without_profile = botocore.session.Session({"profile": (None, None, None, None)})
        self._session = boto3.Session(
            "test", "test", region_name=region, botocore_session=without_profile
        )

    @cached_property
    def api_gateway(self) -> ApiGatewayV2Client:
        """HTTP APIs."""
        return self._session.client("apigatewayv2", endpoint_url=self.endpoint)

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        """Stacks."""
        return self._session.client("cloudformation", endpoint_url=self.endpoint)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        """Tables."""
        return self._session.client("dynamodb", endpoint_url=self.endpoint)

    @cached_property
    def functions(self) -> LambdaClient:
        """Functions and their settings."""
        return self._session.client("lambda", endpoint_url=self.endpoint)

    @cached_property
    def s3(self) -> S3Client:
        """The bucket that a deploy uploads to."""
        return self._session.client("s3", endpoint_url=self.endpoint)

    @cached_property
    def secrets(self) -> SecretsManagerClient:
        """Secrets Manager."""
        return self._session.client("secretsmanager", endpoint_url=self.endpoint)

    @cached_property
    def sqs(self) -> SQSClient:
        """Queues."""
        return self._session.client("sqs", endpoint_url=self.endpoint)
