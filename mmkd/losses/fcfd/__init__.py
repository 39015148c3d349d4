"""FCFD, which runs features through the later layers of either network."""
