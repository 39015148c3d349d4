"""A distilled student in int8."""
