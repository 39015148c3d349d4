"""Losses on relations between the samples of a batch."""
