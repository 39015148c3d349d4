"""Figures of trained distillers: their terms, weights, RoIs, curves and features."""

from mmkd.visualization.curves import draw_curves
from mmkd.visualization.roi_figure import draw_roi_weights
from mmkd.visualization.roi_weights import RoIWeights, roi_weights
from mmkd.visualization.sample_figure import draw_samples
from mmkd.visualization.samples import Samples, collect_samples
from mmkd.visualization.similarity import Similarity, draw_similarity, feature_similarity
from mmkd.visualization.trained import trained_distiller

__all__ = [
    "RoIWeights",
    "Samples",
    "Similarity",
    "collect_samples",
    "draw_curves",
    "draw_roi_weights",
    "draw_samples",
    "draw_similarity",
    "feature_similarity",
    "roi_weights",
    "trained_distiller",
]
