"""``make thinkific-check``: what a Thinkific site lets Lunas do, and what to fix."""
