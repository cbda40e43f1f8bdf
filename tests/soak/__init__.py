"""``make soak``: thousands of purchases while everything around them breaks; soak.md."""
