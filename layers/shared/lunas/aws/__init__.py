"""Adapters: what Lunas needs from DynamoDB, SQS, Secrets Manager, Duitku and the platform."""
