"""What a month costs on AWS, computed from what an operation uses and what that costs."""
