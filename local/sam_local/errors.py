"""What can go wrong with ``make sam-local``, beside what can go wrong with the local cloud."""

from local.cloud.errors import LocalCloudError

_NO_DOCKER = """\
make sam-local needs a Docker engine, and {missing}.
Without one:
  make up                                  the same API and functions on the emulator
  make test PYTEST_ARGS=tests/integration/events
                                           every event by Lambda's own runtime client
More in docs/guides/local.md."""


class NoDocker(LocalCloudError):
    """There is no engine to work with; names what is missing and what works without one."""

    def __init__(self, missing: str) -> None:
        super().__init__(_NO_DOCKER.format(missing=missing))


class DockerFailed(LocalCloudError):
    """The engine refused a request; its text is Docker's own."""


class NotReachable(LocalCloudError):
    """Containers of this engine cannot be given a way to the local stack."""


class PortTaken(LocalCloudError):
    """Another program listens where this command has to."""
