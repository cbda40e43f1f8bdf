"""``make smoke``: checks a stack after a deployment, as ``docs/deploy.md`` describes."""
