"""Distillation of the tokens of a language model, in the training loop of transformers."""
