"""A local stack as in ``stack.json``, without any process."""

from pathlib import Path

from local.cloud.stack import DuitkuProject, ServiceIdentity, Stack, ThinkificSite


def stack() -> Stack:
    return Stack(
        api_url="http://127.0.0.1:4566/_aws/execute-api/a1b2",
        duitku_webhook_url="http://127.0.0.1:4566/_aws/lambda-url/c3d4",
        thinkific_webhook_url="http://127.0.0.1:4566/_aws/execute-api/a1b2/webhooks/thinkific",
        duitku_url="http://127.0.0.1:9001",
        thinkific_url="http://127.0.0.1:9002",
        aws_endpoint_url="http://127.0.0.1:4566",
        region="ap-southeast-3",
        table_name="lunas-Table",
        delivery_queue_url="http://127.0.0.1:4566/000000000000/delivery.fifo",
        dead_letter_queue_url="http://127.0.0.1:4566/000000000000/dead.fifo",
        jwt_secret="a" * 40,
        service_api_key="b" * 40,
        service=ServiceIdentity(secret="c" * 40, issuer="i", audience="a", scopes=()),
        duitku=DuitkuProject(merchant_code="DS777", api_key="d" * 32),
        thinkific=ThinkificSite(
            subdomain="lunas", api_key="e" * 32, client_id="f" * 32, client_secret="0" * 32
        ),
        logs=Path("logs"),
    )
