"""FCFD, whose features run on through the rest of either network."""
