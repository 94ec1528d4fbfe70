"""The manifest: model, loading with findings, what the source says."""
