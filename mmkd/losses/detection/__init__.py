"""Losses for detectors."""
