"""Modules that a function must not import, because its path does not need them.

Each function of the build is imported in a clean interpreter, as Lambda does it.
A module in these lists would slow down every start without need. If a function comes to need one,
change its list and give the reason.
"""

import subprocess
import sys
from functools import cache

import pytest

from local.cloud.build import build
from local.cloud.state import ROOT
from tests.integration.local_cloud.test_build_artifact import LAYER, TARGET, folder_of

FUNCTIONS = [path.parent.name for path in sorted((ROOT / "functions").glob("*/app.py"))]
PRINT_MODULES = """
import sys
sys.path[:0] = {paths!r}
import app
print(*sorted(sys.modules))
"""
NEVER = frozenset(
    {
        # boto3's resources and S3's transfers, botocore's documentation, waiters, pages and XML.
        "boto3.resources.base", "boto3.docs", "boto3.s3", "s3transfer", "botocore.docs.bcdoc",
        "botocore.waiter", "botocore.paginate", "html.parser", "xml",
        # Guesses the encoding of responses.
        "charset_normalizer.api",
        # Tracing is Lambda's own.
        "aws_xray_sdk",
        # Other ways to be called than those of template.yaml.
        "aws_lambda_powertools.event_handler.appsync",
        "aws_lambda_powertools.event_handler.bedrock_agent",
        "aws_lambda_powertools.event_handler.vpc_lattice",
        "aws_lambda_powertools.utilities.data_classes.kinesis_firehose_event",
        "aws_lambda_powertools.utilities.parameters",
        # Only for requests that carry an Idempotency-Key, a public key, another catalog, or a
        # phone number.
        "phonenumbers",
        "lunas.api.idempotency", "lunas.api.jwks", "lunas.package_service.catalog",
        "aws_lambda_powertools.utilities.idempotency", "cryptography",
        # Types only.
        "lunas.services.repositories",
        # Pydantic's former version.
        "pydantic.v1",
    }
)  # fmt: skip
"""Modules that no function may import at its start; a package stands for all of its modules."""
HTTP = frozenset({"aws_lambda_powertools.event_handler", "pydantic", "pydantic_core", "jwt"})
NO_VENDORS = frozenset({"lunas.platforms.thinkific", "lunas.gateways.duitku", "requests"})
TRACER = "aws_lambda_powertools.tracing.tracer"
"""Modules that the API's resolver needs."""
NOT_BY = {
    # The path of every payment: nothing but what checks and settles one.
    "duitku_webhook": HTTP
    | {
        "lunas.services.checkout", "lunas.services.purchases", "lunas.services.delivery",
        "lunas.services.reconciliation", "lunas.aws.queues", "lunas.platforms.thinkific",
        "lunas.api.responses", "lunas.api.requests",
        "lunas.domain.catalog_mapping", "asyncio", TRACER,
    },
    "initiate_payment": frozenset(
        {
            "lunas.services.delivery", "lunas.services.reconciliation", "lunas.services.callbacks",
            "lunas.aws.queues", "lunas.platforms.thinkific",
            "lunas.domain.catalog_mapping", "asyncio", TRACER,
        }
    ),
    "payments": NO_VENDORS,
    "approve_payment": NO_VENDORS,
    "catalog": NO_VENDORS,
    "enrollments": NO_VENDORS,
    "publish_enrollments": HTTP | {"requests", "lunas.services", "lunas.gateways.duitku"},
    "deliver_enrollment": HTTP | {"lunas.gateways.duitku", "lunas.services.checkout"},
    "reconcile": HTTP | {"lunas.services.checkout", "lunas.services.delivery"},
    # It compares deliveries with Thinkific; only reconcile asks Duitku.
    "audit": HTTP | {"lunas.gateways.duitku", "lunas.services.delivery"},
}  # fmt: skip


IN_LAMBDA = {
    "AWS_REGION": "ap-southeast-3",
    "AWS_DEFAULT_REGION": "ap-southeast-3",
    # A start in Lambda makes clients and services, and so imports what they need.
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
    "TABLE_NAME": "lunas",
    "RETURN_URL": "https://example.com/",
    "INVOICE_MINUTES": "60",
}


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    build(TARGET)


@cache
def modules_of(function: str) -> frozenset[str]:
    """Return the modules that are loaded once a function is."""
    paths = [str(folder_of(function)), str(LAYER)]
    done = subprocess.run(  # noqa: S603 - the code is this module's own
        [sys.executable, "-I", "-S", "-B", "-c", PRINT_MODULES.format(paths=paths)],
        env=IN_LAMBDA,
        capture_output=True,
        text=True,
        check=True,
    )
    return frozenset(done.stdout.split())


def unwanted(function: str, forbidden: frozenset[str]) -> set[str]:
    """Return which of these modules, or of their submodules, a function has loaded."""
    return {
        module
        for module in modules_of(function)
        for each in forbidden
        if module == each or module.startswith(f"{each}.")
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_imports_modules_that_no_start_needs(function: str) -> None:
    assert unwanted(function, NEVER) == set()


@pytest.mark.parametrize("function", sorted(NOT_BY))
def test_a_function_imports_only_modules_that_its_own_path_needs(function: str) -> None:
    assert unwanted(function, frozenset(NOT_BY[function])) == set()


def test_an_imported_module_is_detected() -> None:
    assert "lunas.services.callbacks" in modules_of("duitku_webhook")
    assert unwanted("duitku_webhook", frozenset({"lunas.services"}))
