"""Trainable adapters between feature shapes."""

from mmkd.connectors.connect import connect
from mmkd.connectors.projection import ProjectionConnector

__all__ = ["ProjectionConnector", "connect"]
