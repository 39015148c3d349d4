"""A dataset of one's own, and a detector distilled on it."""

from projects.household_objects.dataset import HouseholdDataset

__all__ = ["HouseholdDataset"]
