"""Places at which outputs of detectors and segmentation networks are compared."""

from mmkd.locations.dense_locations import DenseLocations
from mmkd.locations.locations import Locations, Selection, Side
from mmkd.locations.mask_queries import MaskQueries
from mmkd.locations.matched_queries import MatchedQueries
from mmkd.locations.pixel_locations import PixelLocations
from mmkd.locations.shared_queries import SharedQueries

__all__ = [
    "DenseLocations",
    "Locations",
    "MaskQueries",
    "MatchedQueries",
    "PixelLocations",
    "Selection",
    "SharedQueries",
    "Side",
]
