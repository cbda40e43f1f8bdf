"""Errors of commands. Their text is for the person at the terminal.

::

    CommandFailed
    ├── NotDeployed     no such environment, or its stack cannot be read
    ├── NotRegistered   Thinkific did not register a webhook
    └── NoSite          no Thinkific site to check
"""


class CommandFailed(Exception):
    """Base of every error of a command."""


class NotDeployed(CommandFailed):
    """The environment is unknown, has no stack, or the credentials do not allow reading it."""


class NotRegistered(CommandFailed):
    """Thinkific refused a webhook, or did not answer."""


class NoSite(CommandFailed):
    """Neither the environment nor a stack names a site, or its settings do not give access."""
