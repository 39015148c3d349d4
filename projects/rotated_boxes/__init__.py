"""Distillation of detectors of rotated boxes, by mmrotate."""
