"""``make soak``: thousands of purchases while everything around them breaks; docs/soak.md."""
