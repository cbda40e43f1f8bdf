"""Adapters: what Lunas needs from DynamoDB, SQS, Secrets Manager, gateways and platforms."""
