"""The Idempotency-Key of a request, with Powertools: the same key has its effect once.

The same key and body get the first response again, the same key with another body gets 422, and a
request gets 409 while the first one runs. A failed request leaves no record, so that it can be
repeated.
"""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

from lunas.aws import clients
from lunas.aws.settings import setting
from lunas.domain.errors import Conflict, InvalidInput, StorageContention
from lunas.storage.retries import PASSING

LIFETIME = 86_400
"""Seconds for which a key is remembered."""

type Opened = dict[str, Any]


def once(
    work: Callable[[dict[str, Any]], Opened],
    *,
    scope: str,
    key: str,
    asked: dict[str, Any],
    context: LambdaContext,
) -> Opened:
    """Run ``work`` on the request ``asked``, or return its earlier result for the same ``key``.

    ``scope`` is the operation: the same key in another scope is another key.

    Raises InvalidInput if the key was used with another body, Conflict while it is in use, and
    StorageContention if the table cannot store the record: then a retry is safe, even if the work
    was done.
    """
    config = IdempotencyConfig(
        event_key_jmespath="key",
        payload_validation_jmespath="asked",
        raise_on_no_idempotency_key=True,
        expires_after_seconds=LIFETIME,
        hash_function="sha256",
        lambda_context=context,
    )
    guarded = idempotent_function(
        lambda request: work(request["asked"]),
        data_keyword_argument="request",
        persistence_store=_records(),
        config=config,
        key_prefix=scope,
    )
    try:
        done: Opened = guarded(request={"key": key, "asked": asked})
    except IdempotencyValidationError:
        message = "was used for another request before"
        raise InvalidInput.of("Idempotency-Key", message) from None
    except IdempotencyAlreadyInProgressError:
        raise Conflict("a request with this Idempotency-Key is still running") from None
    except IdempotencyPersistenceLayerError as error:
        if not _passes(error.__cause__):
            raise
        raise StorageContention("the Idempotency-Key cannot be stored; try again") from error
    return done


def _passes(cause: BaseException | None) -> bool:
    return isinstance(cause, ClientError) and cause.response["Error"]["Code"] in PASSING


def _records() -> DynamoDBPersistenceLayer:
    return DynamoDBPersistenceLayer(
        table_name=setting("TABLE_NAME"),
        key_attr="pk",
        sort_key_attr="sk",
        static_pk_value="IDEMPOTENCY",
        expiry_attr="ttl",
        boto3_client=clients.dynamodb(),
    )
