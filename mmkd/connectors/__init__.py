"""Trainable adapters between feature shapes, and transforms of teachers' features."""

from mmkd.connectors.connect import connect
from mmkd.connectors.conv_bn import ConvBNConnector
from mmkd.connectors.conv_bn_relu import ConvBNReLUConnector
from mmkd.connectors.conv_reg import ConvRegConnector
from mmkd.connectors.mlp import MLPConnector
from mmkd.connectors.projection import ProjectionConnector
from mmkd.connectors.review_connector import ReviewConnector
from mmkd.connectors.running_standardize import RunningStandardize
from mmkd.connectors.tokens import TokenConnector

__all__ = [
    "ConvBNConnector",
    "ConvBNReLUConnector",
    "ConvRegConnector",
    "MLPConnector",
    "ProjectionConnector",
    "ReviewConnector",
    "RunningStandardize",
    "TokenConnector",
    "connect",
]
