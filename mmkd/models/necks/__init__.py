"""Necks that distillation adds to a student."""

from mmkd.models.necks.simkd_neck import SimKDNeck

__all__ = ["SimKDNeck"]
