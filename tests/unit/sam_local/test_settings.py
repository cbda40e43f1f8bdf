"""Settings for SAM: URLs that functions call are rewritten for containers, others are not."""

import re

import pytest

from local.cloud.state import ROOT
from local.sam_local import settings
from local.sam_local.docker import RUN

BUILT = """\
Parameters:
  Architecture:
    Type: String
    Default: x86_64
    AllowedValues:
    - arm64
Globals:
  Function:
    Environment:
      Variables:
        POWERTOOLS_SERVICE_NAME:
          Ref: AWS::StackName
"""
FUNCTIONS = {
    "InitiatePaymentFunction": {
        "TABLE_NAME": "lunas",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "DUITKU_API_URL": "http://127.0.0.1:9001",
        "DUITKU_POP_URL": "http://localhost:9001/",
        "DUITKU_CALLBACK_URL": "http://127.0.0.1:4566/_aws/lambda-url/c3d4/",
        "RETURN_URL": "http://localhost:3001/thanks",
    },
    "ThinkificOauthFunction": {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "API_URL": "http://127.0.0.1:4566/_aws/execute-api/a1b2",
        "THINKIFIC_OAUTH_URL": "http://127.0.0.1:9002",
        "PLATFORM_WEBHOOK_URL": "http://127.0.0.1:4566/webhooks/thinkific",
        "DELIVERY_QUEUE_URL": "http://127.0.0.1:4566/000000000000/delivery.fifo",
        "JWKS_URL": "https://login.example.com/jwks.json",
        "PACKAGE_SERVICE_URL": "",
    },
}


def test_urls_that_functions_call_use_the_address_of_containers_for_this_machine() -> None:
    assert settings.as_called(FUNCTIONS["InitiatePaymentFunction"], "172.17.0.1") == {
        "TABLE_NAME": "lunas",
        "AWS_ENDPOINT_URL": "http://172.17.0.1:4566",
        "DUITKU_API_URL": "http://172.17.0.1:9001",
        "DUITKU_POP_URL": "http://172.17.0.1:9001/",
        "DUITKU_CALLBACK_URL": "http://127.0.0.1:4566/_aws/lambda-url/c3d4/",
        "RETURN_URL": "http://localhost:3001/thanks",
    }


def test_urls_for_others_and_on_other_machines_are_unchanged() -> None:
    assert settings.as_called(FUNCTIONS["ThinkificOauthFunction"], "host.docker.internal") == {
        "AWS_ENDPOINT_URL": "http://host.docker.internal:4566",
        "API_URL": "http://127.0.0.1:4566/_aws/execute-api/a1b2",
        "THINKIFIC_OAUTH_URL": "http://host.docker.internal:9002",
        "PLATFORM_WEBHOOK_URL": "http://127.0.0.1:4566/webhooks/thinkific",
        "DELIVERY_QUEUE_URL": "http://host.docker.internal:4566/000000000000/delivery.fifo",
        "JWKS_URL": "https://login.example.com/jwks.json",
        "PACKAGE_SERVICE_URL": "",
    }


def test_every_url_of_the_template_is_either_called_or_given_out() -> None:
    template = (ROOT / "template.yaml").read_text()
    found = set(re.findall(r"^ +([A-Z_]+_URL):", template, re.MULTILINE))
    assert found
    assert found | {"AWS_ENDPOINT_URL"} == settings.CALLED | (settings.GIVEN_OUT & found), (
        "list it in local/sam_local/settings.py as called or given out"
    )
    assert not settings.CALLED & settings.GIVEN_OUT


@pytest.mark.parametrize(
    ("value", "called"),
    [
        ("http://127.0.0.1:9001", "http://172.17.0.1:9001"),
        ("http://localhost", "http://172.17.0.1"),
        ("http://127.0.0.1/path", "http://172.17.0.1/path"),
        ("http://127.0.0.10:9001", "http://127.0.0.10:9001"),
        ("http://localhost.example.com", "http://localhost.example.com"),
        (
            "https://example.com/?to=http://127.0.0.1:1",
            "https://example.com/?to=http://127.0.0.1:1",
        ),
    ],
)
def test_only_this_machine_is_renamed(value: str, called: str) -> None:
    assert settings.as_called({"JWKS_URL": value}, "172.17.0.1") == {"JWKS_URL": called}


def test_the_ports_to_forward_are_those_that_functions_call_on_this_machine() -> None:
    assert settings.local_ports(FUNCTIONS) == [4566, 9001, 9002]
    assert settings.local_ports({"F": {"JWKS_URL": "http://127.0.0.1/keys"}}) == [80]
    assert settings.local_ports({"F": {"DUITKU_API_URL": "https://sandbox.example.com"}}) == []


def test_the_template_declares_the_settings_of_a_run_and_the_processor() -> None:
    changed = settings.template(BUILT, "arm64", "run-1")
    assert f"        AWS_ENDPOINT_URL: ''\n        {RUN}: run-1\n" in changed
    assert "    Default: arm64\n" in changed
    assert changed.endswith("Ref: AWS::StackName\n")


@pytest.mark.parametrize("missing", ["POWERTOOLS_SERVICE_NAME", "Architecture"])
def test_a_template_without_the_expected_lines_is_refused(missing: str) -> None:
    with pytest.raises(LookupError):
        settings.template(BUILT.replace(missing, "Another"), "arm64", "run-1")
