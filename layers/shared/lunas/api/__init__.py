"""Edges: HTTP, queues and streams on one side, use cases on the other."""
