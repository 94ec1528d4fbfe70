"""The demo: what a person would type, typed for them, from a plugin's folder to its being switched off."""
