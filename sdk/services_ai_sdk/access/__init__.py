"""From a manifest and grants to a role, a process profile and an import list. Pure."""
