"""Losses on features of single samples."""
