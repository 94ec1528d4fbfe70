"""Keys, codecs, conditional writes: the only place that knows DynamoDB."""
