"""Puts one stack together, in the order in which its parts need each other.

Emulator and simulators start while SAM builds; then the deploy, what the emulator leaves out of
it, the keys, ``stack.json``, and the sample catalog.
"""

from dataclasses import dataclass

from local.cloud import (
    addresses,
    build,
    catalog,
    credentials,
    deploy,
    emulator,
    http_api,
    simulators,
)
from local.cloud.aws import Aws
from local.cloud.build import Target
from local.cloud.credentials import Credentials, Gateways
from local.cloud.errors import NotRegistered
from local.cloud.options import Options
from local.cloud.ports import HOST, free_port
from local.cloud.progress import step
from local.cloud.service import Service
from local.cloud.simulators import Simulator
from local.cloud.stack import Stack
from local.cloud.state import State
from lunas.cli import thinkific_webhooks
from lunas.cli.errors import CommandFailed


@dataclass(frozen=True)
class Parts:
    """What was started for a stack; a simulator is None where the real service is used."""

    aws: Aws
    emulator: Service
    duitku: Simulator | None
    thinkific: Simulator | None

    def wait(self) -> None:
        """Return once every part answers; raises ``ServiceFailed``."""
        emulator.wait(self.emulator, self.aws.endpoint)
        for simulator in (self.duitku, self.thinkific):
            if simulator:
                simulator.wait()


def assemble(state: State, options: Options) -> Stack:
    """Start everything and give the ready stack; the caller stops what was started on failure."""
    keys = credentials.credentials(options.environment)
    gateways = credentials.gateways(options.environment)
    parts = _start_parts(state, keys, gateways, options)
    gateways = _known_gateways(gateways, parts)
    target = build.this_machine()
    with step(options.report, "template built"):
        build.build(target)
    with step(options.report, "emulator and simulators answer"):
        parts.wait()
    parameters = _parameters(gateways, keys, options)
    with step(options.report, "stack deployed"):
        outputs = _deploy(parts.aws, state, target, parameters)
        credentials.store(parts.aws, outputs, keys)
    stack = _describe(parts, keys, outputs, state)
    if parts.thinkific:
        simulators.register_callback(parts.thinkific, keys.thinkific, stack.api_url)
        if parameters.get("ThinkificAuthentication") != "oauth":
            # By OAuth a person connects the site first; then make thinkific-webhooks registers.
            _register_webhooks(parts.aws, outputs)
    if options.catalog:
        with step(options.report, "sample catalog loaded"):
            warning = catalog.load(stack, gateways.thinkific_api_url or "")
        if warning:
            options.report(f"warning: {warning}")
    stack.write(state)
    return stack


def _register_webhooks(aws: Aws, outputs: dict[str, str]) -> None:
    try:
        thinkific_webhooks.register(aws.functions, outputs[thinkific_webhooks.FUNCTION])
    except CommandFailed as error:
        raise NotRegistered(str(error)) from error


def _start_parts(state: State, keys: Credentials, given: Gateways, options: Options) -> Parts:
    port = free_port()
    return Parts(
        aws=Aws(f"http://{HOST}:{port}", emulator.REGION),
        emulator=emulator.start(state, port, options),
        duitku=None if given.duitku_api_url else simulators.start_duitku(state, keys.duitku),
        thinkific=(
            None
            if given.thinkific_api_url
            else simulators.start_thinkific(state, keys.thinkific, keys.thinkific_access_token)
        ),
    )


def _known_gateways(given: Gateways, parts: Parts) -> Gateways:
    """Fill in the simulators' addresses where none was given."""
    duitku = parts.duitku.url if parts.duitku else None
    thinkific = parts.thinkific.url if parts.thinkific else None
    return Gateways(
        duitku_api_url=given.duitku_api_url or duitku,
        duitku_pop_url=given.duitku_pop_url or duitku,
        thinkific_api_url=given.thinkific_api_url or thinkific,
        thinkific_oauth_url=given.thinkific_oauth_url or thinkific,
    )


def _parameters(gateways: Gateways, keys: Credentials, options: Options) -> dict[str, str]:
    """Choose the template's parameters; those not known keep the template's default."""
    chosen = {
        "LogLevel": options.log_level,
        "DuitkuApiUrl": gateways.duitku_api_url,
        "DuitkuPopUrl": gateways.duitku_pop_url,
        "ThinkificApiUrl": gateways.thinkific_api_url,
        "ThinkificOauthUrl": gateways.thinkific_oauth_url,
        "ThinkificSubdomain": keys.thinkific.subdomain,
        "ThinkificAuthentication": options.environment.get("THINKIFIC_AUTHENTICATION"),
    }
    return {name: value for name, value in chosen.items() if value} | dict(options.parameters)


def _deploy(aws: Aws, state: State, target: Target, parameters: dict[str, str]) -> dict[str, str]:
    """Deploy, make good what the emulator leaves out, and give the outputs of the stack."""
    deploy.deploy(aws, state, target, parameters)
    names = deploy.resources(aws)
    http_api.create_routes(aws, names)
    addresses.correct_environments(aws)
    return deploy.outputs(aws)


def _describe(parts: Parts, keys: Credentials, outputs: dict[str, str], state: State) -> Stack:
    api_url = addresses.reachable(outputs["ApiUrl"], parts.aws.endpoint).rstrip("/")
    webhook = addresses.reachable(outputs["DuitkuWebhookUrl"], parts.aws.endpoint)
    events = addresses.reachable(outputs["ThinkificWebhookUrl"], parts.aws.endpoint)
    return Stack(
        api_url=api_url,
        duitku_webhook_url=webhook.rstrip("/"),
        thinkific_webhook_url=events,
        duitku_url=parts.duitku.url if parts.duitku else None,
        thinkific_url=parts.thinkific.url if parts.thinkific else None,
        aws_endpoint_url=parts.aws.endpoint,
        region=parts.aws.region,
        table_name=outputs["TableName"],
        delivery_queue_url=outputs["DeliveryQueueUrl"],
        dead_letter_queue_url=outputs["DeadLetterQueueUrl"],
        jwt_secret=keys.jwt_secret,
        service_api_key=keys.service_api_key,
        service=keys.service,
        duitku=keys.duitku,
        thinkific=keys.thinkific,
        logs=state.function_logs,
    )
