"""Distillation inside PyTorch Lightning's training loop."""
