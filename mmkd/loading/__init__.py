"""Data loaders besides torch's, and the function that builds any of them from a config."""

from mmkd.loading.building import build_loader

__all__ = ["build_loader"]
