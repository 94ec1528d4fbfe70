"""From a plugin folder to a lock, a layer and a package, and back."""
