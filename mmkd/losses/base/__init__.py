"""What losses share: pipelines before the comparison, reduction, maps."""
