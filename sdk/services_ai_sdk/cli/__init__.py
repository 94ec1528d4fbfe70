"""services-ai-plugin: one command a file."""
