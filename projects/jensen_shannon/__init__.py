"""A loss of one's own beside mmkd."""

from projects.jensen_shannon.jensen_shannon_loss import JensenShannonLoss

__all__ = ["JensenShannonLoss"]
