"""FCFD, which runs features on through the rest of either network."""
