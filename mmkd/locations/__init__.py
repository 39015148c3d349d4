"""Places at which the outputs of two detectors are compared, beyond shared RoIs."""

from mmkd.locations.dense_locations import DenseLocations
from mmkd.locations.locations import Locations, Selection, Side
from mmkd.locations.matched_queries import MatchedQueries

__all__ = ["DenseLocations", "Locations", "MatchedQueries", "Selection", "Side"]
