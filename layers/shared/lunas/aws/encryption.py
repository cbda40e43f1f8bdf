"""Encrypts tokens with the stack's own key before they are stored."""

import base64
import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from lunas.aws import clients
from lunas.aws.settings import setting
from lunas.domain.errors import ConfigurationError
from lunas.domain.sites import Tokens

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class TokenEncryption:
    """Encrypts tokens by KMS, each for one stack and site only."""

    def __init__(self, client: "KMSClient", key: str, stack: str) -> None:
        self._client = client
        self._key = key
        self._stack = stack

    @classmethod
    def from_environment(cls) -> "TokenEncryption":
        """Use the key of this stack."""
        return cls(clients.kms(), setting("TOKEN_KEY"), setting("POWERTOOLS_SERVICE_NAME"))

    def encrypt(self, tokens: Tokens, subdomain: str) -> str:
        """Encrypt tokens, as Base64. KMS takes 4 KB at most, of which two tokens need a tenth."""
        plain = {"accessToken": tokens.access_token, "refreshToken": tokens.refresh_token}
        answer = self._client.encrypt(
            KeyId=self._key,
            Plaintext=json.dumps(plain).encode(),
            EncryptionContext=self._context(subdomain),
        )
        return base64.b64encode(answer["CiphertextBlob"]).decode()

    def decrypt(self, encrypted: str, subdomain: str) -> Tokens:
        """Decrypt tokens; raises ConfigurationError if the key or the context is another one."""
        try:
            answer = self._client.decrypt(
                KeyId=self._key,
                CiphertextBlob=base64.b64decode(encrypted),
                EncryptionContext=self._context(subdomain),
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise ConfigurationError(
                f"the platform's tokens cannot be decrypted with TOKEN_KEY: {code}"
            ) from None
        plain = json.loads(answer["Plaintext"])
        return Tokens(access_token=plain["accessToken"], refresh_token=plain["refreshToken"])

    def _context(self, subdomain: str) -> dict[str, str]:
        return {"stack": self._stack, "site": subdomain}
