"""What the requests of each service ask for: actions, resources, condition keys. One service a module."""
