"""Payment gateways, one folder a vendor."""
