"""``make smoke``: after a deploy, checks a stack for what ``docs/deploy.md`` asks for."""
