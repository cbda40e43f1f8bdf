"""The DynamoDB table: one module per kind of item, see docs/data-model.md."""
