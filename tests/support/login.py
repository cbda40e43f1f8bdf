"""A login service that signs user tokens with keys of its own, and publishes the public ones."""

from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.support.api_requests import user_claims
from tests.support.loopback import Service, reply

PATH = "/.well-known/jwks.json"

type Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Login:
    """The login service: signs tokens, and publishes its public keys at ``service``."""

    service: Service
    keys: dict[str, Key]

    def show(self, *names: str) -> None:
        """Publish the public keys of these names, and no others."""
        self.service.answers[PATH] = reply(
            {"keys": [public(name, self.keys[name]) for name in names]}
        )

    def token(self, name: str, kid: str | None = None, **changes: Any) -> str:
        """Sign a user's token; ``kid`` is the key's name unless given."""
        claims, headers = user_claims(**changes), {"kid": kid or name}
        return jwt.encode(claims, self.keys[name], algorithm=algorithm(name), headers=headers)


def algorithm(name: str) -> str:
    return "RS256" if name.startswith("rsa") else "ES256"


def public(name: str, key: Key) -> dict[str, Any]:
    """Return a public key as a JWK."""
    if isinstance(key, rsa.RSAPrivateKey):
        written = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        written = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**written, "kid": name, "use": "sig", "alg": algorithm(name)}


def new_keys() -> dict[str, Key]:
    """Make the keys of the login service, old and new, and of an impostor."""
    return {
        "rsa-1": rsa.generate_private_key(65537, 2048),
        "ec-1": ec.generate_private_key(ec.SECP256R1()),
        "rsa-impostor": rsa.generate_private_key(65537, 2048),
        "ec-new": ec.generate_private_key(ec.SECP256R1()),
    }
