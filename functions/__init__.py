"""The platform's Lambda functions."""
