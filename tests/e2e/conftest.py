"""The stacks of the end-to-end tests."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from local.cloud import Options, Stack
from tests.conftest import END_TO_END, FAST, WITHOUT_IAM
from tests.leaks.check import watched_stack


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Run the whole system; what the role of a function does not allow is refused to it."""
    with watched_stack(END_TO_END, replace(FAST, iam=True), request.config) as running:
        yield running


@pytest.fixture(scope="package")
def without_iam(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Run a system that reports its sales, and whose functions may encrypt tokens.

    Its roles are not held against what they do: the local cloud does not know
    kms:EncryptionContext.
    """
    options = Options(parameters={**FAST.parameters, "ExternalOrders": "true"})
    with watched_stack(WITHOUT_IAM, options, request.config) as running:
        yield running
