"""Comparison of training runs: processes, results, times and memory."""
