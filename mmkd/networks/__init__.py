"""Networks: building them, addressing tensors inside them, and running them."""

from mmkd.networks.building import Spec, build_network, network_config
from mmkd.networks.taps import Tap, TapError, Taps, flat, parse_taps, run_tapped

__all__ = [
    "Spec",
    "Tap",
    "TapError",
    "Taps",
    "build_network",
    "flat",
    "network_config",
    "parse_taps",
    "run_tapped",
]
