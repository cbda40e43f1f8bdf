"""What can go wrong with the local cloud.

::

    LocalCloudError
    ├── NotUp            no stack where one is needed
    ├── InUse            another command runs its own stack in the same place
    ├── ServiceFailed    the emulator or a simulator did not start, or died
    ├── BuildFailed      sam build
    ├── DeployFailed     sam deploy, with the resource that failed
    ├── NotRegistered    the simulator of Thinkific did not take the webhooks
    └── CatalogRefused   the API did not take the sample catalog
"""


class LocalCloudError(Exception):
    """Base of them all; its text is meant for the person at the terminal."""


class NotUp(LocalCloudError):
    """No stack runs in this state directory."""


class InUse(LocalCloudError):
    """Another demo or test run has a stack of its own in this state directory."""


class ServiceFailed(LocalCloudError):
    """A process of the stack did not become ready or has died; its text has the end of the log."""


class BuildFailed(LocalCloudError):
    """``sam build`` failed; its text has the end of the output."""


class DeployFailed(LocalCloudError):
    """``sam deploy`` failed; its text names the resources and CloudFormation's reasons."""


class NotRegistered(LocalCloudError):
    """The deployed function could not register its webhooks."""


class CatalogRefused(LocalCloudError):
    """The HTTP API answered something else than success to a package or course."""
