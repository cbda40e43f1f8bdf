"""A running stack: where its parts are and the keys to them, as in ``stack.json``."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from local.cloud.errors import NotUp
from local.cloud.state import State


class Facts(BaseModel):
    """Base of what ``stack.json`` holds: unchangeable, with camelCase keys."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class ServiceIdentity(Facts):
    """How service tokens are made: their own secret, issuer and audience, and known scopes."""

    secret: str
    issuer: str
    audience: str
    scopes: tuple[str, ...]


class DuitkuProject(Facts):
    """The merchant at Duitku, or at its simulator."""

    merchant_code: str
    api_key: str


class ThinkificSite(Facts):
    """The site at Thinkific, or at its simulator."""

    subdomain: str
    api_key: str
    client_id: str
    client_secret: str


class Stack(Facts):
    """One running stack. URLs end without a slash; those of simulators not started are None."""

    api_url: str
    duitku_webhook_url: str
    thinkific_webhook_url: str
    duitku_url: str | None = None
    thinkific_url: str | None = None
    aws_endpoint_url: str
    region: str
    table_name: str
    delivery_queue_url: str
    dead_letter_queue_url: str
    jwt_secret: str
    service_api_key: str
    service: ServiceIdentity
    duitku: DuitkuProject
    thinkific: ThinkificSite
    logs: Path

    def write(self, state: State) -> None:
        """Save as ``stack.json``, readable by this user only: it holds keys."""
        state.stack_file.touch(mode=0o600)
        text = self.model_dump_json(by_alias=True, exclude_none=True, indent=2)
        state.stack_file.write_text(f"{text}\n")


def read(state: State) -> Stack:
    """Give the stack of this state directory; raises ``NotUp`` when there is none."""
    try:
        return Stack.model_validate_json(state.stack_file.read_text())
    except (FileNotFoundError, ValidationError) as error:
        message = f"no stack is up in {state.folder}; `make up` starts one"
        raise NotUp(message) from error
