"""Sample weights and teacher weights: detached tensors computed from logits."""

from mmkd.weights.average_teachers import AverageTeachers
from mmkd.weights.entropy_adaptive_weight import EntropyAdaptiveWeight
from mmkd.weights.entropy_weight import EntropyWeight

__all__ = ["AverageTeachers", "EntropyAdaptiveWeight", "EntropyWeight"]
