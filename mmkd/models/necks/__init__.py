"""Necks that distillation gives a student."""

from mmkd.models.necks.simkd_neck import SimKDNeck

__all__ = ["SimKDNeck"]
