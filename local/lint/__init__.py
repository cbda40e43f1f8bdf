"""Rules of our own for cfn-lint."""
