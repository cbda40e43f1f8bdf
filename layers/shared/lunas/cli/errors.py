"""What can go wrong with a command. The text is meant for the person at the terminal.

::

    CommandFailed
    ├── NotDeployed     no such environment, or its stack cannot be read
    ├── NotRegistered   Thinkific did not take a webhook
    └── NoSite          no Thinkific site to check
"""


class CommandFailed(Exception):
    """Base of them all."""


class NotDeployed(CommandFailed):
    """The environment is unknown, has no stack, or the credentials do not open it."""


class NotRegistered(CommandFailed):
    """Thinkific refused a webhook, or did not answer."""


class NoSite(CommandFailed):
    """Neither the environment nor a stack names a site, or its settings do not open it."""
