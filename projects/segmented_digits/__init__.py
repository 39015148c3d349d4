"""Distillation of segmentation networks on scenes of digits."""
