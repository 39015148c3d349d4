"""The distiller."""

from mmkd.distillers.distiller import Distiller, Step

__all__ = ["Distiller", "Step"]
