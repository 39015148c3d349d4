"""Selection of the samples, RoIs or locations that enter a term."""

from mmkd.selection.select_by_entropy import SelectByEntropy

__all__ = ["SelectByEntropy"]
