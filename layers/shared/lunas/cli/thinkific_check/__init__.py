"""``make thinkific-check``: checks what a Thinkific site allows, and prints what to fix."""
