"""Encrypts tokens with the stack's own key before they are stored."""

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from lunas.aws import clients
from lunas.aws.settings import setting
from lunas.domain.errors import ConfigurationError
from lunas.domain.sites import Tokens

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


@dataclass(frozen=True, slots=True)
class TokenEncryption:
    """Encrypts tokens by KMS, each for one stack and site only."""

    client: "KMSClient"
    key: str
    stack: str

    @classmethod
    def from_environment(cls) -> "TokenEncryption":
        """Use the key of this stack."""
        return cls(clients.kms(), setting("TOKEN_KEY"), setting("POWERTOOLS_SERVICE_NAME"))

    def encrypt(self, tokens: Tokens, subdomain: str) -> str:
        """Encrypt tokens, as Base64. KMS takes 4 KB at most, of which two tokens need a tenth."""
        plain = {"accessToken": tokens.access_token, "refreshToken": tokens.refresh_token}
        answer = self.client.encrypt(
            KeyId=self.key,
            Plaintext=json.dumps(plain).encode(),
            EncryptionContext=self._context(subdomain),
        )
        return base64.b64encode(answer["CiphertextBlob"]).decode()

    def decrypt(self, encrypted: str, subdomain: str) -> Tokens:
        """Decrypt tokens; raises ConfigurationError if the key or the context is another one."""
        try:
            answer = self.client.decrypt(
                KeyId=self.key,
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
        return {"stack": self.stack, "site": subdomain}
