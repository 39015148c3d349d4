"""Networks: their construction, the addresses of tensors inside them, and their forwards."""

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
