"""Lambda's Invoke and Runtime API over sandboxed worker processes. Knows nothing of plugins."""
