"""Plan (frozen data), then execute (boto3)."""
