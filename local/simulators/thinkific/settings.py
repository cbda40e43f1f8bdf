"""What a test or a developer can set: the site's credentials, and how the simulator behaves."""

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from local.simulators.bodies import JsonModel

type ResetForm = Literal["ms", "s", "duration", "duration_seconds", "absent"]
type LimitBody = Literal["empty", "text", "html", "json"]
type Role = Literal["site_owner", "site_admin", "partner", "student"]
type RefreshRefusal = Literal["invalid_grant", "unauthorized", "html", "empty"]
type WebhookTargets = Literal["loopback_too", "public"]
type EmailMatch = Literal["exact", "any_case", "partial"]


@dataclass(frozen=True)
class Account:
    """The primary site and the OAuth app, fixed for the life of the process.

    ``access_token`` is an API access token of the site that does not end; none where it is empty.
    """

    subdomain: str
    api_key: str
    client_id: str
    client_secret: str
    access_token: str = ""


class SimulatorSettings(JsonModel):
    """Every choice that Thinkific leaves open or that a plan decides.

    Source: ``docs/reference/thinkific.md``. ``rate_limit`` is calls per minute and site,
    ``concurrency_limit`` calls at once (None: not limited). ``rate_reset_form`` is what
    RateLimit-Reset holds: an epoch in ms or s, or the time left in ms (``duration``) or s. The
    delays are seconds of the simulated clock: ``user_read_delay`` and ``enrollment_read_delay``
    until a list shows a new row, ``bundle_delay`` until the rows of a 202 exist.
    ``new_builder_enrollment`` is whether a course of the new builder, which no GET shows, can
    still be enrolled in by its id. ``installer_role`` is the role of the user who presses Approve,
    ``refresh_refusal`` how a refresh token that is no longer valid is refused,
    ``refresh_voids_access`` whether a refresh also ends the former access token.
    ``webhook_targets`` of ``public`` takes no target on this machine, as Thinkific; a local stack
    has no other. ``webhook_percent`` is the scale of the progress in webhooks,
    ``certificates`` whether completing a course gives one. A webhook is sent again
    ``webhook_retries`` times at most, the n-th time after n times ``webhook_retry_spacing`` real
    seconds; ``webhook_timeout`` is in real seconds, too. ``strict_content_type`` refuses forms,
    ``strict_paths`` doubled and trailing slashes; the real site takes both.
    """

    api_plan: bool = True
    apps_plan: bool = True
    require_user_agent: bool = False
    rate_limit: int = Field(default=120, ge=0)
    rate_reset_form: ResetForm = "ms"
    rate_body: LimitBody = "empty"
    concurrency_limit: int | None = Field(default=None, ge=0)
    email_match: EmailMatch = "any_case"
    user_read_delay: float = Field(default=0.0, ge=0)
    enrollment_read_delay: float = Field(default=0.0, ge=0)
    bundle_answer: Literal["now", "later"] = "now"
    bundle_delay: float = Field(default=5.0, ge=0)
    duplicate_enrollment: Literal["new_row", "same_row", "refuse"] = "new_row"
    put_without_activated_at: Literal["keep", "trial"] = "keep"
    new_builder_enrollment: Literal["accept", "refuse"] = "accept"
    percentage_form: Literal["string", "number"] = "string"
    installer_role: Role = "site_admin"
    refresh_refusal: RefreshRefusal = "invalid_grant"
    refresh_voids_access: bool = False
    webhook_targets: WebhookTargets = "loopback_too"
    webhook_percent: Literal["0-100", "0-1"] = "0-100"
    webhook_retries: int = Field(default=14, ge=0)
    webhook_retry_spacing: float = Field(default=0.2, ge=0)
    webhook_timeout: float = Field(default=10.0, gt=0)
    certificates: bool = True
    strict_content_type: bool = False
    strict_paths: bool = False
