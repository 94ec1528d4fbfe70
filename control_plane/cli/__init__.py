"""services-ai-admin: one command a file."""
