"""A loss of one's own beside mmkd."""

from projects.alpha_divergence.alpha_divergence_loss import AlphaDivergenceLoss

__all__ = ["AlphaDivergenceLoss"]
