"""What a plugin is, what it may do, how it is doing, and switching it off."""
