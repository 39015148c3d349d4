"""Base classes of the losses and what they have in common: pipelines, reduction, maps."""
