"""Version of mmkd; no other file contains it."""

__version__ = "0.1.0"
