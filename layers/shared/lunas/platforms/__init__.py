"""Course platforms, one folder a vendor."""
