"""Training runs that are compared: processes, results, times and memory."""
