"""Use cases: what Lunas does, told in terms of the rules. They take what they need as arguments."""
