"""What the engine benchmark is made of: the two servers, the load, the figures."""
