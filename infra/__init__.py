"""How the platform and plugins reach AWS or the local cloud."""
