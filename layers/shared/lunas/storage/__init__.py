"""The DynamoDB table: one module per kind of item, see docs/reference/data-model.md."""
