"""Thinkific's credentials in the template: which functions have them and may decrypt them."""

import json
from typing import Any

import pytest

from tests.support import template

NEEDED = {
    "THINKIFIC_SECRET_ID",
    "THINKIFIC_OAUTH_URL",
    "THINKIFIC_SUBDOMAIN",
    "THINKIFIC_AUTHENTICATION",
    "TOKEN_KEY",
}
OPENS = {"kms:Encrypt", "kms:Decrypt"}


def variables(function: str) -> dict[str, Any]:
    found: dict[str, Any] = template.functions()[function]["Environment"]["Variables"]
    return found


def callers() -> list[str]:
    """Return the functions that call Thinkific."""
    return [
        name
        for name, properties in template.functions().items()
        if "THINKIFIC_API_URL" in properties.get("Environment", {}).get("Variables", {})
    ]


def kms_statement(function: str) -> dict[str, Any]:
    (found,) = (
        statement
        for policy in template.functions()[function]["Policies"]
        for statement in policy["Statement"]
        if set(statement["Action"]) & OPENS
    )
    return dict(found)


@pytest.mark.parametrize("function", callers())
def test_every_caller_of_thinkific_can_use_each_kind_of_credentials(function: str) -> None:
    assert variables(function).keys() >= NEEDED
    reads = {"dynamodb:GetItem", "dynamodb:UpdateItem", "secretsmanager:GetSecretValue"}
    allowed = {
        action
        for each in template.statements()
        if each.function == function
        for action in each.actions
    }
    assert allowed >= reads | OPENS


def test_no_other_function_may_use_the_key() -> None:
    users = {
        each.function
        for each in template.statements()
        if any(action.startswith("kms:") for action in each.actions)
    }
    assert users == set(callers())


@pytest.mark.parametrize("function", callers())
def test_tokens_of_another_stack_cannot_be_decrypted(function: str) -> None:
    statement = kms_statement(function)
    assert set(statement["Action"]) == OPENS
    assert statement["Resource"] == {"GetAtt": "TokenKey.Arn"}
    context = {"kms:EncryptionContext:stack": {"Ref": "AWS::StackName"}}
    assert statement["Condition"] == {"StringEquals": context}


@pytest.mark.parametrize("function", sorted({*callers()} - {"ThinkificOauthFunction"}))
def test_without_oauth_only_the_connecting_function_decrypts_tokens(function: str) -> None:
    assert kms_statement(function)["Effect"] == {"If": ["UsesOauth", "Allow", "Deny"]}
    assert kms_statement("ThinkificOauthFunction")["Effect"] == "Allow"


def test_the_connecting_function_writes_nothing_else() -> None:
    (statement,) = (
        each
        for policy in template.functions()["ThinkificOauthFunction"]["Policies"]
        for each in policy["Statement"]
        if each["Sid"] == "Connect"
    )
    keys = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    assert keys == ["OAUTH", "OAUTH#*", "LIMIT#THINKIFIC"]


def test_function_and_output_make_the_redirect_uri_of_the_same_setting() -> None:
    assert variables("ThinkificOauthFunction")["OAUTH_BASE_URL"] == {
        "Ref": "ThinkificRedirectBaseUrl"
    }
    condition, own, other = template.outputs()["ThinkificRedirectBase"]["Value"]["If"]
    assert (condition, other) == ("RedirectToOwnUrl", {"Ref": "ThinkificRedirectBaseUrl"})
    output = json.dumps(variables("ThinkificOauthFunction")["API_URL"])
    assert json.dumps(own).replace("${Api}", "{apiId}") == output


def test_tokens_survive_a_rotation_of_the_key() -> None:
    key = template.resources()["TokenKey"]
    assert key["Properties"]["EnableKeyRotation"] is True
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("Retain", "Retain")
