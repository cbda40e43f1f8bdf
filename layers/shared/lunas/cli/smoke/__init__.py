"""``make smoke``: after a deploy, asks a stack what ``docs/deploy.md`` has a person check."""
